"""The trash: what was deleted lies in the library's home, with the date in its name, until it is emptied.

::

    trash/20261129T081500Z rain/     a model's folder, as it was
    trash/takes/20261129T081500Z/    the files of a take
    trash/kits/rain/20261129T081500Z my kit/    a kit's folder, as it was, of that model
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from small_dataset_audio.errors import ModelError, ModelNotFoundError, OutputError
from small_dataset_audio.files import atomic_write_new, make_output_folder
from small_dataset_audio.folders import (
    atomic_folder,
    folder_size_bytes,
    move_folder,
    remove_folder,
    sweep_folders,
)
from small_dataset_audio.models.metadata import read_metadata
from small_dataset_audio.names import quoted

TRASH_FOLDER: Final = "trash"

_TAKES_FOLDER: Final = "takes"
_KITS_FOLDER: Final = "kits"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ITEM: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-\d+)?(?: (.+))?", re.ASCII)


@dataclass(frozen=True)
class TrashEntry:
    """Something that was deleted.

    Parameters
    ----------
    id : str
        Name of its folder in the trash; of a kit, the folder of its model before that.
    kind : {"model", "take", "kit"}
    name : str
        Of the model; of the take's sound file; or of the kit's folder.
    deleted_at : datetime
        In UTC.
    size_bytes : int
    path : Path
    """

    id: str
    kind: str
    name: str
    deleted_at: datetime
    size_bytes: int
    path: Path

    @property
    def folder_name(self) -> str:
        """What a model's folder was called in the library."""
        match = _ITEM.fullmatch(self.id)
        return (match[2] or "") if match else ""


class Trash:
    """What was deleted from the library of a home.

    Parameters
    ----------
    home : Path
        Nothing is made in it before something is deleted.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / TRASH_FOLDER

    def put_model(self, folder: Path) -> TrashEntry:
        """Move a model's folder here, as it is, in one step.

        Raises
        ------
        OutputError
            It cannot be moved; it is where it was.
        """
        return _model_entry(_put_folder(folder, self.folder))

    def put_kit(self, folder: Path) -> TrashEntry:
        """Move a kit's folder here, as it is, in one step; it is kept by the folder of its model, which it was in.

        Raises
        ------
        OutputError
            It cannot be moved; it is where it was.
        """
        return _kit_entry(_put_folder(folder, self.folder / _KITS_FOLDER / folder.parent.name))

    def put_files(self, files: Sequence[Path]) -> TrashEntry:
        """Move the files of a take here; those that are not there are left out.

        They are copied and then removed: a take may lie on another disk.

        Raises
        ------
        OutputError
            They cannot be moved; all of them are where they were.
        """
        there = [path for path in files if path.is_file()]
        if not there:
            raise OutputError(f"{files[0]} is not there any more; nothing was moved to the trash")
        place = next(_free_items(self.folder / _TAKES_FOLDER, ""))
        with atomic_folder(place) as temporary:
            for path in there:
                shutil.copy2(path, temporary / path.name)
        for path in there:
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(
                    f"{path} cannot be removed ({error.strerror or error}); a copy of it is in {place}"
                ) from error
        return _take_entry(place)

    def takes_with(self, name: str) -> tuple[TrashEntry, ...]:
        """Takes that hold a file of this name, newest first."""
        found = [_take_entry(path) for path in _items(self.folder / _TAKES_FOLDER) if (path / name).is_file()]
        return tuple(sorted(found, key=lambda entry: (entry.deleted_at, entry.id), reverse=True))

    def restore_files(self, entry: TrashEntry, targets: Sequence[Path]) -> tuple[Path, ...]:
        """Bring the files of a take back to where they shall be, by their names; returns those that there were.

        They are copied, and then removed here. A file that is there already and is the same counts as brought back: a
        killed process may have left it.

        Raises
        ------
        OutputError
            Another file has the place, or it cannot be written; nothing was changed.
        """
        there = [path for path in targets if (entry.path / path.name).is_file()]
        for folder in {path.parent for path in there}:
            make_output_folder(folder)
        absent = [path for path in there if not _is_copy(entry.path / path.name, path)]
        if absent:
            with atomic_write_new(*absent) as temporaries:
                for path, temporary in zip(absent, temporaries, strict=True):
                    shutil.copy2(entry.path / path.name, temporary)
        remove_folder(entry.path)
        return tuple(there)

    def entries(self) -> tuple[TrashEntry, ...]:
        """All that lies here, newest last."""
        found = [_model_entry(path) for path in _items(self.folder) if path.name != _TAKES_FOLDER]
        found += [_take_entry(path) for path in _items(self.folder / _TAKES_FOLDER)]
        found += [_kit_entry(path) for model in self._kit_folders() for path in _items(model)]
        return tuple(sorted(found, key=lambda entry: (entry.deleted_at, entry.id)))

    def find_model(self, which: str) -> TrashEntry:
        """Model by its name, of several with the same the newest; or by the name of its folder in the trash.

        Raises
        ------
        ModelNotFoundError
        """
        models = [entry for entry in self.entries() if entry.kind == "model"]
        found = [entry for entry in models if which in (entry.id, entry.name, entry.folder_name)]
        if not found:
            names = ", ".join(sorted({entry.name for entry in models})) or "no model"
            raise ModelNotFoundError(f"no model {quoted(which)} in the trash; it holds: {names}")
        return found[-1]

    def empty(self) -> int:
        """Remove all that lies here, for ever; returns how many things that were.

        Raises
        ------
        OutputError
            Something cannot be removed.
        """
        entries = self.entries()
        for entry in entries:
            remove_folder(entry.path)
        for folder in (self.folder, self.folder / _TAKES_FOLDER, *self._kit_folders()):
            sweep_folders(folder)
        return len(entries)

    def _kit_folders(self) -> list[Path]:
        """Folders of models that hold kits."""
        with contextlib.suppress(OSError):
            return [path for path in (self.folder / _KITS_FOLDER).iterdir() if path.is_dir() and not path.is_symlink()]
        return []


def _put_folder(folder: Path, place: Path) -> Path:
    """Move a folder into a part of the trash, and say where it is now."""
    make_output_folder(place)
    for path in _free_items(place, f" {folder.name}"):
        try:
            move_folder(folder, path)
        except OutputError:
            if os.path.lexists(path) and os.path.lexists(folder):  # another process took the name
                continue
            raise
        return path
    raise OutputError(f"{place} has no free name for {folder.name}; empty it")


def _is_copy(path: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(path, other, shallow=False)


def _items(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if _ITEM.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                yield path


def _free_items(folder: Path, rest: str) -> Iterator[Path]:
    """Paths of things that are deleted now and whose names are free."""
    stamp = datetime.now(UTC).strftime(_STAMP)
    for number in range(1, 10_000):
        path = folder / f"{stamp}{f'-{number}' if number > 1 else ''}{rest}"
        if not os.path.lexists(path):
            yield path


def _deleted_at(path: Path) -> datetime:
    match = _ITEM.fullmatch(path.name)
    try:
        return datetime.strptime(match[1] if match else "", _STAMP).replace(tzinfo=UTC)
    except ValueError:  # nine digits too many, or no day of the calendar: somebody else's name
        return datetime.fromtimestamp(0, UTC)


def _model_entry(path: Path) -> TrashEntry:
    match = _ITEM.fullmatch(path.name)
    folder_name = (match[2] if match else "") or path.name
    try:
        name = read_metadata(path, folder_name).name
    except ModelError:  # damaged ones are deleted too
        name = folder_name
    return TrashEntry(path.name, "model", name, _deleted_at(path), folder_size_bytes(path), path)


def _take_entry(path: Path) -> TrashEntry:
    names = sorted(file.name for file in path.iterdir())
    sounds = [name for name in names if Path(name).suffix.lower() not in {".json", ".png"}]
    name = next(iter(sounds or names), path.name)
    return TrashEntry(path.name, "take", name, _deleted_at(path), folder_size_bytes(path), path)


def _kit_entry(path: Path) -> TrashEntry:
    match = _ITEM.fullmatch(path.name)
    name, entry_id = (match[2] if match else "") or path.name, f"{path.parent.name}/{path.name}"
    return TrashEntry(entry_id, "kit", name, _deleted_at(path), folder_size_bytes(path), path)
