"""Models are renamed, duplicated, deleted and restored, each in one step that a kill leaves done or not done.

A model that is being trained is not touched; one that somebody generates from may be: it was read at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import filelock

from small_dataset_audio.errors import ModelError, ModelNotFoundError
from small_dataset_audio.folders import atomic_folder, copy_folder, move_folder
from small_dataset_audio.library.home import Library
from small_dataset_audio.library.trash import Trash, TrashEntry
from small_dataset_audio.models.about import About, check_about, read_about, write_about
from small_dataset_audio.models.metadata import MODEL_FILE
from small_dataset_audio.names import quoted
from small_dataset_audio.training_lock import HOLDER_FILE, LOCK_FILE, is_being_trained, training_process


def rename_model(name: str, new_name: str, library: Library | None = None) -> Path:
    """Give a model another name; returns its folder.

    Takes that it made before name it by its old name, and by its hash, which stays.

    Raises
    ------
    ModelNotFoundError
        No model of that name in the library.
    ModelError
        It is being trained, or there is a model of the new name.
    InvalidNameError, InvalidConfigError
        The new name cannot be used.
    OutputError
        The library cannot be written.
    """
    library = library or Library()
    folder = _existing(library, name)
    target = free_folder(library, new_name, folder)
    with untrained(folder, name, "renamed"):
        say(folder, name=new_name)
        if target != folder:
            move_folder(folder, target)
    return target


def duplicate_model(name: str, new_name: str, library: Library | None = None) -> Path:
    """Copy a model, with its presets, under another name; returns the folder of the copy.

    Raises
    ------
    ModelNotFoundError, ModelError, InvalidNameError, InvalidConfigError, OutputError
        As of :func:`rename_model`.
    """
    library = library or Library()
    folder = _existing(library, name)
    if not (folder / MODEL_FILE).is_file():
        raise ModelError(f"model {quoted(name)} is not finished; there is nothing to duplicate yet")
    target = free_folder(library, new_name)
    with untrained(folder, name, "duplicated"), atomic_folder(target) as temporary:
        copy_folder(folder, temporary, lambda path: path.name not in {LOCK_FILE, HOLDER_FILE})
        say(temporary, name=new_name)
    return target


def delete_model(name: str, library: Library | None = None) -> TrashEntry:
    """Move a model to the trash, from which :func:`restore_model` brings it back.

    Raises
    ------
    ModelNotFoundError
        No model of that name in the library.
    ModelError
        It is being trained.
    OutputError
        It cannot be moved.
    """
    library = library or Library()
    folder = _existing(library, name)
    with untrained(folder, name, "deleted"):
        return Trash(library.root).put_model(folder)


def restore_model(which: str, library: Library | None = None, *, new_name: str | None = None) -> Path:
    """Bring a model back from the trash; returns its folder.

    Parameters
    ----------
    which : str
        Its name, of several deleted models of that name the newest; or the name of its folder in the trash.
    library : Library, optional
    new_name : str, optional
        Where there is another model of the old name by now.

    Raises
    ------
    ModelNotFoundError
        Not in the trash.
    ModelError
        There is a model of that name.
    InvalidNameError, InvalidConfigError, OutputError
    """
    library = library or Library()
    entry = Trash(library.root).find_model(which)
    target = free_folder(library, entry.folder_name if new_name is None else new_name)
    if new_name is not None:
        say(entry.path, name=new_name)
    move_folder(entry.path, target)
    return target


def set_licence(name: str, licence: str, library: Library | None = None) -> Path:
    """Say under which licence the recordings of a model are; returns the model's folder.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, InvalidConfigError, OutputError
    """
    folder = (library or Library()).find(name)
    say(folder, licence=licence.strip())
    return folder


def _existing(library: Library, name: str) -> Path:
    """Folder of a model in whatever state: damaged and unfinished ones can be renamed and deleted too."""
    folder = library.folder_of(name)
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    raise ModelNotFoundError(f"no model {quoted(name)}; {library.what_there_is()}")


def free_folder(library: Library, name: str, own: Path | None = None) -> Path:
    """Folder for a model of a new name.

    Raises
    ------
    InvalidNameError, InvalidConfigError
        The name cannot be used.
    ModelError
        There is a model of that name, and it is not `own`.
    """
    check_about(About(name=name))
    folder = library.folder_of(name)
    if os.path.lexists(folder) and folder != own and not _is_same(folder, own):
        raise ModelError(f"a model {quoted(name)} exists already and is not overwritten; choose another name")
    return folder


def _is_same(folder: Path, own: Path | None) -> bool:
    """Whether two names are one folder: only capitals may differ, where the disk does not tell them apart."""
    return own is not None and folder.name.casefold() == own.name.casefold() and folder.samefile(own)


def say(folder: Path, *, name: str | None = None, licence: str | None = None) -> None:
    """Write down what the owner of a model says of it; None leaves what was said before."""
    about = read_about(folder)
    about = about if name is None else replace(about, name=name)
    write_about(folder, about if licence is None else replace(about, licence=licence))


@contextlib.contextmanager
def untrained(folder: Path, name: str, done: str) -> Iterator[None]:
    """Keep trainings of a model away while it is changed.

    Raises
    ------
    ModelError
        One is at work; the message names its process.
    """
    lock = filelock.FileLock(folder / LOCK_FILE)
    holds = os.name != "nt"  # there, a folder with an open file in it cannot be renamed
    if is_being_trained(folder):
        _refuse(folder, name, done)
    if holds and (folder / LOCK_FILE).is_file():
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            _refuse(folder, name, done)
        except OSError:  # a library that may only be read: the change itself says so
            pass
    try:
        yield
    finally:
        lock.release()


def _refuse(folder: Path, name: str, done: str) -> None:
    holder = training_process(folder)
    process = "another process" if holder is None else f"process {holder}"
    raise ModelError(
        f"model {quoted(name)} is being trained by {process} and cannot be {done} now; wait for it, or stop it with Ctrl-C"
    )
