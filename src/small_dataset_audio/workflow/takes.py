"""The history, as every door of the program uses it: search, notes, marks, thumbnails, comparison, finding moved takes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from small_dataset_audio.audio.io import read_audio
from small_dataset_audio.errors import AudioFileError, HistoryError, SidecarError
from small_dataset_audio.files import make_output_folder, remove_quietly
from small_dataset_audio.history import History, HistoryQuery, TakeComparison, TakeRecord, compare_records
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library, Trash, TrashEntry
from small_dataset_audio.plots import plot_comparison, plot_thumbnail
from small_dataset_audio.workflow.recording import describe_take

THUMBNAIL_FOLDER: Final = "thumbnails"
LONGEST_SHOWN_S: Final = 60.0
_MOST_FILES: Final = 100_000


@dataclass(frozen=True)
class ForgottenTake:
    """A take that is no longer in the history, and what of it lies in the trash; None where its files were left alone."""

    record: TakeRecord
    trash: TrashEntry | None


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


def mark_take(number: int, state: str, *, library: Library | None = None) -> TakeRecord:
    """Mark a take as ``kept``, ``discarded`` or ``undecided``; no file is touched."""
    return history_of(library).mark(number, state)


def forget_take(number: int, *, with_files: bool = False, library: Library | None = None) -> ForgottenTake:
    """Take a take out of the history.

    Parameters
    ----------
    number : int
    with_files : bool
        Move its files to the trash of the library too. Without, they stay where they are.

    Raises
    ------
    HistoryError
        There is no such take.
    OutputError
        Its files cannot be moved; then it stays in the history.
    """
    library = library or Library()
    history = history_of(library)
    record = history.get(number)
    entry = None
    if with_files:
        pictures = [] if record.picture_path is None else [record.picture_path]
        entry = Trash(library.root).put_files([record.audio_path, record.sidecar_path, *pictures])
    history.forget(number)
    remove_quietly(_thumbnail_path(library, record))
    return ForgottenTake(record, entry)


def take_thumbnail(number: int, *, library: Library | None = None) -> Path:
    """A small picture of a take, drawn when it is first asked for and kept in the library's home.

    Raises
    ------
    HistoryError
        There is no such take, or its sound is missing and was never drawn.
    AudioFileError, OutputError
    """
    library = library or Library()
    record = history_of(library).get(number)
    path = _thumbnail_path(library, record)
    if path.is_file():
        return path
    if record.is_missing:
        raise HistoryError(f"take {number} is not at {record.audio_path}; `sda history scan FOLDER` finds it again")
    make_output_folder(path.parent)
    shown = read_audio(record.audio_path, max_samples=_shown_samples(record))
    return plot_thumbnail(shown.audio, shown.sample_rate, path)


def compare_takes(
    first: int, second: int, *, picture: Path | None = None, library: Library | None = None
) -> TakeComparison:
    """Compare two takes: the settings and figures in which they differ, and one picture of both where it is asked for.

    Parameters
    ----------
    first, second : int
        Their numbers.
    picture : Path, optional
        PNG to be drawn; of takes over a minute the first minute is shown.
    library : Library, optional

    Raises
    ------
    HistoryError
        There is no such take; or a picture is asked for and its sound is missing.
    AudioFileError, OutputError
    """
    history = history_of(library)
    comparison = compare_records(history.get(first), history.get(second))
    if picture is not None:
        sounds = []
        for record in (comparison.first, comparison.second):
            if record.is_missing:
                raise HistoryError(
                    f"take {record.id} is not at {record.audio_path}; `sda history scan FOLDER` finds it again"
                )
            shown = read_audio(record.audio_path, max_samples=_shown_samples(record))
            sounds.append((f"{record.id}: {record.audio_path.stem}", shown.audio, shown.sample_rate))
        make_output_folder(picture.parent)
        plot_comparison(sounds, picture)
    return comparison


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


def _thumbnail_path(library: Library, record: TakeRecord) -> Path:
    return library.root / THUMBNAIL_FOLDER / f"{record.id}.png"


def _shown_samples(record: TakeRecord) -> int:
    """How much of a take is drawn, in samples of all channels; what a sidecar says of them is not believed too far."""
    rate, channels = min(max(record.sample_rate, 1), 192_000), min(max(record.channels, 1), 2)
    return round(LONGEST_SHOWN_S * rate) * channels


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
        for suffix in (".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3"):
            audio_path = sidecar_path.with_suffix(suffix)
            if audio_path.is_file():
                picture = sidecar_path.with_suffix(".png")
                return describe_take(values, audio_path, sidecar_path, picture if picture.is_file() else None)
    return None
