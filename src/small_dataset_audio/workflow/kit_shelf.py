"""Kits that are on disk: found again, packed into one file, and put away.

A kit lies in the folder of its model, below the folder of all takes. What is found here is named by these two folders, so that
whoever asks from a distance gives a name, and never a path.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from small_dataset_audio.errors import OutputError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.folders import move_folder
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.library import Library, Trash, TrashEntry
from small_dataset_audio.workflow.kit_files import KIT_FILE, KIT_VERSION, SAMPLES_FOLDER

_LARGEST_BYTES: Final = 4_000_000  # of a kit.json: one of 128 sounds has about 40 thousand


@dataclass(frozen=True)
class KitSound:
    """A sound of a kit on disk.

    Parameters
    ----------
    path : Path
    key : int [0 to 127, MIDI note]
    position : int [1 or more]
        Its turn on that key.
    duration_s : float [s]
    """

    path: Path
    key: int
    position: int
    duration_s: float


@dataclass(frozen=True)
class FoundKit:
    """A kit on disk.

    Parameters
    ----------
    id : str
        ``{folder of the model}/{folder of the kit}``.
    folder : Path
    model_name : str
    made_at : str [ISO 8601]
    sounds : tuple of KitSound
        Those that are there still, in the order of their keys.
    """

    id: str
    folder: Path
    model_name: str
    made_at: str
    sounds: tuple[KitSound, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.name


class _Sample(msgspec.Struct):
    file: str
    key: int
    position: int
    duration_s: float


@read_from_json
class _Content(msgspec.Struct):
    version: int
    timestamp: str
    model_name: str
    samples: list[_Sample]


def find_kits(takes: Path) -> tuple[FoundKit, ...]:
    """Kits below a folder of takes, newest first; what is damaged, of a newer release, or a link is none.

    Parameters
    ----------
    takes : Path
        With a folder for each model. It need not exist.
    """
    found = [kit for model in _folders(takes) for folder in _folders(model) if (kit := _read(folder)) is not None]
    return tuple(sorted(found, key=lambda kit: (kit.made_at, kit.id), reverse=True))


def find_kit(kit_id: str, takes: Path) -> FoundKit | None:
    """The kit of that id, looked up among those that there are."""
    return next((kit for kit in find_kits(takes) if kit.id == kit_id), None)


def write_kit_archive(folder: Path, file: Path | IO[bytes]) -> None:
    """Pack a kit's folder into a ZIP, under its own name; links are left out.

    Raises
    ------
    OSError
        It cannot be read, or the disk is full.
    """
    with zipfile.ZipFile(
        file, "w", strict_timestamps=False
    ) as archive:  # stored: samples hardly get smaller, and it is done at once
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, Path(folder.name) / path.relative_to(folder))


def discard_kit(kit_id: str, takes: Path, library: Library | None = None) -> TrashEntry:
    """Move a kit to the trash of the library, from which :func:`restore_kit` brings it back.

    Raises
    ------
    OutputError
        There is no such kit any more, or it cannot be moved; it is where it was.
    """
    kit = find_kit(kit_id, takes)
    if kit is None:
        raise OutputError(f"there is no kit {kit_id!r} in {takes} any more; nothing was moved to the trash")
    return Trash((library or Library()).root).put_kit(kit.folder)


def restore_kit(entry_id: str, takes: Path, library: Library | None = None) -> Path:
    """Bring a kit back from the trash to the folder of its model; returns its folder.

    Parameters
    ----------
    entry_id : str
        Of its :class:`~small_dataset_audio.library.TrashEntry`.
    takes : Path
    library : Library, optional

    Raises
    ------
    OutputError
        It is not in the trash any more, another folder has its place, or it cannot be moved; it is where it was.
    """
    entry = next((entry for entry in discarded_kits(library) if entry.id == entry_id), None)
    if entry is None:
        raise OutputError(f"there is no kit {entry_id!r} in the trash any more")
    target = make_output_folder(takes / entry.path.parent.name) / entry.name
    move_folder(entry.path, target)
    return target


def discarded_kits(library: Library | None = None) -> tuple[TrashEntry, ...]:
    """Kits in the trash of the library, newest last."""
    return tuple(entry for entry in Trash((library or Library()).root).entries() if entry.kind == "kit")


def _folders(parent: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for path in sorted(parent.iterdir()):
            # A name that is no text on this machine could be neither shown nor asked for.
            is_plain = path.name.isprintable() and not path.name.startswith(".")
            if is_plain and path.is_dir() and not path.is_symlink():
                yield path


def _read(folder: Path) -> FoundKit | None:
    path = folder / KIT_FILE
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST_BYTES:
            return None
        content = msgspec.json.decode(path.read_bytes(), type=_Content)
        there = {file.name: file for file in (folder / SAMPLES_FOLDER).iterdir()}
    except (OSError, msgspec.MsgspecError):  # no kit, or half of one that somebody copied
        return None
    if not 1 <= content.version <= KIT_VERSION:
        return None
    # A kit may come from anywhere: what it names is looked up among its own files, and leads to no other.
    sounds = [
        KitSound(there[name], sample.key, sample.position, sample.duration_s)
        for sample in content.samples
        if (name := sample.file.removeprefix(f"{SAMPLES_FOLDER}/")) in there
        and there[name].is_file()
        and not there[name].is_symlink()
    ]
    sounds.sort(key=lambda sound: (sound.key, sound.position))
    return FoundKit(f"{folder.parent.name}/{folder.name}", folder, content.model_name, content.timestamp, tuple(sounds))
