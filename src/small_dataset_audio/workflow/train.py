"""A folder of recordings becomes a model in the library."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from small_dataset_audio.corpus import MODEL_SCAN, iter_scan, require_usable
from small_dataset_audio.errors import CheckpointError, InvalidConfigError, ModelError, OutputError
from small_dataset_audio.files import make_output_folder, sweep_temporaries
from small_dataset_audio.library import CHECKPOINT_FILE, HOME_VARIABLE, Library, display_folder_name
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.models.metadata_limits import check_wishes
from small_dataset_audio.models.vae import outline
from small_dataset_audio.training.checkpoint import read_header
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.sizing import SMALLER_SIZES
from small_dataset_audio.training_lock import HOLDER_FILE, LOCK_FILE, take_training_lock
from small_dataset_audio.workflow.describe import NO_LICENCE
from small_dataset_audio.workflow.device import resolve_device
from small_dataset_audio.workflow.first_sound import FIRST_SOUND_FILE, render_first_sound
from small_dataset_audio.workflow.room import require_room
from small_dataset_audio.workflow.train_events import (
    FirstSound,
    ModelSaved,
    NotSaved,
    PreviewMade,
    TrainEvent,
    TrainingStarted,
    TrainRequest,
)
from small_dataset_audio.workflow.train_run import PREVIEW_FOLDER, TrainRun

__all__ = [
    "FirstSound",
    "ModelSaved",
    "NotSaved",
    "PreviewMade",
    "TrainEvent",
    "TrainRequest",
    "TrainingStarted",
    "train_corpus",
]


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
    ScanProgress, FirstSound, TrainingStarted, TrainingProgress, TrainingSetback, PreviewMade, NotSaved, ModelSaved
        In this order, but for progress, setbacks, previews and what could not be saved on the way, which are mixed;
        no first sound where a training is resumed.
        ModelSaved is the last.

    Raises
    ------
    InvalidConfigError, InvalidNameError
        Before any work: seed, steps, device, name or licence, changes to accept where nothing is resumed, or a budget
        that a resumed training has used already.
    CorpusError
        The folder is missing or holds nothing usable.
    ModelError
        The name is taken, or another process, which is named, trains this model.
    CheckpointError
        Nothing to resume, or the corpus changed since and that is not accepted.
    TrainingError
        A step comes to no finite number, or finds no memory, whatever is tried; what was learnt before is saved.
    OutputError
        The library cannot be written, or has no room. Where it was the last checkpoint, the one before it is whole.
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
    _make_model_folder(folder)
    lock = take_training_lock(
        folder, name
    )  # outside of the try: who does not get it must not tidy up behind its holder
    try:
        with lock, _tidied_up(folder):
            _refuse_to_overwrite(folder, name, request)  # again: who held the lock until now may have left a model
            if request.resume:
                _refuse_a_budget_that_is_used(folder / CHECKPOINT_FILE, request)
            for place in (folder, folder / PREVIEW_FOLDER):
                sweep_temporaries(place)
            corpus = require_usable((yield from iter_scan(request.folder, MODEL_SCAN)))
            # It is played out of the recordings: whoever wants no copy of them in the folder gets none of these either.
            keep_audio = request.keep_audio is not False
            if not request.resume:
                # No size is chosen yet: a disk that is full for the smallest is so for all, and for the first sound.
                weights = outline(VAEConfig(width=SMALLER_SIZES[-1].width))
                require_room(folder, corpus, weights, request.max_steps, keep_audio=keep_audio)
            if not request.resume and keep_audio:
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
        with contextlib.suppress(OSError):  # it holds something, which is the rule
            folder.rmdir()


def _default_name(library: Library, request: TrainRequest) -> str:
    name = display_folder_name(request.folder)
    return name if request.resume else library.free_name(name)


def _refuse_to_overwrite(folder: Path, name: str, request: TrainRequest) -> None:
    # A folder or a link to nothing is no checkpoint, but is there: reading it says what is wrong with it.
    has_checkpoint, has_model = os.path.lexists(folder / CHECKPOINT_FILE), (folder / MODEL_FILE).is_file()
    if request.resume and not has_checkpoint:
        state = "is finished" if has_model else "does not exist"
        raise CheckpointError(f"model {name!r} {state}, so there is nothing to resume; train without --resume")
    if not request.resume and (has_checkpoint or has_model):
        way = "go on with --resume, or " if has_checkpoint else ""
        raise ModelError(f"model {name!r} exists already; {way}choose another --name")


def _make_model_folder(folder: Path) -> None:
    try:
        make_output_folder(folder)
    except OutputError as error:  # its "choose another folder" would be taken for that of the recordings
        reason = (error.__cause__.strerror if isinstance(error.__cause__, OSError) else None) or error
        raise OutputError(
            f"{folder}, where the model would be, cannot be written ({reason}); "
            f"have the library elsewhere by {HOME_VARIABLE}, or make it writable"
        ) from error


def _refuse_a_budget_that_is_used(path: Path, request: TrainRequest) -> None:
    """Without this, the training would be over at once, and its checkpoint gone."""
    header = read_header(path)
    if request.budget_s is None or header.training.max_steps is not None or header.progress >= 1.0:
        return
    if request.budget_s <= header.elapsed_s:
        raise InvalidConfigError(
            f"budget_s {request.budget_s:g} is the total, and {header.elapsed_s:.0f} are used already; give more than that"
        )


@contextlib.contextmanager
def _tidied_up(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    """Leave no model folder behind where nothing could be trained; the first sound is no model.

    For the holder of the lock alone: nobody else can have begun to train here.
    """
    if not (folder / CHECKPOINT_FILE).exists() and not (folder / MODEL_FILE).exists():
        previews = folder / PREVIEW_FOLDER
        for path in (previews / FIRST_SOUND_FILE, (previews / FIRST_SOUND_FILE).with_suffix(".json")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or holds what somebody else put there
            previews.rmdir()
    own = {LOCK_FILE, HOLDER_FILE}
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= own:
        with contextlib.suppress(
            OSError
        ):  # Windows removes no file that is open: what is left is removed with the lock
            for name in own:
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
