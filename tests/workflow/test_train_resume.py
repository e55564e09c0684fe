from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from small_dataset_audio.corpus import MODEL_SCAN, scan_corpus
from small_dataset_audio.errors import (
    CheckpointError,
    ModelError,
)
from small_dataset_audio.files import TEMPORARY_PREFIX
from small_dataset_audio.inference import GenerationConfig, GenerationPipeline
from small_dataset_audio.library import CHECKPOINT_FILE, Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.training import TrainingProgress, load_checkpoint
from small_dataset_audio.workflow import (
    PreviewMade,
    TrainingStarted,
    TrainRequest,
    train_corpus,
)
from small_dataset_audio.workflow.corpus_changes import CorpusChanges
from tiny import corpus_audio_in, five_clips, hashes_below
from workflow.trainings import NUM_STEPS, Training, assert_same_weights, copy_of, stop_after, train

train_module = importlib.import_module("small_dataset_audio.workflow.train")
train_run = importlib.import_module("small_dataset_audio.workflow.train_run")
finishing = importlib.import_module("small_dataset_audio.workflow.finishing")
pytestmark = pytest.mark.usefixtures("quick_training")


# --- stopping and going on ---


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


def test_what_was_asked_of_the_recordings_holds_when_the_training_goes_on(library: Library, request_: TrainRequest):
    private = replace(request_, keep_audio=False, licence="CC0-1.0")
    train(library, private, stop_after(2))
    resume = replace(request_, resume=True)
    assert (resume.keep_audio, resume.licence) == (None, None)
    for stop in (stop_after(1), lambda: False):  # the second one reads what the first one stored
        saved = train(library, resume, stop).saved
        assert list(saved.folder.glob("*.flac")) == []
        assert saved.bundle.metadata.corpus.licence == "CC0-1.0"


def test_what_is_asked_anew_when_the_training_goes_on_holds_from_then_on(library: Library, request_: TrainRequest):
    folder = train(library, request_, stop_after(2)).saved.folder
    assert corpus_audio_in(folder).exists()
    saved = train(library, replace(request_, resume=True, keep_audio=False, licence="CC-BY-4.0")).saved
    assert list(folder.glob("*.flac")) == []
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
