"""Folders that come to be, move and go as a whole: never half of one, and never over anything.

A new folder is filled under a temporary name and then renamed; one that is to go is renamed first and then emptied. What a
killed process leaves is hidden, and swept by whoever changes the library next.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from small_dataset_audio.errors import OutputError, SdaError
from small_dataset_audio.files import (
    TEMPORARY_PREFIX,
    is_stray,
    make_output_folder,
    sync_file,
    sync_folder,
    temporary_name,
)
from small_dataset_audio.write_errors import explain_write_error


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder that becomes `path` when the block ends without an exception.

    Parameters
    ----------
    path : Path
        Must not exist. The folder that it is in is made where needed.

    Yields
    ------
    Path
        Temporary folder beside `path`.

    Raises
    ------
    OutputError
        Disk full, no permission, or `path` exists. Nothing is left behind.
    """
    with scratch_folder(path.parent) as temporary:
        _refuse_what_exists(path)
        yield temporary
        settle_folder(temporary, path)


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new temporary folder in `parent`, which is made where needed; what is left of it at the end is removed.

    Raises
    ------
    OutputError
        Disk full, or no permission.
    """
    make_output_folder(parent)
    sweep_folders(parent)
    temporary = parent / temporary_name("")
    try:
        temporary.mkdir()
        yield temporary
    except SdaError:
        raise
    except OSError as error:
        raise OutputError(explain_write_error(error, parent)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def settle_folder(temporary: Path, path: Path) -> None:
    """Have a finished temporary folder become `path`, safe from a power cut, and never over anything.

    Raises
    ------
    OutputError
        `path` exists, or the disk is full.
    """
    try:
        for folder, _, names in os.walk(temporary):
            for name in names:
                sync_file(Path(folder) / name)
            sync_folder(Path(folder))
    except OSError as error:
        raise OutputError(explain_write_error(error, path)) from error
    move_folder(temporary, path)


def move_folder(source: Path, target: Path) -> None:
    """Rename a folder, on one disk, never over anything.

    Raises
    ------
    OutputError
        `target` exists, or the folder cannot be moved; it is where it was.
    """
    _refuse_what_exists(target)
    try:
        # Where another process makes the target at this moment, only an empty folder can be replaced, and nothing is lost.
        source.rename(target)
    except OSError as error:
        if os.path.lexists(target) and os.path.lexists(source):
            raise OutputError(f"{target} exists already and is not overwritten; choose another name") from error
        raise OutputError(
            f"{source} cannot be moved to {target} ({error.strerror or error}); it is where it was"
        ) from error
    for folder in {source.parent, target.parent}:
        with contextlib.suppress(OSError):  # it is done; only a power cut could undo it, as a whole
            sync_folder(folder)


def copy_folder(source: Path, target: Path, is_wanted: Callable[[Path], bool]) -> None:
    """Copy what is wanted out of a folder into one that exists, folder by folder; links are left out.

    Parameters
    ----------
    source, target : Path
    is_wanted : callable
        Given the path of a file or folder below `source`.

    Raises
    ------
    OSError
        Something cannot be read or written.
    """
    for path in sorted(source.iterdir()):
        if path.is_symlink() or path.name.startswith(TEMPORARY_PREFIX) or not is_wanted(path):
            continue
        if path.is_dir():
            (target / path.name).mkdir()
            copy_folder(path, target / path.name, is_wanted)
        elif path.is_file():
            shutil.copy2(path, target / path.name)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it: at once for whoever looks, then file by file.

    Raises
    ------
    OutputError
        It cannot be removed; then it is where it was.
    """
    doomed = folder.with_name(temporary_name(""))
    move_folder(folder, doomed)
    # What cannot be removed now is hidden, and swept later; that a folder cannot be closed is not among the errors ignored.
    with contextlib.suppress(OSError):
        shutil.rmtree(doomed, ignore_errors=True)


def sweep_folders(parent: Path) -> None:
    """Remove temporary folders that killed processes left in `parent`."""
    strays: list[Path] = []
    with contextlib.suppress(OSError):  # the folder may go at this moment
        strays += parent.glob(f"{TEMPORARY_PREFIX}*")
    for folder in strays:
        with contextlib.suppress(OSError):  # another process sweeps it too
            if folder.is_dir() and not folder.is_symlink() and is_stray(folder):
                shutil.rmtree(folder, ignore_errors=True)


def folder_size_bytes(folder: Path) -> int:
    """Size of all files below `folder`; those that vanish meanwhile count for nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


def _refuse_what_exists(path: Path) -> None:
    if os.path.lexists(path):
        raise OutputError(f"{path} exists already and is not overwritten; choose another name")
