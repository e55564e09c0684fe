"""A folder of recordings becomes a model in the library."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from small_dataset_audio.corpus import MODEL_SCAN, iter_scan, require_usable
from small_dataset_audio.errors import CheckpointError, InvalidConfigError, ModelError
from small_dataset_audio.files import make_output_folder, sweep_temporaries
from small_dataset_audio.library import CHECKPOINT_FILE, Library, display_folder_name
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.models.metadata_limits import check_wishes
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training_lock import LOCK_FILE, take_training_lock
from small_dataset_audio.workflow.describe import NO_LICENCE
from small_dataset_audio.workflow.device import resolve_device
from small_dataset_audio.workflow.first_sound import FIRST_SOUND_FILE, render_first_sound
from small_dataset_audio.workflow.train_events import (
    FirstSound,
    ModelSaved,
    PreviewMade,
    TrainEvent,
    TrainingStarted,
    TrainRequest,
)
from small_dataset_audio.workflow.train_run import PREVIEW_FOLDER, TrainRun

__all__ = ["FirstSound", "ModelSaved", "PreviewMade", "TrainEvent", "TrainRequest", "TrainingStarted", "train_corpus"]


def train_corpus(
    request: TrainRequest, library: Library | None = None, *, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[TrainEvent]:
    """Train a model on a folder of recordings.

    Parameters
    ----------
    request : TrainRequest
    library : Library, optional
        The user's own by default.
    should_stop : callable
        Asked after every step; True saves a checkpoint, and a model of what is learnt so far, and ends.

    Yields
    ------
    ScanProgress, FirstSound, TrainingStarted, TrainingProgress, TrainingSetback, PreviewMade, ModelSaved
        In this order, but for progress, setbacks and previews, which are mixed; no first sound where a training is resumed.
        ModelSaved is the last.

    Raises
    ------
    InvalidConfigError, InvalidNameError
        Before any work: seed, steps, device, name or licence, or changes to accept where nothing is resumed.
    CorpusError
        The folder is missing or holds nothing usable.
    ModelError
        The name is taken, or another process, which is named, trains this model.
    CheckpointError
        Nothing to resume, or the corpus changed since and that is not accepted.
    TrainingError
        A step comes to no finite number, or finds no memory, whatever is tried; the last checkpoint is whole.
    OutputError
        The library cannot be written, or has no room. Where it was a checkpoint, the one before it is whole.
    """
    started = time.monotonic()
    TrainingConfig(seed=request.seed, max_steps=request.max_steps).validate()  # before any work
    if request.accept_changes and not request.resume:
        raise InvalidConfigError("accept_changes is True; it goes with resume only")
    device = resolve_device(request.device)
    library = library or Library()
    name = _default_name(library, request) if request.name is None else request.name
    check_wishes(name, request.licence)
    folder = library.folder_of(name)
    _refuse_to_overwrite(folder, name, request)
    make_output_folder(folder)
    lock = take_training_lock(
        folder, name
    )  # outside of the try: who does not get it must not tidy up behind its holder
    try:
        with lock:
            for place in (folder, folder / PREVIEW_FOLDER):
                sweep_temporaries(place)
            corpus = require_usable((yield from iter_scan(request.folder, MODEL_SCAN)))
            # It is played out of the recordings: whoever wants no copy of them in the folder gets none of these either.
            if not request.resume and request.keep_audio is not False:
                wav_path = render_first_sound(
                    corpus,
                    name,
                    folder / PREVIEW_FOLDER,
                    device,
                    seed=request.seed,
                    licence=request.licence or NO_LICENCE,
                )
                yield FirstSound(wav_path, time.monotonic() - started)
            run = TrainRun(request, name, folder, corpus, device, started)
            state = run.state
            yield TrainingStarted(
                name,
                folder,
                corpus,
                run.held_out_names,
                str(device),
                state.step,
                state.elapsed_s,
                state.model.config.width,
                run.batch_size,
                run.changes,
            )
            yield from run.train(should_stop)
    finally:
        _remove_if_empty(folder)


def _default_name(library: Library, request: TrainRequest) -> str:
    name = display_folder_name(request.folder)
    return name if request.resume else library.free_name(name)


def _refuse_to_overwrite(folder: Path, name: str, request: TrainRequest) -> None:
    has_checkpoint, has_model = (folder / CHECKPOINT_FILE).is_file(), (folder / MODEL_FILE).is_file()
    if request.resume and not has_checkpoint:
        state = "is finished" if has_model else "does not exist"
        raise CheckpointError(f"model {name!r} {state}, so there is nothing to resume; train without --resume")
    if not request.resume and (has_checkpoint or has_model):
        way = "go on with --resume, or " if has_checkpoint else ""
        raise ModelError(f"model {name!r} exists already; {way}choose another --name")


def _remove_if_empty(folder: Path) -> None:
    """Leave no model folder behind where nothing could be trained; the first sound is no model."""
    if not (folder / CHECKPOINT_FILE).exists() and not (folder / MODEL_FILE).exists():
        previews = folder / PREVIEW_FOLDER
        for path in (previews / FIRST_SOUND_FILE, (previews / FIRST_SOUND_FILE).with_suffix(".json")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or holds what somebody else put there
            previews.rmdir()
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {LOCK_FILE}:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        folder.rmdir()
