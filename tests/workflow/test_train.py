from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import numpy as np
import pytest
import soundfile
import torch

from small_dataset_audio import __version__, training_lock
from small_dataset_audio.corpus import MODEL_SCAN, ScanProgress, scan_corpus
from small_dataset_audio.errors import (
    CheckpointError,
    CorpusError,
    InvalidConfigError,
    InvalidNameError,
    ModelError,
    ModelNotFoundError,
    OutputError,
)
from small_dataset_audio.files import TEMPORARY_PREFIX
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.library import CHECKPOINT_FILE, Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.models.bundle import CORPUS_FILE, MODEL_FILE
from small_dataset_audio.training import CropDataset, TrainingProgress, TrainingSetback, load_checkpoint
from small_dataset_audio.training_lock import HOLDER_FILE, is_being_trained
from small_dataset_audio.workflow import (
    FirstSound,
    ModelSaved,
    PreviewMade,
    TrainingStarted,
    TrainRequest,
    generate_takes,
    load_pipeline,
    train_corpus,
)
from small_dataset_audio.workflow.corpus_changes import CorpusChanges
from tiny import five_clips, hashes_below, run_python, write_recordings
from workflow.conftest import make_training_quick

train_module = importlib.import_module("small_dataset_audio.workflow.train")
train_run = importlib.import_module("small_dataset_audio.workflow.train_run")
finishing = importlib.import_module("small_dataset_audio.workflow.finishing")
pytestmark = pytest.mark.usefixtures("quick_training")

NUM_STEPS = 6


@dataclass(frozen=True)
class Training:
    """A training run to its end."""

    events: list[Any]
    request: TrainRequest
    recordings_before: dict[str, tuple[str, int]]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def saved(self) -> ModelSaved:
        (saved,) = self.of(ModelSaved)
        return saved


def train(library: Library, request: TrainRequest, should_stop: Callable[[], bool] = lambda: False) -> Training:
    before = hashes_below(request.folder)
    return Training(list(train_corpus(request, library, should_stop=should_stop)), request, before)


def stop_after(num_steps: int) -> Callable[[], bool]:
    """Ask to stop at the `num_steps`-th question, which is asked after every step."""
    questions = itertools.count(1)
    return lambda: next(questions) >= num_steps


@pytest.fixture
def request_(recordings: Path) -> TrainRequest:
    return TrainRequest(recordings, "plucks", max_steps=NUM_STEPS)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, recordings: Path, quick_training: None) -> Training:
    """One whole training, looked at from many sides."""
    request = TrainRequest(recordings, "plucks", seed=3, licence="CC0-1.0", max_steps=NUM_STEPS)
    return train(Library(tmp_path_factory.mktemp("home")), request)


# --- a whole training ---


def test_events_come_in_their_order(training: Training):
    kinds = [kind for kind, _ in itertools.groupby(type(event) for event in training.events)]
    assert kinds[:4] == [ScanProgress, FirstSound, TrainingStarted, TrainingProgress]
    assert kinds[-1] is ModelSaved
    assert set(kinds[4:-1]) == {PreviewMade, TrainingProgress}
    assert [event.done for event in training.of(ScanProgress)] == [1, 2, 3, 4, 5]
    assert len(training.of(TrainingStarted)) == 1
    assert [event.step for event in training.of(TrainingProgress)] == list(range(1, NUM_STEPS + 1))
    assert [event.step for event in training.of(PreviewMade)] == [2, 4]


def test_the_start_tells_corpus_split_and_device(training: Training):
    (started,) = training.of(TrainingStarted)
    assert started.name == "plucks"
    assert started.folder == training.saved.folder
    assert len(started.corpus.clips) == 5
    assert len(started.held_out) == 1
    assert set(started.held_out) < {clip.name for clip in started.corpus.clips}
    assert started.step == 0
    assert torch.device(started.device).type in ("cpu", "cuda", "mps")


def test_held_out_recordings_are_measured_on(training: Training):
    assert training.of(TrainingProgress)[-1].losses.held_out is not None


def test_the_saved_model_loads_and_is_the_one_that_was_announced(training: Training):
    bundle = load_bundle(training.saved.folder)
    assert bundle.sha256 == training.saved.bundle.sha256 != ""
    assert bundle.metadata == training.saved.bundle.metadata
    for name, value in bundle.model.state_dict().items():
        assert torch.equal(value, training.saved.bundle.model.state_dict()[name])
    result = GenerationPipeline.from_bundle(bundle).generate(GenerationConfig(0.5, seed=1))
    assert result.vocoder == "mosaic"
    assert np.abs(result.audio).max() > 0.5


def test_the_model_says_where_it_comes_from(training: Training, recordings: Path):
    metadata, corpus = training.saved.bundle.metadata, scan_corpus(recordings)
    assert metadata.name == "plucks"
    assert metadata.sda_version == __version__
    assert metadata.torch_version == torch.__version__
    assert metadata.corpus.folder_name == "my plucks"
    assert metadata.corpus.content_hash == corpus.content_hash
    assert metadata.corpus.licence == "CC0-1.0"
    assert [clip.name for clip in metadata.corpus.clips] == [clip.name for clip in corpus.clips]
    assert "more/pluck 4.wav" in {clip.name for clip in metadata.corpus.clips}
    created = datetime.fromisoformat(metadata.created)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=10)


def test_the_model_says_how_it_was_trained(training: Training):
    entry = training.saved.bundle.metadata.training
    losses = [event.losses for event in training.of(TrainingProgress)]
    assert (entry.seed, entry.steps, entry.stop_reason) == (3, NUM_STEPS, "budget")
    assert entry.loss == pytest.approx(np.mean([point.reconstruction for point in losses]))
    assert entry.held_out_loss == losses[-1].held_out


def test_the_model_keeps_the_corpus_audio(training: Training, recordings: Path):
    clips = scan_corpus(recordings, MODEL_SCAN).clips
    for stored, clip in zip(training.saved.bundle.clips, clips, strict=True):
        np.testing.assert_allclose(stored, clip.audio, rtol=0, atol=2.0**-22)


def test_the_losses_are_drawn(training: Training):
    picture = training.saved.loss_picture
    assert picture.parent == training.saved.folder
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_before_any_training_there_is_a_first_sound(training: Training):
    (first,) = training.of(FirstSound)
    assert first.wav_path == training.saved.folder / "previews" / "first_sound.wav"
    assert soundfile.info(first.wav_path).duration == 10.0
    assert json.loads(first.wav_path.with_suffix(".json").read_text())["seed"] == 3
    assert 0.0 < first.elapsed_s < 600.0


def test_a_resumed_training_has_had_its_first_sound(stopped: Training, library: Library):
    assert len(stopped.of(FirstSound)) == 1
    assert train(library, replace(stopped.request, resume=True)).of(FirstSound) == []


def test_the_first_sound_is_counted_within_the_budget(
    monkeypatch: pytest.MonkeyPatch, library: Library, recordings: Path
):
    clock = [1000.0]
    monkeypatch.setattr(train_module.time, "monotonic", lambda: clock[0])

    def slow(*_: object, **__: object) -> Path:
        clock[0] += 40.0
        return recordings / "first.wav"

    monkeypatch.setattr(train_module, "render_first_sound", slow)
    saved = train(library, TrainRequest(recordings, "plucks", budget_s=90.0), stop_after(1)).saved
    assert 40.0 < saved.bundle.metadata.training.budget_s < 50.0


@pytest.mark.parametrize("event", [FirstSound, TrainingStarted])
def test_what_is_dropped_after_the_first_sound_leaves_nothing(library: Library, request_: TrainRequest, event: type):
    running = train_corpus(request_, library)
    while not isinstance(next(running), event):
        pass
    assert (library.folder_of("plucks") / "previews" / "first_sound.wav").is_file()
    running.close()
    assert library.entries() == ()


def test_previews_go_through_the_export_and_lie_beside_the_model(training: Training):
    for preview in training.of(PreviewMade):
        assert preview.wav_path == training.saved.folder / "previews" / f"step_{preview.step:06d}.wav"
        audio, rate = soundfile.read(preview.wav_path)
        assert len(audio) == 4 * rate
        assert 0.5 < np.abs(audio).max() <= 0.8913
        sidecar = json.loads(preview.wav_path.with_suffix(".json").read_text())
        assert (sidecar["model_name"], sidecar["seed"]) == ("plucks", 3)


def test_nothing_is_left_in_the_folder_but_the_model_and_its_pictures(training: Training):
    names = {path.name for path in training.saved.folder.iterdir()} - {".training.lock"}
    assert names == {MODEL_FILE, CORPUS_FILE, "losses.png", "previews"}
    assert not training.saved.cancelled


def test_the_model_keeps_the_side_of_the_recording_that_is_stereo(training: Training):
    expected, kept = scan_corpus(training.request.folder, MODEL_SCAN).sides, load_bundle(training.saved.folder).sides
    assert [side is None for side in kept] == [side is None for side in expected]
    assert sum(side is not None for side in kept) == 1
    for side, stored in zip(expected, kept, strict=True):
        if side is not None:
            np.testing.assert_allclose(stored, side, atol=2.0**-22, rtol=0)


def test_the_recordings_are_not_touched(training: Training):
    assert len(training.recordings_before) == 5
    assert hashes_below(training.request.folder) == training.recordings_before


def test_training_leaves_the_global_generators_alone(library: Library, request_: TrainRequest):
    torch.manual_seed(7)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - that it is global is the point
    train(library, replace(request_, max_steps=3))
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002 - see above


def test_the_same_request_gives_the_same_weights(training: Training, library: Library):
    again = train(library, training.request)
    assert_same_weights(again.saved.folder, training.saved.folder)
    other = train(library, replace(training.request, name="other", seed=4))
    mine, its = load_bundle(other.saved.folder).model, training.saved.bundle.model
    assert any(not torch.equal(value, its.state_dict()[name]) for name, value in mine.state_dict().items())


def assert_same_weights(one: Path, other: Path) -> None:
    """Weights and density, bit for bit; the time of making differs."""
    first, second = load_bundle(one), load_bundle(other)
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    np.testing.assert_array_equal(first.density.latents, second.density.latents)


def test_without_the_corpus_audio_the_model_speaks_through_griffin_lim(library: Library, request_: TrainRequest):
    saved = train(library, replace(request_, max_steps=1, keep_audio=False)).saved
    assert not (saved.folder / CORPUS_FILE).exists()
    pipeline = GenerationPipeline.from_bundle(load_bundle(saved.folder))
    assert pipeline.generate(GenerationConfig(0.2, seed=1)).vocoder == "griffin_lim"


def test_without_the_corpus_audio_no_first_sound_is_played_out_of_it(library: Library, request_: TrainRequest):
    training = train(library, replace(request_, max_steps=1, keep_audio=False))
    assert training.of(FirstSound) == []
    assert list(training.saved.folder.rglob("first_sound*")) == []


def test_the_budget_counts_from_the_beginning_and_leaves_time_to_finish(library: Library, recordings: Path):
    saved = train(library, TrainRequest(recordings, "plucks", budget_s=90.0), stop_after(1)).saved
    assert 60.0 < saved.bundle.metadata.training.budget_s < 89.0  # a second at least is kept for the end


@pytest.mark.parametrize(("fit_s", "num_previews"), [(0.0, 1), (100.0, 0)])
def test_a_slow_density_is_reserved_for_and_not_spent_on_previews(
    monkeypatch: pytest.MonkeyPatch, library: Library, recordings: Path, fit_s: float, num_previews: int
):
    monkeypatch.setattr(train_run, "time_of_a_fit_s", lambda *_: fit_s)
    monkeypatch.setattr(train_run, "_PREVIEW_AT", (1e-9,))
    request = TrainRequest(recordings, "plucks", budget_s=300.0)
    training = train(library, request, stop_after(2))
    assert len(training.of(PreviewMade)) == num_previews
    assert 270.0 - fit_s < training.saved.bundle.metadata.training.budget_s < 299.0 - fit_s


def test_a_preview_that_took_long_is_the_last_one(monkeypatch: pytest.MonkeyPatch, library: Library, recordings: Path):
    monkeypatch.setattr(train_run, "_PREVIEW_AT", (1e-9, 2e-9))
    monkeypatch.setattr(train_run, "_PREVIEW_SHARE", 1e-4)  # 30 ms of this budget, and no preview is that quick
    monkeypatch.setattr(train_run, "time_of_a_fit_s", lambda *_: 0.0)
    training = train(library, TrainRequest(recordings, "plucks", budget_s=300.0), stop_after(4))
    assert len(training.of(PreviewMade)) == 1


@dataclass
class Timed:
    """Densities fitted under a clock that is set beforehand."""

    fit_s: float
    fitted: list[list[range]]


def timed_fit(monkeypatch: pytest.MonkeyPatch, minutes: int, steps_a_minute: int) -> Timed:
    """Paths of the first two minutes take a second, the density of whatever it is given half a second."""
    seconds = iter([0.0, 1.0, 1.5])
    monkeypatch.setattr(finishing.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(finishing, "latent_path", lambda *_: range(steps_a_minute))
    fitted: list[list[range]] = []
    monkeypatch.setattr(finishing, "fit_density", lambda paths, _: fitted.append(paths))
    minute = np.broadcast_to(np.float32(0.1), 60 * 48_000)
    return Timed(finishing.time_of_a_fit_s(None, None, [minute] * minutes), fitted)


def test_a_density_is_timed_with_the_paths_of_two_minutes_repeated_to_the_length_of_all(
    monkeypatch: pytest.MonkeyPatch,
):
    timed = timed_fit(monkeypatch, minutes=6, steps_a_minute=1000)
    assert timed.fitted == [[range(1000)] * 6]
    assert timed.fit_s == 1.0 * 3 + 0.5


def test_a_density_is_timed_with_no_more_steps_than_a_search_compares_with_all(monkeypatch: pytest.MonkeyPatch):
    timed = timed_fit(monkeypatch, minutes=60, steps_a_minute=2048)
    assert timed.fitted == [[range(2048)] * 8]  # 16,384 steps
    assert timed.fit_s == 1.0 * 30 + 0.5 * 30 / 4


# --- what is told ---


def test_an_event_can_be_printed(training: Training, trained_library: Library, tmp_path: Path):
    pipeline = load_pipeline("plucks", library=trained_library)
    (take,) = generate_takes(pipeline, GenerationConfig(0.2, seed=1), output_dir=tmp_path)
    for event in [*training.events, take, training.saved.bundle.density]:
        assert len(repr(event)) < 400, repr(event)[:400]


def test_a_model_that_was_hardly_trained_says_so(training: Training, library: Library, request_: TrainRequest):
    assert training.saved.warning == "only 6 steps were trained: give it --budget 3m or more"
    cancelled = train(library, request_, stop_after(1)).saved
    assert cancelled.warning == "only 1 step was trained: go on with --resume"


def test_fifty_steps_are_enough_to_say_nothing(library: Library, request_: TrainRequest):
    assert train(library, replace(request_, max_steps=50)).saved.warning == ""
    assert train(library, replace(request_, name="less", max_steps=49)).saved.warning != ""


# --- names ---


def test_without_a_name_the_model_is_called_like_the_folder_numbered_where_that_is_taken(
    library: Library, recordings: Path
):
    request = TrainRequest(recordings, max_steps=1)
    names = [train(library, request).saved.bundle.metadata.name for _ in range(2)]
    assert names == ["my plucks", "my plucks-2"]
    assert [entry.folder.name for entry in library.entries()] == sorted(names)


def test_a_display_name_is_kept_as_it_was_written(library: Library, request_: TrainRequest):
    saved = train(library, replace(request_, name="Wälder: 🌲", max_steps=1)).saved
    assert saved.bundle.metadata.name == "Wälder: 🌲"
    assert library.find("Wälder: 🌲") == saved.folder


def test_a_taken_name_is_refused_and_the_model_stays(trained_library: Library, request_: TrainRequest):
    before = hashes_below(trained_library.root)
    with pytest.raises(ModelError, match="model 'plucks' exists already; choose another --name"):
        next(train_corpus(request_, trained_library))
    assert hashes_below(trained_library.root) == before


# --- refused before any work ---


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": ""}, InvalidNameError),
        ({"name": "../x"}, InvalidNameError),
        ({"name": "."}, InvalidNameError),
        ({"seed": -1}, InvalidConfigError),
        ({"seed": 2**63}, InvalidConfigError),
        ({"max_steps": 0}, InvalidConfigError),
        ({"device": "tpu"}, InvalidConfigError),
        ({"accept_changes": True}, InvalidConfigError),
        ({"name": "n" * 1001}, InvalidConfigError),
        ({"licence": "l" * 10_001}, InvalidConfigError),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_any_work(
    library: Library, request_: TrainRequest, changes: dict[str, Any], error: type
):
    with pytest.raises(error):
        next(train_corpus(replace(request_, **changes), library))
    assert not library.root.exists()


def test_row_34_a_library_that_cannot_be_written_is_an_error_before_the_first_file_is_read(
    tmp_path: Path, request_: TrainRequest
):
    (tmp_path / "home").write_text("a file where the library should be")
    with pytest.raises(OutputError, match="home"):
        next(train_corpus(request_, Library(tmp_path / "home")))


def test_row_23_recordings_that_are_not_there_are_named_and_leave_no_model_behind(tmp_path: Path, library: Library):
    with pytest.raises(CorpusError, match="nowhere does not exist"):
        list(train_corpus(TrainRequest(tmp_path / "nowhere"), library))
    (tmp_path / "file.wav").write_bytes(b"RIFF")
    with pytest.raises(CorpusError, match=r"file\.wav is not a folder"):
        list(train_corpus(TrainRequest(tmp_path / "file.wav", "plucks"), library))
    assert library.entries() == ()


def test_row_13_a_folder_of_silence_leaves_no_model_behind(tmp_path: Path, library: Library):
    folder = write_recordings(tmp_path / "quiet", [np.zeros(48_000, np.float32)] * 2)
    with pytest.raises(CorpusError, match="nothing to learn from"):
        list(train_corpus(TrainRequest(folder, "quiet"), library))
    assert library.entries() == ()
    assert library.free_name("quiet") == "quiet"


# --- stopping and going on ---


@pytest.fixture
def stopped(library: Library, request_: TrainRequest) -> Training:
    return train(library, request_, stop_after(3))


def test_row_33_a_stop_leaves_a_checkpoint_and_a_model_that_can_be_used(stopped: Training, library: Library):
    assert stopped.of(TrainingProgress)[-1].step == 3
    assert stopped.saved.cancelled
    assert stopped.events[-1] is stopped.saved
    assert stopped.saved.bundle.metadata.training.stop_reason == "cancelled"
    state, header = load_checkpoint(stopped.saved.folder / CHECKPOINT_FILE)
    assert state.step == 3
    assert header.training.max_steps == NUM_STEPS
    pipeline = GenerationPipeline.from_bundle(load_bundle(library.find("plucks")))
    assert np.abs(pipeline.generate(GenerationConfig(0.3, seed=1)).audio).max() > 0.5


def test_a_resumed_training_ends_as_if_it_had_never_stopped(stopped: Training, library: Library, tmp_path: Path):
    resumed = train(library, replace(stopped.request, resume=True))
    assert resumed.of(TrainingStarted)[0].step == 3
    assert [event.step for event in resumed.of(TrainingProgress)] == [4, 5, 6]
    assert not resumed.saved.cancelled
    assert resumed.saved.folder == stopped.saved.folder
    assert not (resumed.saved.folder / CHECKPOINT_FILE).exists()
    assert resumed.saved.bundle.metadata.training.stop_reason == "budget"
    whole = train(Library(tmp_path / "another home"), stopped.request)
    assert_same_weights(resumed.saved.folder, whole.saved.folder)


def test_without_resume_what_was_begun_is_not_begun_again(stopped: Training, library: Library):
    with pytest.raises(ModelError, match="'plucks' exists already; go on with --resume, or choose another --name"):
        next(train_corpus(stopped.request, library))


def test_there_must_be_something_to_resume(trained_library: Library, library: Library, request_: TrainRequest):
    resume = replace(request_, resume=True)
    with pytest.raises(CheckpointError, match="'plucks' does not exist, so there is nothing to resume"):
        next(train_corpus(resume, library))
    with pytest.raises(CheckpointError, match="'plucks' is finished, so there is nothing to resume"):
        next(train_corpus(resume, trained_library))
    assert not library.root.exists()


def copy_of(recordings: Path, folder: Path) -> Path:
    shutil.copytree(recordings, folder)
    return folder


def test_what_was_asked_of_the_recordings_holds_when_the_training_goes_on(library: Library, request_: TrainRequest):
    private = replace(request_, keep_audio=False, licence="CC0-1.0")
    train(library, private, stop_after(2))
    resume = replace(request_, resume=True)
    assert (resume.keep_audio, resume.licence) == (None, None)
    for stop in (stop_after(1), lambda: False):  # the second one reads what the first one stored
        saved = train(library, resume, stop).saved
        assert not (saved.folder / CORPUS_FILE).exists()
        assert saved.bundle.metadata.corpus.licence == "CC0-1.0"


def test_what_is_asked_anew_when_the_training_goes_on_holds_from_then_on(library: Library, request_: TrainRequest):
    folder = train(library, request_, stop_after(2)).saved.folder
    assert (folder / CORPUS_FILE).exists()
    saved = train(library, replace(request_, resume=True, keep_audio=False, licence="CC-BY-4.0")).saved
    assert not (folder / CORPUS_FILE).exists()
    assert saved.bundle.metadata.corpus.licence == "CC-BY-4.0"


def test_a_resumption_tells_what_was_used_before(stopped: Training, library: Library):
    (started,) = train(library, replace(stopped.request, resume=True)).of(TrainingStarted)
    assert started.elapsed_s == stopped.of(TrainingProgress)[-1].elapsed_s > 0.0
    assert stopped.of(TrainingStarted)[0].elapsed_s == 0.0


def changed_recordings(recordings: Path, folder: Path, change: str) -> Path:
    copy_of(recordings, folder)
    if change == "a recording more":
        soundfile.write(folder / "new.wav", five_clips()[2][::-1], 48_000)
    if change == "another content":
        soundfile.write(folder / "pluck 0.wav", five_clips()[2][::-1], 48_000)
    if change == "a recording less":
        (folder / "pluck 0.wav").unlink()
    if change == "all of it":
        (folder / "pluck 0.wav").unlink()
        (folder / "pluck 1.wav").rename(folder / "one.wav")
        for number in range(5):
            soundfile.write(folder / f"new {number}.wav", five_clips()[number][::-1], 48_000)
        soundfile.write(folder / "pluck 2.wav", 0.5 * five_clips()[0], 48_000)
    return folder


CHANGES = {
    "a recording more": CorpusChanges(("new.wav",), (), ()),
    "a recording less": CorpusChanges((), ("pluck 0.wav",), ()),
    "another content": CorpusChanges((), (), ("pluck 0.wav",)),
    "all of it": CorpusChanges(tuple(f"new {n}.wav" for n in range(5)), ("pluck 0.wav",), ("pluck 2.wav",)),
}
CHANGES_TOLD = {
    "a recording more": "began with: 1 added (new.wav); put them back",
    "a recording less": "began with: 1 removed (pluck 0.wav); put them back",
    "another content": "began with: 1 changed (pluck 0.wav); put them back",
    "all of it": "began with: 5 added (new 0.wav, new 1.wav, new 2.wav, ...), 1 removed (pluck 0.wav), "
    "1 changed (pluck 2.wav); put them back",
}


@pytest.mark.parametrize("change", CHANGES)
def test_row_32_a_changed_corpus_is_not_resumed_on_and_the_difference_is_told(
    tmp_path: Path, recordings: Path, stopped: Training, library: Library, change: str
):
    folder = changed_recordings(recordings, tmp_path / "changed", change)
    before = hashes_below(stopped.saved.folder)
    with pytest.raises(CheckpointError) as caught:
        list(train_corpus(replace(stopped.request, folder=folder, resume=True), library))
    assert CHANGES_TOLD[change] in str(caught.value)
    assert "by --accept-changes" in str(caught.value)
    assert hashes_below(stopped.saved.folder) == before


@pytest.mark.parametrize("change", CHANGES)
def test_row_32_changes_that_are_accepted_are_gone_on_with(
    tmp_path: Path, recordings: Path, stopped: Training, library: Library, change: str
):
    folder = changed_recordings(recordings, tmp_path / "changed", change)
    request = replace(stopped.request, folder=folder, resume=True, accept_changes=True)
    resumed = train(library, request, stop_after(1))
    (started,) = resumed.of(TrainingStarted)
    assert (started.step, started.changes) == (3, CHANGES[change])
    assert set(started.held_out) < {clip.name for clip in started.corpus.clips}
    saved, before = resumed.saved.bundle, stopped.saved.bundle
    assert saved.metadata.vae == before.metadata.vae  # with the scale of the recordings it began with
    assert saved.metadata.corpus.content_hash == scan_corpus(folder, MODEL_SCAN).content_hash
    # What was accepted once is what the training has from then on.
    last = train(library, replace(request, accept_changes=False))
    assert last.of(TrainingStarted)[0].changes is None
    assert last.of(TrainingProgress)[-1].step == NUM_STEPS


def test_row_32_accepting_changes_where_there_are_none_changes_nothing(
    stopped: Training, library: Library, tmp_path: Path
):
    resumed = train(library, replace(stopped.request, resume=True, accept_changes=True))
    assert resumed.of(TrainingStarted)[0].changes is None
    whole = train(Library(tmp_path / "another home"), stopped.request)
    assert_same_weights(resumed.saved.folder, whole.saved.folder)


def test_recordings_that_were_only_moved_and_renamed_are_resumed_on(
    tmp_path: Path, recordings: Path, stopped: Training, library: Library
):
    folder = copy_of(recordings, tmp_path / "moved")
    (folder / "pluck 0.wav").rename(folder / "more" / "zero.wav")
    resumed = train(library, replace(stopped.request, folder=folder, resume=True))
    assert resumed.of(TrainingProgress)[-1].step == NUM_STEPS


def test_a_damaged_checkpoint_is_named_and_the_model_stays(stopped: Training, library: Library):
    path = stopped.saved.folder / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is damaged"):
        list(train_corpus(replace(stopped.request, resume=True), library))
    load_bundle(stopped.saved.folder)


def test_a_stop_asked_for_at_the_last_step_is_an_end(library: Library, request_: TrainRequest):
    saved = train(library, request_, stop_after(NUM_STEPS)).saved
    assert not saved.cancelled
    assert saved.bundle.metadata.training.stop_reason == "budget"


def test_row_26_what_dies_without_a_word_goes_on_from_its_last_checkpoint(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    monkeypatch.setattr(train_run, "_CHECKPOINT_EVERY_S", 0.0)
    request_ = replace(request_, seed=3)
    dying = train_corpus(request_, library)
    for event in dying:
        if isinstance(event, TrainingProgress) and event.step == 5:
            break
    dying.close()
    folder = library.folder_of("plucks")
    assert not (folder / MODEL_FILE).exists()
    for place in (folder, folder / "previews"):
        (place / f"{TEMPORARY_PREFIX}stray.wav").write_bytes(b"left by a power cut")
    resumed = train(library, replace(request_, resume=True))
    assert resumed.of(TrainingStarted)[0].step == 4
    assert_same_weights(folder, training.saved.folder)
    assert list(folder.rglob(f"{TEMPORARY_PREFIX}*")) == []


def test_what_dies_while_a_preview_is_made_goes_on_from_there(library: Library, request_: TrainRequest):
    dying = train_corpus(request_, library)
    while not isinstance(next(dying), PreviewMade):
        pass
    dying.close()
    state, _ = load_checkpoint(library.folder_of("plucks") / CHECKPOINT_FILE)
    assert state.step == 2


def test_a_resumption_may_have_another_budget(library: Library, recordings: Path):
    request = TrainRequest(recordings, "plucks", budget_s=90.0)
    train(library, request, stop_after(1))
    longer = train(library, replace(request, budget_s=300.0, resume=True), stop_after(1))
    assert longer.saved.bundle.metadata.training.budget_s == 300.0
    as_before = train(library, replace(request, budget_s=None, resume=True), stop_after(1))
    assert as_before.saved.bundle.metadata.training.budget_s == 300.0


# --- no room ---


def disk_with(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_bytes))


def test_row_24_a_disk_without_room_is_an_error_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    disk_with(monkeypatch, 100_000)
    events = []
    with pytest.raises(
        OutputError, match=r"no room for this training: up to \d{6,8} bytes are needed, 100000 are free"
    ):
        for event in train_corpus(request_, library):
            events.append(event)
    assert TrainingProgress not in map(type, events)
    assert library.entries() == ()


def test_row_24_a_disk_that_fills_up_ends_the_training_with_the_older_checkpoint_whole(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    monkeypatch.setattr(train_run, "_CHECKPOINT_EVERY_S", 0.0)
    request_ = replace(request_, seed=3)
    path = library.folder_of("plucks") / CHECKPOINT_FILE
    running = train_corpus(request_, library)
    for event in running:
        if isinstance(event, TrainingProgress) and event.step == 4:
            break
    data = path.read_bytes()
    disk_with(monkeypatch, 10_000)
    full = r"checkpoint\.safetensors cannot be written: the disk is full \(\d{5,7} bytes are needed, 10000 are free\); "
    with pytest.raises(OutputError, match=full + "the checkpoint that is there is whole: .* go on with --resume"):
        list(running)
    assert path.read_bytes() == data
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        make_training_quick(patch)
        resumed = train(library, replace(request_, resume=True))
    assert resumed.of(TrainingStarted)[0].step == 3
    assert_same_weights(resumed.saved.folder, training.saved.folder)


def test_row_24_a_model_that_cannot_be_written_costs_no_step_of_the_training(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    def full(*_: object) -> None:
        raise OutputError("model.safetensors cannot be written: the disk is full; free some space")

    request_ = replace(request_, seed=3)
    with monkeypatch.context() as patch:
        patch.setattr(train_run, "save_bundle", full)
        with pytest.raises(OutputError):
            list(train_corpus(request_, library))
    resumed = train(library, replace(request_, resume=True))
    assert resumed.of(TrainingProgress) == []
    assert resumed.saved.bundle.metadata.training.stop_reason == "budget"
    assert not (resumed.saved.folder / CHECKPOINT_FILE).exists()
    assert_same_weights(resumed.saved.folder, training.saved.folder)


# --- setbacks ---


def test_row_30_a_setback_is_told_and_the_training_goes_on_to_its_end(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    really = CropDataset.batch

    def poisoned(self: CropDataset, step: int, **named: int) -> torch.Tensor:
        mel = really(self, step, **named)
        return mel * float("nan") if (step, named.get("retry")) == (4, 0) else mel

    monkeypatch.setattr(CropDataset, "batch", poisoned)
    made = train(library, request_)
    assert made.of(TrainingSetback) == [TrainingSetback(5, 0, "not finite", 0.5, 2)]
    assert [event.step for event in made.of(TrainingProgress)] == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6]
    assert [event.step for event in made.of(PreviewMade)] == [2, 4, 2, 4]  # by the weights that the model has come to
    assert np.isfinite(made.saved.bundle.metadata.training.loss)


# --- two at a time ---

TRY_LOCK = """
import sys, filelock
try:
    filelock.FileLock(sys.argv[1]).acquire(timeout=0)
    print("free", end="")
except filelock.Timeout:
    print("locked", end="")
"""


def test_row_29_a_second_training_of_the_same_model_leaves_and_the_first_goes_on_unharmed(
    library: Library, request_: TrainRequest
):
    folder = library.folder_of("plucks")
    first = train_corpus(request_, library)
    while not isinstance(next(first), TrainingProgress):
        pass
    assert run_python(TRY_LOCK, folder / ".training.lock") == "locked"
    for resume in (False, True):
        with pytest.raises((ModelError, CheckpointError)):
            next(train_corpus(replace(request_, resume=resume), library))
    with pytest.raises(
        ModelError, match=f"'plucks' is being trained by process {os.getpid()}; wait for it, or use another"
    ):
        next(train_corpus(request_, library))
    with pytest.raises(
        ModelNotFoundError, match=f"'plucks' is being trained now by process {os.getpid()}; wait for it"
    ):
        library.find("plucks")
    assert (folder / ".training.lock").exists()
    *_, saved = first
    assert isinstance(saved, ModelSaved)
    assert run_python(TRY_LOCK, folder / ".training.lock") == "free"
    assert not (folder / HOLDER_FILE).exists()


HOLD_LOCK = """
import sys
from pathlib import Path
from small_dataset_audio.training_lock import take_training_lock
lock = take_training_lock(Path(sys.argv[1]), "plucks")
print("held", flush=True)
sys.stdin.read()
"""


def test_row_29_the_second_training_names_the_first_one_s_process_and_never_one_that_is_gone(
    library: Library, request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training_lock, "_PATIENCE_S", 0.1)
    folder = library.folder_of("plucks")
    folder.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(
            ModelError, match=f"is being trained by process {first.pid}; wait for it, or use another --name"
        ):
            next(train_corpus(request_, library))
        first.kill()
    assert (folder / HOLDER_FILE).read_text() == str(first.pid)  # nobody was left to remove it
    with filelock.FileLock(folder / ".training.lock"):  # a holder that has not written its own yet
        with pytest.raises(ModelError, match="is being trained by another process; wait for it"):
            next(train_corpus(request_, library))
        (folder / HOLDER_FILE).write_text("no number")
        with pytest.raises(ModelError, match="is being trained by another process; wait for it"):
            next(train_corpus(request_, library))
    assert not is_being_trained(folder)
    train(library, replace(request_, max_steps=1))
    assert not (folder / HOLDER_FILE).exists()


def test_row_29_a_listing_that_tries_the_lock_for_a_moment_does_not_turn_a_training_away(
    library: Library, request_: TrainRequest
):
    folder = library.folder_of("plucks")
    folder.mkdir(parents=True)
    looking = filelock.FileLock(folder / ".training.lock", thread_local=False)
    looking.acquire()
    threading.Timer(0.2, looking.release).start()
    assert train(library, replace(request_, max_steps=1)).saved.folder == folder


def test_the_lock_is_given_back_when_training_ends_and_not_when_someone_tidies_up(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    locks = []

    class Remembered(filelock.FileLock):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            locks.append(self)

    monkeypatch.setattr(filelock, "FileLock", Remembered)
    running = train_corpus(replace(request_, max_steps=1), library)
    next(running)
    assert [lock.is_locked for lock in locks] == [True]
    list(running)
    assert [lock.is_locked for lock in locks] == [False]


def test_a_training_that_is_dropped_before_its_first_checkpoint_leaves_nothing(
    library: Library, request_: TrainRequest
):
    running = train_corpus(request_, library)
    while not isinstance(next(running), TrainingProgress):
        pass
    running.close()
    assert library.entries() == ()
