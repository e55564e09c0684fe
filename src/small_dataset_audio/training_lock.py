"""One training at a time for each model: who holds its lock, and how others learn of it.

The lock is the operating system's, on a file of its own: it ends with its process, however that ends. Beside it the holder
writes its process id, for messages. That file can outlive a process that was killed, so it is only believed while the lock is
held, and only of a process that runs.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import filelock

from small_dataset_audio.errors import ModelError
from small_dataset_audio.files import is_running, write_bytes

LOCK_FILE: Final = ".training.lock"
HOLDER_FILE: Final = ".training.pid"
_PATIENCE_S: Final = (
    1.0  # a listing of the library tries every lock for a moment; a holder needs one to write its process id
)
_POLL_S: Final = 0.02


def take_training_lock(folder: Path, name: str) -> contextlib.ExitStack:
    """Lock a model folder for training; the lock ends with the context that is returned.

    Parameters
    ----------
    folder : Path
        Of the model; it exists.
    name : str
        Of the model, for messages.

    Raises
    ------
    ModelError
        Another process trains this model; the message names it.
    OutputError
        The folder cannot be written.
    """
    # An interface may take a training on in another thread than began it.
    lock = filelock.FileLock(folder / LOCK_FILE, thread_local=False)
    try:
        lock.acquire(timeout=_PATIENCE_S, poll_interval=_POLL_S)
    except filelock.Timeout as error:
        holder = training_process(folder)
        process = "another process" if holder is None else f"process {holder}"
        raise ModelError(f"model {name!r} is being trained by {process}; wait for it, or use another --name") from error
    with contextlib.ExitStack() as stack:
        stack.callback(lock.release)
        write_bytes(folder / HOLDER_FILE, str(os.getpid()).encode())
        stack.callback((folder / HOLDER_FILE).unlink, missing_ok=True)
        return stack.pop_all()


def is_being_trained(folder: Path) -> bool:
    """Whether some process trains the model in `folder` at this moment."""
    if not (folder / LOCK_FILE).is_file():
        return False
    try:
        with filelock.FileLock(folder / LOCK_FILE).acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a library that may only be read does not tell
        return False


def training_process(folder: Path) -> int | None:
    """Process id of who holds the lock of `folder`; only to be asked where somebody does. None where it is not known."""
    try:
        process_id = int((folder / HOLDER_FILE).read_text("ascii"))
    except (OSError, ValueError):  # not written yet, or not by this program
        return None
    # On Windows a process cannot be asked after in this way: what is written there was written by a holder of the lock.
    return process_id if process_id > 0 and (os.name == "nt" or is_running(process_id)) else None
