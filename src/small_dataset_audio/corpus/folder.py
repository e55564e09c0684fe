"""A folder's files that are audio, or claim to be, in natural order.

Hidden files and folders are left alone (AppleDouble ``._x.wav`` files are among them). A file whose extension is none of
audio's is opened and judged by its content, so that a recording named ``take.dat`` is found and a ``README.txt`` is not
complained about.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from small_dataset_audio.audio.formats import AUDIO_EXTENSIONS
from small_dataset_audio.audio.io import open_regular_file
from small_dataset_audio.audio.probe import probe


@dataclass(frozen=True)
class FoundFile:
    """A file to look into; or, with a `problem`, a file or folder that cannot be looked into."""

    path: Path
    name: str
    problem: str = ""


def list_files(folder: Path, *, follow_links: bool = False) -> list[FoundFile]:
    """List the audio files below `folder`, each once, sorted the way a person counts (``take 2`` before ``take 10``).

    Parameters
    ----------
    folder : Path
    follow_links : bool
        Follow symbolic links that lead out of `folder`. Links within it need no following: what they lead to is found
        on its own.

    Raises
    ------
    OSError
        `folder` itself cannot be listed; a folder within it that cannot is returned with its problem.
    """
    root = folder.resolve()
    found: list[FoundFile] = []
    seen: set[tuple[int, int]] = set()
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            identity = current.stat()
            if (identity.st_dev, identity.st_ino) in seen:  # a loop of links, junctions or mounts
                continue
            seen.add((identity.st_dev, identity.st_ino))
            with os.scandir(current) as entries:
                paths = [current / entry.name for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if current == folder:
                raise
            found.append(
                FoundFile(current, _name(current, folder) + "/", f"unreadable folder: {error.strerror or error}")
            )
            continue
        for path in paths:
            problem = _link_problem(path, root, follow_links) if path.is_symlink() else ""
            if problem:
                if path.is_dir() or _claims_audio(path):
                    found.append(FoundFile(path, _name(path, folder), problem))
            elif _is_dir(path):
                if not path.is_symlink() or not path.resolve().is_relative_to(root):
                    pending.append(path)
            elif _claims_audio(path) or _is_audio_by_content(path):
                found.append(FoundFile(path, _name(path, folder)))
    return sorted(found, key=lambda file: order_key(file.name))


def order_key(name: str) -> tuple[list[list[str | int]], str]:
    """Sort key of a relative path: folders stay together, numbers count as numbers, case and script form do not matter."""
    parts = unicodedata.normalize("NFC", name).split("/")
    return [list(_text_and_numbers(part)) for part in parts], name


def _link_problem(path: Path, root: Path, follow_links: bool) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a link to itself is a RuntimeError before Python 3.13
        return "broken link"
    if follow_links or target.is_relative_to(root):
        return ""
    return "link out of the folder: not followed"


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _claims_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_EXTENSIONS


def _is_audio_by_content(path: Path) -> bool:
    try:
        with open_regular_file(path) as file:
            return probe(file).has_decoder
    except OSError:  # nothing says that it was meant to be audio
        return False


def _name(path: Path, folder: Path) -> str:
    """Path relative to `folder`, as text that every file and terminal takes; undecodable bytes become escapes."""
    return path.relative_to(folder).as_posix().encode(errors="backslashreplace").decode()


def _text_and_numbers(part: str) -> Iterator[str | int]:
    # Text and digits alternate, beginning with text, so that only like is compared with like.
    for index, piece in enumerate(re.split(r"(\d+)", part)):
        yield int(piece) if index % 2 else piece.casefold()
