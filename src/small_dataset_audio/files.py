"""Files: the one atomic write, and strict JSON.

Everything that this package writes goes through :func:`atomic_write`: a unique temporary in the target's own folder is
written, flushed and fsynced, then moved into place, then the folder itself is fsynced. A crash at any moment leaves the
older state or the newer one, never half of either.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import platform
import re
import secrets
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from small_dataset_audio.errors import OutputError, SdaError, SidecarError
from small_dataset_audio.names import quoted
from small_dataset_audio.write_errors import explain_write_error

TEMPORARY_PREFIX = ".sda-tmp-"
_TEMPORARY_NAME = re.compile(re.escape(TEMPORARY_PREFIX) + r"([0-9a-f]{8})-(\d+)-[0-9a-f]{16}(\..*)?")
"""Machine and process that write it, and a random part."""
_STRAY_AFTER_S = 24 * 3600.0  # for temporaries of processes that cannot be asked after


@contextlib.contextmanager
def atomic_write(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends without an exception.

    Parameters
    ----------
    path : Path
        Where the finished file shall be. Its folder must exist.
    overwrite : bool
        Replace an existing file. With False an existing `path` raises and is left as it is, even where two processes
        race for the name.

    Yields
    ------
    Path
        Temporary file name in the same folder, with the same suffix (libraries choose a format by it).

    Raises
    ------
    OutputError
        Disk full, no permission, or `path` exists while `overwrite` is False. The temporary is removed.
    """
    with _write_all_or_none((path,), overwrite=overwrite) as (temporary,):
        yield temporary


@contextlib.contextmanager
def atomic_write_new(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Yield temporaries that become `paths`, in this order, all of them or none; nothing is overwritten.

    A power cut between two moves can leave the first files without the last, each of them whole.

    Parameters
    ----------
    *paths : Path
        Where the finished files shall be. Their folders must exist.

    Yields
    ------
    tuple of Path
        Temporary file names, each in the folder of its file and with its suffix.

    Raises
    ------
    OutputError
        Disk full, no permission, or one of `paths` exists. The temporaries, and those files that were in place
        already, are removed.
    """
    with _write_all_or_none(paths, overwrite=False) as temporaries:
        yield temporaries


@contextlib.contextmanager
def _write_all_or_none(paths: tuple[Path, ...], *, overwrite: bool) -> Iterator[tuple[Path, ...]]:
    temporaries = tuple(path.with_name(temporary_name(path.suffix)) for path in paths)
    leftovers = list(temporaries)
    path = paths[-1]
    try:
        yield temporaries
        for temporary in temporaries:
            sync_file(temporary)
        for path, temporary in zip(paths, temporaries, strict=True):
            if overwrite:
                os.replace(temporary, path)
            else:
                _move_without_overwriting(temporary, path)
                leftovers.append(path)
        for folder in {path.parent for path in paths}:
            sync_folder(folder)
        leftovers = list(temporaries)
    except SdaError:  # some of these are OSErrors, with a better message than ours
        raise
    except OSError as error:
        raise OutputError(explain_write_error(error, path)) from error
    finally:
        for leftover in leftovers:
            remove_quietly(leftover)


@contextlib.contextmanager
def put_back_on_failure(path: Path) -> Iterator[None]:
    """Have `path` as it was where the block fails, though the block may have replaced it; also where it was not there.

    The older file is kept under a second name meanwhile. A file system without hard links puts nothing back.
    """
    kept, was_there = path.with_name(temporary_name(path.suffix)), path.exists()
    with contextlib.suppress(OSError):
        if was_there:
            os.link(path, kept)
    try:
        yield
    except BaseException:  # Ctrl-C too; whatever it is goes on its way below
        with contextlib.suppress(OSError):
            if kept.exists():
                os.replace(kept, path)
            elif not was_there:
                path.unlink(missing_ok=True)
        raise
    finally:
        remove_quietly(kept)


@contextlib.contextmanager
def scratch_file(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the name of a temporary in `folder`, removed when the block ends, for what gets its name from what it holds."""
    path = folder / temporary_name(suffix)
    try:
        yield path
    except SdaError:
        raise
    except OSError as error:
        raise OutputError(explain_write_error(error, folder)) from error
    finally:
        remove_quietly(path)


def remove_file(path: Path) -> None:
    """Remove `path`, if it is there.

    Raises
    ------
    OutputError
        It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be removed ({error.strerror or error}); choose another folder, or remove it"
        ) from error


def remove_quietly(path: Path) -> None:
    """Remove a temporary, if it is there; where that fails, it is hidden, and swept later."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path` atomically."""
    with atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Mapping[str, Any], *, overwrite: bool = True) -> None:
    """Write `value` as strict JSON (no NaN, no Infinity), UTF-8, atomically.

    Raises
    ------
    ValueError
        `value` holds a non-finite number.
    OutputError
        The file cannot be written.
    """
    write_bytes(path, dump_json(value).encode(), overwrite=overwrite)


def dump_json(value: Mapping[str, Any]) -> str:
    """Render strict JSON that any parser in any language reads."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def parse_json(text: str, *, source: str) -> dict[str, Any]:
    """Parse strict JSON whose top level is an object.

    Raises
    ------
    SidecarError
        Not JSON, NaN or Infinity inside, or not an object; the message names `source`.
    """

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not JSON")

    def finite(number: str) -> float:  # Python reads 1e999 as Infinity
        return float(number) if math.isfinite(float(number)) else refuse(quoted(number))

    try:
        value = json.loads(text, parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise SidecarError(
            f"{source} is no sidecar: it is not valid JSON ({error}); give the .json beside a take"
        ) from error
    if not isinstance(value, dict):
        raise SidecarError(
            f"{source} is no sidecar: it holds a JSON {type(value).__name__}; give the .json beside a take"
        )
    return value


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_output_folder(folder: Path) -> Path:
    """Create `folder` where needed, prove that a file can be written in it, and sweep what killed processes left there.

    Raises
    ------
    OutputError
        It is a file, or cannot be created or written; raised before any work is lost.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / temporary_name("")
        try:
            probe.touch()
        except OSError:
            remove_quietly(probe)  # it may be there all the same
            raise
        probe.unlink()
        sweep_temporaries(folder)
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file, not a folder; choose another folder or remove it") from error
    except OSError as error:
        raise OutputError(explain_write_error(error, folder)) from error
    return folder


def sweep_temporaries(folder: Path) -> int:
    """Remove temporaries that a killed process left in `folder`; returns how many.

    Those of processes that still run on this machine are left alone; of processes on another, to which the folder may be
    shared, those that nobody has written to for a day are removed.
    """
    count = 0
    try:
        temporaries = list(folder.glob(f"{TEMPORARY_PREFIX}*"))
    except OSError:  # another process removed the folder at this moment, or it may not be looked into
        return 0
    for temporary in temporaries:
        # Another process may sweep it too; or it may not be removed, and is hidden anyway.
        with contextlib.suppress(OSError):
            if is_stray(temporary):
                temporary.unlink()
                count += 1
    return count


def temporary_name(suffix: str) -> str:
    """Name for a temporary of this process that no other has."""
    return f"{TEMPORARY_PREFIX}{_machine()}-{os.getpid()}-{secrets.token_hex(8)}{suffix}"


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def is_stray(temporary: Path) -> bool:
    """Whether a temporary is of a process that was killed: see :func:`sweep_temporaries`."""
    name = _TEMPORARY_NAME.fullmatch(temporary.name)
    if name is None:  # of an older release
        return True
    written = temporary.stat().st_mtime
    if name[1] == _machine() and os.name != "nt":  # on Windows asking after a process would end it
        return not is_running(int(name[2])) or written < _boot_time()
    return time.time() - written > _STRAY_AFTER_S


def _boot_time() -> float:
    """When this machine began, as file times have it; 0 where it does not say. Process ids begin anew with it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.time() - time.clock_gettime(clock)


def is_running(process_id: int) -> bool:
    """Whether a process runs on this machine; not for Windows, where asking would end it."""
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def _move_without_overwriting(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (exFAT, some network drives): reserve the name first, then replace our own empty file.
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            os.close(descriptor)
            os.replace(temporary, path)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def sync_file(path: Path) -> None:
    """Have the system write what it holds of a file to the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the system write the names in a folder to the disk, where it can."""
    if os.name == "nt":  # Windows has no handle on a folder that could be synced
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be written but not listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems have no such call; the file itself is in place and synced.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}:
            raise
    finally:
        os.close(descriptor)
