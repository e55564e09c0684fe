"""The catalogue: what the library's models say of themselves, in one SQLite file, so that a listing opens none of them.

An index and nothing else: all of it can be read again from the model folders, and is, line by line where a folder changed and
as a whole where the file is missing, damaged, or another release's. Where it cannot be used for the moment (a library that may
only be read, a full disk, another process in the middle of a change), the folders are read as if there were none.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from small_dataset_audio._version import __version__
from small_dataset_audio.errors import OutputError
from small_dataset_audio.files import atomic_write
from small_dataset_audio.models.about import ABOUT_FILE
from small_dataset_audio.models.metadata import MODEL_FILE, ModelMetadata

CATALOGUE_FILE: Final = "catalogue.sqlite"

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE models (folder TEXT PRIMARY KEY, stamp TEXT NOT NULL, metadata BLOB NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version = {_SCHEMA_VERSION}",
)
_PATIENCE_S: Final = 1.0  # for another process's change; then the folders are read instead
_NOT_NOW: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""Results after which the file is as good as before; any other says that it is no catalogue."""

_Lines = dict[str, tuple[str, bytes]]
"""Stamp and metadata by the name of the folder."""


class _DamagedError(Exception):
    """The file is no catalogue of this release."""


class Catalogue:
    """An index of model folders.

    Parameters
    ----------
    path : Path
        Of the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def metadata_of(
        self, folders: Sequence[Path], read: Callable[[Path], ModelMetadata | None]
    ) -> dict[Path, ModelMetadata | None]:
        """Metadata of model folders; those that are new or changed are read, and written down.

        Parameters
        ----------
        folders : sequence of Path
            All there are: lines of others are dropped.
        read : callable
            Reads a folder's metadata; None where it cannot be used. Such a folder has no line, and is read every time.
        """
        known, is_whole = self._load()
        found: dict[Path, ModelMetadata | None] = {}
        lines: _Lines = {}
        for folder in folders:
            stamp = _stamp(folder)
            line = known.get(folder.name)
            metadata = _decode(line[1]) if line is not None and line[0] == stamp else None
            if metadata is None:
                metadata = read(folder)
                line = None
            if metadata is not None and stamp:
                lines[folder.name] = line or (stamp, msgspec.json.encode(metadata))
            found[folder] = metadata
        if lines != known or not is_whole:
            self._store(known, lines, is_whole=is_whole)
        return found

    def _load(self) -> tuple[_Lines, bool]:
        """All lines, and whether the file is there and sound; none where it cannot be used for the moment."""
        if not self._path.is_file():
            return {}, False
        try:
            with _opened(self._path) as connection:
                # Of whatever type damage has left there.
                rows = connection.execute(
                    "SELECT CAST(folder AS TEXT), CAST(stamp AS TEXT), CAST(metadata AS BLOB) FROM models"
                ).fetchall()
        except _DamagedError:
            return {}, False
        except sqlite3.OperationalError:
            return {}, True
        return {folder: (stamp, metadata) for folder, stamp, metadata in rows if metadata is not None}, True

    def _store(self, known: Mapping[str, tuple[str, bytes]], lines: _Lines, *, is_whole: bool) -> None:
        changed = {name: line for name, line in lines.items() if known.get(name) != line}
        # Without the catalogue nothing is lost, so a disk that is full or may only be read is no one's trouble here.
        with contextlib.suppress(OutputError, sqlite3.OperationalError):
            if is_whole:
                with contextlib.suppress(_DamagedError), _opened(self._path) as connection, connection:
                    connection.executemany(
                        "DELETE FROM models WHERE folder = ?", [(name,) for name in known.keys() - lines]
                    )
                    connection.executemany("REPLACE INTO models VALUES (?, ?, ?)", _rows(changed))
            else:
                self._build(lines)

    def _build(self, lines: _Lines) -> None:
        """Make the file anew and move it into place, so that nobody ever opens half of one."""
        if not self._path.parent.is_dir():
            return
        with atomic_write(self._path) as temporary, contextlib.closing(sqlite3.connect(temporary)) as connection:
            with connection:
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.executemany("INSERT INTO models VALUES (?, ?, ?)", _rows(lines))
            # What a killed process left beside the old file would be played back into the new one.
            self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a catalogue that is there.

    Raises
    ------
    sqlite3.OperationalError
        It cannot be used for the moment.
    _DamagedError
        It is none.
    """
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=_PATIENCE_S, uri=True)
        ) as connection:
            if connection.execute("PRAGMA user_version").fetchone() != (_SCHEMA_VERSION,):
                raise _DamagedError
            yield connection
    except UnicodeDecodeError as error:  # of SQLite's own message, which quotes what is damaged
        raise _DamagedError from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
            raise
        raise _DamagedError from error


def _rows(lines: Mapping[str, tuple[str, bytes]]) -> list[tuple[str, str, bytes]]:
    return [(name, *line) for name, line in lines.items()]


def _stamp(folder: Path) -> str:
    """What changes when a model is replaced or its owner says something of it, and with the release; empty without a model."""
    model = _file_stamp(folder / MODEL_FILE)
    return f"{__version__} {model} {_file_stamp(folder / ABOUT_FILE)}" if model else ""


def _file_stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _decode(metadata: bytes) -> ModelMetadata | None:
    try:
        return msgspec.json.decode(metadata, type=ModelMetadata)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
