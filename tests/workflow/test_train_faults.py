from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import filelock
import numpy as np
import pytest
import torch

from small_dataset_audio import training_lock
from small_dataset_audio.errors import (
    CheckpointError,
    ModelError,
    ModelNotFoundError,
    OutputError,
    TrainingError,
)
from small_dataset_audio.library import CHECKPOINT_FILE, Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.training import CropDataset, TrainingProgress, TrainingSetback, recovery
from small_dataset_audio.training_lock import HOLDER_FILE, is_being_trained
from small_dataset_audio.workflow import (
    ModelSaved,
    NotSaved,
    PreviewMade,
    TrainingStarted,
    TrainRequest,
    train_corpus,
)
from tiny import run_python
from workflow.conftest import make_training_quick
from workflow.trainings import NUM_STEPS, Training, assert_same_weights, train

train_module = importlib.import_module("small_dataset_audio.workflow.train")
train_run = importlib.import_module("small_dataset_audio.workflow.train_run")
finishing = importlib.import_module("small_dataset_audio.workflow.finishing")
pytestmark = pytest.mark.usefixtures("quick_training")


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


def test_row_24_a_disk_that_stays_full_ends_the_training_with_the_older_checkpoint_whole(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    monkeypatch.setattr(train_run, "_CHECKPOINT_EVERY_S", 0.0)
    request_ = replace(request_, seed=3)
    path = library.folder_of("plucks") / CHECKPOINT_FILE
    running = train_corpus(request_, library)
    for event in running:
        if isinstance(event, TrainingProgress) and event.step == 4:
            break
    data, told = path.read_bytes(), []
    disk_with(monkeypatch, 10_000)
    full = r"checkpoint\.safetensors cannot be written: the disk is full \(\d{5,7} bytes are needed, 10000 are free\); "
    with pytest.raises(OutputError, match=full + "the checkpoint that is there is whole: .* go on with --resume"):
        for event in running:
            told.append(event)
    warnings = [event for event in told if isinstance(event, NotSaved)]
    assert re.search(full.removesuffix("; "), warnings[0].reason)
    assert len(warnings) == 1  # of checkpoints that fail one after the other
    assert told[-1].step == NUM_STEPS
    assert path.read_bytes() == data
    monkeypatch.undo()
    with pytest.MonkeyPatch.context() as patch:
        make_training_quick(patch)
        resumed = train(library, replace(request_, resume=True))
    assert resumed.of(TrainingStarted)[0].step == 3
    assert_same_weights(resumed.saved.folder, training.saved.folder)


def test_row_24_a_disk_that_is_full_for_a_while_costs_a_night_nothing(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    monkeypatch.setattr(train_run, "_CHECKPOINT_EVERY_S", 0.0)
    really, failing = train_run.save_checkpoint, {2, 3, 5}

    def save(path: Any, state: Any, *arguments: Any, **named: Any) -> None:
        if state.step in failing:
            raise OutputError(f"{path} cannot be written: the disk is full (9 bytes are needed); free some space")
        really(path, state, *arguments, **named)

    monkeypatch.setattr(train_run, "save_checkpoint", save)
    made = train(library, replace(request_, seed=3))
    full = f"{made.saved.folder / CHECKPOINT_FILE} cannot be written: the disk is full (9 bytes are needed)"
    assert made.of(NotSaved) == [NotSaved(2, full), NotSaved(5, full)]
    assert [event.step for event in made.of(PreviewMade)] == [2, 4]
    assert_same_weights(made.saved.folder, training.saved.folder)


def test_row_24_a_preview_that_cannot_be_written_is_told_and_the_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, training: Training
):
    def full(*_: object) -> None:
        raise OutputError("step_000002.wav cannot be written: the disk is full; free some space")

    with monkeypatch.context() as patch:
        patch.setattr(train_run.TrainRun, "_preview", full)
        made = train(library, replace(request_, seed=3))
    reason = "step_000002.wav cannot be written: the disk is full"
    assert made.of(NotSaved) == [NotSaved(2, reason), NotSaved(4, reason)]
    assert_same_weights(made.saved.folder, training.saved.folder)


def test_row_24_a_full_library_is_found_before_the_first_sound(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    disk_with(monkeypatch, 100_000)
    monkeypatch.setattr(train_module, "render_first_sound", lambda *_, **__: pytest.fail("a first sound is made"))
    with pytest.raises(OutputError, match="no room for this training"):
        list(train_corpus(request_, library))


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


def poison(patch: pytest.MonkeyPatch, is_bad: Callable[[int, int], bool]) -> None:
    """Let the batches of some (steps done, setbacks) be no numbers."""
    really = CropDataset.batch

    def batch(self: CropDataset, step: int, **named: Any) -> torch.Tensor:
        mel = really(self, step, **named)
        return mel * float("nan") if is_bad(step, named.get("retry", 0)) else mel

    patch.setattr(CropDataset, "batch", batch)


@pytest.fixture
def often_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "GOOD_EVERY_STEPS", 2)


@pytest.mark.usefixtures("often_kept")
def test_row_30_a_training_that_gives_up_saves_what_it_learnt_as_a_model_and_can_be_gone_on_with(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    with monkeypatch.context() as patch:
        poison(patch, lambda step, _: step == 3)
        with pytest.raises(TrainingError) as caught:
            list(train_corpus(request_, library))
    message = str(caught.value)
    assert message.startswith("step 4 came to no finite number, even at 1/32 of the learning rate: train again under")
    end = "up to step 2 is saved as a model that can be used, and --resume goes on from step 2 with other batches"
    assert message.endswith(f"; what was learnt {end}")
    entry = load_bundle(library.find("plucks")).metadata.training
    assert (entry.steps, entry.stop_reason) == (2, "gave up")
    resumed = train(library, replace(request_, resume=True))
    assert resumed.of(TrainingStarted)[0].step == 2
    assert resumed.of(TrainingProgress)[-1].step == NUM_STEPS


def test_row_30_a_training_that_gives_up_before_its_first_step_says_that_nothing_is_saved(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    poison(monkeypatch, lambda step, _: step == 0)
    with pytest.raises(TrainingError, match=r"; no step was made, so nothing is saved$"):
        list(train_corpus(request_, library))
    assert library.entries() == ()


@pytest.mark.usefixtures("often_kept")
@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("save_checkpoint", "what was learnt up to step 2 is lost: the disk is full; free some space"),
        ("save_bundle", "goes on from step 2 with other batches, but there is no model yet: the disk is full; free"),
    ],
)
def test_row_30_a_training_that_gives_up_says_what_could_not_be_saved(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, failing: str, told: str
):
    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full; free some space")

    poison(monkeypatch, lambda step, _: step == 3)
    monkeypatch.setattr(train_run, failing, full)
    monkeypatch.setattr(train_run, "_PREVIEW_AT", ())
    with pytest.raises(TrainingError, match=told):
        list(train_corpus(request_, library))


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
