"""What a failed write means, in words that say what to do: the one place where an ``OSError`` becomes a message."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}


def explain_write_error(
    error: OSError,
    path: Path,
    *,
    failure: str | None = None,
    needed_bytes: int | None = None,
    exactly: bool = False,
    advice: str = "{}",
    otherwise: str | None = None,
) -> str:
    """Say on one line why `path` could not be written, and what to do.

    Parameters
    ----------
    error : OSError
        One without an errno is a library's, which keeps the reason to itself (libsndfile says "System error."): there a disk
        with less room than is needed is called full.
    path : Path
        The file, or the folder that it should lie in.
    failure : str, optional
        What could not be done; "`path` cannot be written" without it.
    needed_bytes : int, optional
        Size of what is written, told beside what is free.
    exactly : bool
        Tell these in bytes rather than megabytes.
    advice : str
        What to do, around ``{}`` for the first step, such as "free some space".
    otherwise : str, optional
        The first step where the disk is not full.

    Returns
    -------
    str
    """
    if isinstance(error, FileExistsError):
        return f"{path} exists already and is not overwritten; choose another name or remove it"
    if isinstance(error, NotADirectoryError):
        return f"{path} cannot be made: a part of this path is a file; choose another folder"
    failure = failure or f"{path} cannot be written"
    if is_disk_full(error, path, needed_bytes):
        room = "" if needed_bytes is None else f" ({_room(path, needed_bytes, exactly=exactly)})"
        return f"{failure}: the disk is full{room}; {advice.format('free some space')}"
    step = otherwise or "choose another folder"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{failure}: no permission; {advice.format(step)}"
    room = "" if needed_bytes is None else f"; {_room(path, needed_bytes, exactly=exactly)}"
    if error.errno is None and otherwise is None:
        step = f"check the disk and its quota, or {step}"
    return f"{failure} ({error.strerror or error}{room}); {advice.format(step)}"


def is_disk_full(error: OSError, path: Path, needed_bytes: int | None = None) -> bool:
    """Whether `error` is that of a full disk, or of a library that does not say while less is free than is needed."""
    if error.errno is None:
        return needed_bytes is not None and free_bytes(path) < needed_bytes
    return error.errno in _FULL


def free_bytes(path: Path) -> int:
    """Room on the disk where `path` is, or would be; 0 where that cannot be said."""
    try:
        return shutil.disk_usage(path if path.is_dir() else path.parent).free
    except OSError:
        return 0


def _room(path: Path, needed_bytes: int, *, exactly: bool) -> str:
    free = free_bytes(path)
    if exactly:
        return f"{needed_bytes} bytes are needed, {free} are free"
    return f"{needed_bytes / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free"
