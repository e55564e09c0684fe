"""Takes that are not wanted: they go to the trash of the library, and come back from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from small_dataset_audio.errors import HistoryError, SidecarError
from small_dataset_audio.files import remove_quietly
from small_dataset_audio.history import TakeRecord
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library, Trash, TrashEntry
from small_dataset_audio.workflow.takes import history_of, thumbnail_path


@dataclass(frozen=True)
class TrashedTake:
    """A take as the history has or had it, and what of it lies in the trash; None where no file was moved."""

    record: TakeRecord
    trash: TrashEntry | None


def discard_take(number: int, *, library: Library | None = None) -> TrashedTake:
    """Mark a take as discarded, and move its files to the trash; :func:`restore_take` brings them back.

    Its record stays, with note, stars and settings. A take whose sound is missing is only marked.

    Raises
    ------
    HistoryError
        There is no such take.
    OutputError
        Its files cannot be moved; then nothing is changed.
    """
    library = library or Library()
    history = history_of(library)
    record = history.get(number)
    entry = None if record.is_missing else _to_trash(record, library)
    return TrashedTake(history.mark(number, "discarded"), entry)


def restore_take(number: int, *, state: str = "undecided", library: Library | None = None) -> TakeRecord:
    """Bring a discarded take back to where it was, and mark it.

    Parameters
    ----------
    number : int
    state : {"undecided", "kept"}
    library : Library, optional

    Raises
    ------
    HistoryError
        There is no such take; or its sound is neither where it was, nor in the trash.
    OutputError
        Another file has its place, or it cannot be written; then nothing is changed.
    """
    library = library or Library()
    history = history_of(library)
    record = history.get(number)
    entry = find_in_trash(record, library)
    if entry is not None:
        Trash(library.root).restore_files(entry, _files(record))
    elif record.is_missing:
        raise HistoryError(
            f"take {number} is neither at {record.audio_path} nor in the trash; `sda history scan FOLDER` finds moved takes"
        )
    return history.mark(number, state)


def keep_take(number: int, *, library: Library | None = None) -> TakeRecord:
    """Mark a take as kept; one that lies in the trash is brought back.

    Raises
    ------
    HistoryError, OutputError
        As of :func:`restore_take`, but for a take that is missing and not in the trash: it is only marked.
    """
    library = library or Library()
    record = history_of(library).get(number)
    if find_in_trash(record, library) is None:
        return history_of(library).mark(number, "kept")
    return restore_take(number, state="kept", library=library)


def forget_take(number: int, *, with_files: bool = False, library: Library | None = None) -> TrashedTake:
    """Take a take out of the history, with its note and stars.

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
    entry = _to_trash(record, library) if with_files and not record.is_missing else None
    history.forget(number)
    remove_quietly(thumbnail_path(library, record))
    return TrashedTake(record, entry)


def find_in_trash(record: TakeRecord, library: Library | None = None) -> TrashEntry | None:
    """Find what lies in the trash of a take: by the name of its sound, and by the hash of its samples where that is known."""
    if not record.is_missing:
        return None
    for entry in Trash((library or Library()).root).takes_with(record.audio_path.name):
        if not record.audio_sha256 or _audio_hash(entry, record) == record.audio_sha256:
            return entry
    return None


def _to_trash(record: TakeRecord, library: Library) -> TrashEntry:
    return Trash(library.root).put_files(_files(record))


def _files(record: TakeRecord) -> list[Path]:
    pictures = [] if record.picture_path is None else [record.picture_path]
    return [record.audio_path, record.sidecar_path, *pictures]


def _audio_hash(entry: TrashEntry, record: TakeRecord) -> object:
    try:
        provenance = read_sidecar(entry.path / record.sidecar_path.name).get("provenance")
    except SidecarError:  # somebody was in the trash
        return None
    return provenance.get("audio_sha256") if isinstance(provenance, dict) else None
