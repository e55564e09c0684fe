from __future__ import annotations

import importlib
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from small_dataset_audio import __version__
from small_dataset_audio.corpus import MODEL_SCAN, ScanProgress, scan_corpus
from small_dataset_audio.errors import (
    CorpusError,
    InvalidConfigError,
    InvalidNameError,
    ModelError,
    OutputError,
)
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.training import TrainingProgress
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
from tiny import corpus_audio_in, hashes_below, write_recordings
from workflow.trainings import NUM_STEPS, Training, assert_same_weights, stop_after, train

train_module = importlib.import_module("small_dataset_audio.workflow.train")
train_run = importlib.import_module("small_dataset_audio.workflow.train_run")
finishing = importlib.import_module("small_dataset_audio.workflow.finishing")
pytestmark = pytest.mark.usefixtures("quick_training")


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
    assert soundfile.info(first.wav_path).duration == 0.5  # ten seconds, where it is not made quick
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
        assert len(audio) == rate // 2  # four seconds, where it is not made quick
        assert 0.5 < np.abs(audio).max() <= 0.8913
        sidecar = json.loads(preview.wav_path.with_suffix(".json").read_text())
        assert (sidecar["model_name"], sidecar["seed"]) == ("plucks", 3)


def test_nothing_is_left_in_the_folder_but_the_model_and_its_pictures(training: Training):
    names = {path.name for path in training.saved.folder.iterdir()} - {".training.lock"}
    assert names == {MODEL_FILE, corpus_audio_in(training.saved.folder).name, "losses.png", "previews"}
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


def test_without_the_corpus_audio_the_model_speaks_through_griffin_lim(library: Library, request_: TrainRequest):
    saved = train(library, replace(request_, max_steps=1, keep_audio=False)).saved
    assert list(saved.folder.glob("*.flac")) == []
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


# --- what is told ---


def test_an_event_can_be_printed(training: Training, trained_library: Library, tmp_path: Path):
    pipeline = load_pipeline("plucks", library=trained_library)
    (take,) = generate_takes(pipeline, GenerationConfig(0.2, seed=1), output_dir=tmp_path)
    for event in [*training.events, take, training.saved.bundle.density]:
        said = repr(event).replace(str(tmp_path), "")  # which is as long as it happens to be
        assert len(said) < 400, said[:400]


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
