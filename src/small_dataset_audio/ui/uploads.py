"""Files that are dropped into the page: written as they come, up to a limit, whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Final

from small_dataset_audio.errors import InvalidNameError, UploadError
from small_dataset_audio.files import atomic_write
from small_dataset_audio.names import safe_folder_name

MAX_FILE_BYTES: Final = 2 << 30
"""Of one recording: 93 minutes of 48 kHz stereo in 24 bits."""
MAX_CORPUS_BYTES: Final = 8 << 30
MAX_FILES: Final = 2000
MAX_DEPTH: Final = 8


async def receive_file(stream: AsyncIterator[bytes], folder: Path, name: str, announced: str) -> Path:
    """Write what a browser sends.

    Parameters
    ----------
    stream : async iterator of bytes
    folder : Path
        Of this corpus; made where needed.
    name : str
        As the browser has it: ``kick.wav``, or ``drums/kick.wav`` where a folder was dropped. Each part is made safe.
    announced : str
        Length that the browser announces, as text; may be empty.

    Raises
    ------
    UploadError
        Larger than :data:`MAX_FILE_BYTES`, or more than a corpus may hold.
    InvalidNameError
        No usable name.
    OutputError
        The disk is full, or the folder cannot be written.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not 1 <= len(parts) <= MAX_DEPTH or parts[0] == "/" or ".." in parts:
        raise InvalidNameError("the name of a dropped file leads out of its folder; drop the file itself")
    held, count = _size_of(folder)
    if count >= MAX_FILES:
        raise UploadError(f"there are {count} files already, and no more than {MAX_FILES} are taken at a time")
    room = min(MAX_FILE_BYTES, MAX_CORPUS_BYTES - held)
    if announced.isdigit() and int(announced) > room:
        raise UploadError(
            f"{parts[-1]} is too large: {_gigabytes(int(announced))}; there is room for {_gigabytes(room)}"
        )
    path = folder.joinpath(*(safe_folder_name(part) for part in parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        async for block in stream:
            written += len(block)
            if written > room:
                raise UploadError(f"{parts[-1]} is too large: there is room for {_gigabytes(room)}")
            file.write(block)
    return path


def _size_of(folder: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return sum(sizes), len(sizes)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
