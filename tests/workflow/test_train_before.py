"""What a training refuses before it does anything: used budgets, models of others, folders in the way, no room."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest

from small_dataset_audio.errors import CheckpointError, InvalidConfigError, ModelError, OutputError
from small_dataset_audio.library import CHECKPOINT_FILE, Library
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.training import TrainingProgress, load_checkpoint
from small_dataset_audio.training_lock import take_training_lock
from small_dataset_audio.workflow import TrainingStarted, TrainRequest, train_corpus
from tiny import hashes_below
from workflow.trainings import Training, stop_after, train

train_module = importlib.import_module("small_dataset_audio.workflow.train")
pytestmark = pytest.mark.usefixtures("quick_training")


def test_a_budget_that_is_used_already_is_refused_before_any_work_and_the_checkpoint_stays(
    library: Library, recordings: Path
):
    request = TrainRequest(recordings, "plucks", budget_s=300.0)
    folder = train(library, request, stop_after(2)).saved.folder
    used_s = load_checkpoint(folder / CHECKPOINT_FILE)[0].elapsed_s
    before = hashes_below(folder)
    told = f"budget_s {used_s:g} is the total, and {used_s:.0f} are used already; give more than that"
    with pytest.raises(InvalidConfigError) as caught:
        next(train_corpus(replace(request, budget_s=used_s, resume=True), library))
    assert str(caught.value) == told
    assert hashes_below(folder) == before
    longer = train(library, replace(request, budget_s=used_s + 300.0, resume=True), stop_after(1))
    assert longer.of(TrainingStarted)[0].step == 2


@pytest.mark.parametrize("left", [CHECKPOINT_FILE, MODEL_FILE])
def test_row_29_what_another_training_left_while_this_one_waited_for_the_lock_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest, left: str
):
    folder = library.folder_of("plucks")

    def wait_for_it(*arguments: Any) -> Any:
        lock = take_training_lock(*arguments)
        (folder / left).write_bytes(b"by the first one")
        return lock

    monkeypatch.setattr(train_module, "take_training_lock", wait_for_it)
    with pytest.raises(ModelError, match=r"'plucks' exists already; .*choose another --name"):
        next(train_corpus(request_, library))
    assert (folder / left).read_bytes() == b"by the first one"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_row_29_an_empty_folder_is_removed_by_who_holds_its_lock(
    monkeypatch: pytest.MonkeyPatch, library: Library, request_: TrainRequest
):
    folder, held = library.folder_of("plucks"), []
    really = os.rmdir

    def look(path: Any, *arguments: Any, **named: Any) -> None:
        if Path(path) == folder:
            held.append([lock.is_locked for lock in locks])
        really(path, *arguments, **named)

    locks: list[filelock.BaseFileLock] = []

    class Remembered(filelock.FileLock):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            locks.append(self)

    monkeypatch.setattr(filelock, "FileLock", Remembered)
    monkeypatch.setattr(os, "rmdir", look)
    running = train_corpus(request_, library)
    while not isinstance(next(running), TrainingProgress):
        pass
    running.close()
    assert held[0] == [True]
    assert not folder.exists()
    assert [lock.is_locked for lock in locks] == [False]


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_in_the_place_of_a_checkpoint_is_named(library: Library, request_: TrainRequest, resume: bool):
    path = library.folder_of("plucks") / CHECKPOINT_FILE
    path.mkdir(parents=True)
    told = r"checkpoint\.safetensors is damaged \(it is no plain file\); remove it" if resume else "exists already"
    with pytest.raises((CheckpointError, ModelError), match=told):
        next(train_corpus(replace(request_, resume=resume), library))
    assert path.is_dir()


def test_row_34_a_library_that_cannot_be_written_is_told_as_the_library(tmp_path: Path, request_: TrainRequest):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="have the library elsewhere by SDA_HOME") as caught:
        next(train_corpus(request_, Library(tmp_path / "file")))
    assert "choose another folder" not in str(caught.value)


def test_a_damaged_checkpoint_is_found_before_the_recordings_are_read(stopped: Training, library: Library):
    path = stopped.saved.folder / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is damaged"):
        next(train_corpus(replace(stopped.request, resume=True), library))
