"""The history, as every door of the program uses it: search, notes, stars, marks, finding moved takes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from small_dataset_audio.errors import AudioFileError, HistoryError, SidecarError
from small_dataset_audio.history import History, HistoryQuery, TakeRecord
from small_dataset_audio.inference.file_formats import AUDIO_SUFFIXES
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library
from small_dataset_audio.workflow.recording import describe_take

THUMBNAIL_FOLDER: Final = "thumbnails"
_MOST_FILES: Final = 100_000


@dataclass(frozen=True)
class HistoryScan:
    """What was found in a folder.

    Parameters
    ----------
    looked_at : int
        Sidecars of takes that were there.
    found : tuple of TakeRecord
        Takes that were missing, as they are recorded now.
    added : tuple of TakeRecord
        Takes that the history did not know, where they were asked for.
    still_missing : int
        Takes of the history whose sound is nowhere known.
    """

    looked_at: int
    found: tuple[TakeRecord, ...]
    added: tuple[TakeRecord, ...]
    still_missing: int


def search_takes(query: HistoryQuery | None = None, *, library: Library | None = None) -> tuple[TakeRecord, ...]:
    """Takes of the history, newest first.

    Raises
    ------
    InvalidConfigError, HistoryError
    """
    return history_of(library).search(query)


def count_takes(query: HistoryQuery | None = None, *, library: Library | None = None) -> int:
    """How many takes a query finds, whatever its limit."""
    return history_of(library).count(query)


def get_take(number: int, *, library: Library | None = None) -> TakeRecord:
    """One take by its number; raises HistoryError where there is none."""
    return history_of(library).get(number)


def note_take(number: int, text: str, *, library: Library | None = None) -> TakeRecord:
    """Write a note about a take; an empty one removes it."""
    return history_of(library).note(number, text)


def rate_take(number: int, stars: int, *, library: Library | None = None) -> TakeRecord:
    """Give a take 1 to 5 stars; 0 takes them away."""
    return history_of(library).rate(number, stars)


def mark_take(number: int, state: str, *, library: Library | None = None) -> TakeRecord:
    """Mark a take as ``kept``, ``discarded`` or ``undecided``; no file is touched."""
    return history_of(library).mark(number, state)


def scan_takes(folder: Path, *, add_unknown: bool = False, library: Library | None = None) -> HistoryScan:
    """Look through a folder for takes that were moved or renamed, by the hash of their sound in their sidecars.

    Parameters
    ----------
    folder : Path
        With all below it; links are not followed.
    add_unknown : bool
        Record takes that the history does not know, such as those of another machine.
    library : Library, optional

    Raises
    ------
    HistoryError
        `folder` is no folder; or the history cannot be used.
    OutputError
    """
    if not folder.is_dir():
        raise HistoryError(f"{folder} is no folder; give the one that the takes are in now")
    history = history_of(library)
    records = history.search()
    missing = {record.id: record for record in reversed(records) if record.is_missing}
    places = {record.audio_path for record in records}
    found, added, looked_at = [], [], 0
    for sidecar_path in _sidecars(folder):
        here = _take_at(sidecar_path)
        if here is None:
            continue
        looked_at += 1
        if here.audio_path in places:
            continue
        known = [
            record for record in missing.values() if record.audio_sha256 and record.audio_sha256 == here.audio_sha256
        ]
        # Of several takes of the same samples, the one that was called so.
        known.sort(key=lambda record: record.audio_path.name != here.audio_path.name)
        if known:
            found.append(history.relocate(known[0].id, here.audio_path, here.sidecar_path, here.picture_path))
            del missing[known[0].id]
            places.add(here.audio_path)
        elif add_unknown:
            added.append(history.add(here))
            places.add(here.audio_path)
    return HistoryScan(looked_at, tuple(found), tuple(added), len(missing))


def history_of(library: Library | None) -> History:
    """The history of a library; by default of the user's."""
    return History((library or Library()).root)


def _sidecars(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".json") and not name.startswith("."):
                count += 1
                if count > _MOST_FILES:
                    raise HistoryError(
                        f"{folder} holds over {_MOST_FILES} JSON files; give the folder that the takes are in"
                    )
                yield (Path(parent) / name).absolute()


def _take_at(sidecar_path: Path) -> TakeRecord | None:
    """The take beside a sidecar; None where that is none, or has no sound beside it. Only its own name is looked for."""
    with contextlib.suppress(SidecarError, AudioFileError):
        values = read_sidecar(sidecar_path)
        for suffix in AUDIO_SUFFIXES:
            audio_path = sidecar_path.with_suffix(suffix)
            if audio_path.is_file():
                picture = sidecar_path.with_suffix(".png")
                return describe_take(values, audio_path, sidecar_path, picture if picture.is_file() else None)
    return None


def thumbnail_path(library: Library, record: TakeRecord) -> Path:
    """Where the small picture of a take is kept, whether it was drawn or not.

    Its name is of the sound, and not of the take's number: after a history was damaged, numbers begin anew.
    """
    sound = record.audio_sha256 or str(record.audio_path)
    name = hashlib.sha256(f"{record.made_at} {record.seed} {sound}".encode(errors="replace")).hexdigest()[:32]
    return library.root / THUMBNAIL_FOLDER / f"{name}.png"
