"""Takes are recorded, found, noted, kept, discarded, forgotten. No file of a take is touched here."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from small_dataset_audio.errors import HistoryError, InvalidConfigError
from small_dataset_audio.history.database import HISTORY_FILE, Database
from small_dataset_audio.history.records import MOST_STARS, STATES, HistoryQuery, TakeRecord, check_note, check_stars
from small_dataset_audio.names import quoted

_PATHS: Final = ("audio_path", "sidecar_path", "picture_path")
_COLUMNS: Final = tuple(field.name for field in fields(TakeRecord) if field.name != "id")
_INSERT: Final = f"INSERT INTO takes ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(("id", "seed", "sample_rate", "channels", "stars"), "INTEGER"),
    **dict.fromkeys(("duration_s", "similarity_percent", "copied_share"), "REAL"),
    **dict.fromkeys(_PATHS, "BLOB"),
}
_EMPTY: Final = {"TEXT": "''", "INTEGER": "0", "REAL": "0.0", "BLOB": "x''"}
_MAY_BE_NONE: Final = frozenset({"picture_path", "similarity_percent", "copied_share"})


def _field(name: str) -> str:
    """A column as it is read: whatever a hand or damage has left in it, it is what it should be."""
    kind = _KINDS.get(name, "TEXT")
    value = f"CAST({name} AS {kind})"
    return f"{value if name in _MAY_BE_NONE else f'COALESCE({value}, {_EMPTY[kind]})'} AS {name}"


_FIELDS: Final = ", ".join(_field(name) for name in ("id", *_COLUMNS))
_SELECT: Final = f"SELECT {_FIELDS} FROM takes"  # noqa: S608 - our own names
_TEXT: Final = "instr(folded(model_name || ' ' || note || ' ' || file_name(audio_path)), ?) > 0"


class History:
    """The takes that were made on this machine.

    Parameters
    ----------
    home : Path
        Folder of the library. Nothing is made in it before the first take is recorded.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._database = Database(home / HISTORY_FILE)

    @property
    def path(self) -> Path:
        """File that it is kept in."""
        return self._database.path

    def add(self, record: TakeRecord) -> TakeRecord:
        """Record a take; returns it with its number.

        Raises
        ------
        HistoryError, OutputError
            The history cannot be written; see :class:`~small_dataset_audio.history.database.Database`.
        """
        values = [_to_column(getattr(record, name)) for name in _COLUMNS]
        with self._database.writing() as connection:
            number = connection.execute(_INSERT, values).lastrowid
        return replace(record, id=number or 0)

    def search(self, query: HistoryQuery | None = None) -> tuple[TakeRecord, ...]:
        """Takes that a query asks for, newest first; without one, all.

        Raises
        ------
        InvalidConfigError
            A field of the query is not allowed.
        HistoryError
            The history cannot be read.
        """
        query = query or HistoryQuery()
        query.validate()
        conditions, values = _conditions(query)
        limits = f" ORDER BY id DESC LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"
        return self._select(conditions + limits, values)

    def count(self, query: HistoryQuery | None = None) -> int:
        """How many takes a query finds; its limit and offset do not matter."""
        query = query or HistoryQuery()
        query.validate()
        conditions, values = _conditions(query)
        with self._database.reading() as connection:
            if connection is None:
                return 0
            _add_file_name(connection)
            return int(connection.execute(f"SELECT COUNT(*) FROM takes{conditions}", values).fetchone()[0])  # noqa: S608 - our own words

    def get(self, number: int) -> TakeRecord:
        """One take by its number.

        Raises
        ------
        HistoryError
            There is none, or the history cannot be read.
        """
        found = self._select(" WHERE id = ?", (number,)) if abs(number) < 2**63 else ()
        if not found:
            raise HistoryError(f"no take {number} in the history; `sda history` lists what there is")
        return found[0]

    def with_audio(self, audio_sha256: str) -> tuple[TakeRecord, ...]:
        """All takes of the same samples, oldest first."""
        return self._select(" WHERE audio_sha256 = ? ORDER BY id", (audio_sha256,)) if audio_sha256 else ()

    def note(self, number: int, text: str) -> TakeRecord:
        """Write what the user thinks of a take; an empty text removes it.

        Raises
        ------
        InvalidConfigError
            Over 10,000 characters.
        HistoryError, OutputError
        """
        return self._change(number, note=check_note(text))

    def rate(self, number: int, stars: int) -> TakeRecord:
        """Give a take stars, 1 to 5; 0 takes them away.

        Raises
        ------
        InvalidConfigError
            No number from 0 to 5.
        HistoryError, OutputError
        """
        return self._change(number, stars=check_stars("stars", stars))

    def mark(self, number: int, state: str) -> TakeRecord:
        """Mark a take as kept, discarded or undecided. No file is touched.

        Raises
        ------
        InvalidConfigError
            No such state.
        HistoryError, OutputError
        """
        if state not in STATES:
            raise InvalidConfigError(f"state is {quoted(state)}; it must be one of {', '.join(STATES)}")
        return self._change(number, state=state)

    def relocate(self, number: int, audio_path: Path, sidecar_path: Path, picture_path: Path | None) -> TakeRecord:
        """Say where the files of a take are now."""
        return self._change(number, audio_path=audio_path, sidecar_path=sidecar_path, picture_path=picture_path)

    def forget(self, number: int) -> TakeRecord:
        """Remove the record of a take, and return it; the files of the take stay where they are.

        Raises
        ------
        HistoryError, OutputError
        """
        record = self.get(number)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM takes WHERE id = ?", (number,))
        return record

    def _change(self, number: int, **changes: Any) -> TakeRecord:  # noqa: ANN401 - of whatever type the field has
        self.get(number)
        setters = ", ".join(f"{name} = ?" for name in changes)
        with self._database.writing() as connection:
            values = [_to_column(value) for value in changes.values()]
            connection.execute(f"UPDATE takes SET {setters} WHERE id = ?", (*values, number))  # noqa: S608 - our own names
        return self.get(number)

    def _select(self, rest: str, values: tuple[Any, ...]) -> tuple[TakeRecord, ...]:
        with self._database.reading() as connection:
            if connection is None:
                return ()
            _add_file_name(connection)
            return tuple(_to_record(row) for row in connection.execute(_SELECT + rest, values))


def _conditions(query: HistoryQuery) -> tuple[str, tuple[Any, ...]]:
    """WHERE clause of a query, and its values."""
    conditions: list[tuple[str, str | int]] = []
    for word in query.text.casefold().split():
        conditions.append((_TEXT, word.encode(errors="replace").decode()))
    for column in ("model_name", "rating", "state"):
        if value := getattr(query, column.removesuffix("_name")):
            conditions.append((f"{column} = ?", value))
    if query.min_stars:
        conditions.append(("stars >= ?", query.min_stars))
    if query.since:
        conditions.append(("made_at >= ?", query.since))
    if query.until:
        conditions.append(("substr(made_at, 1, 10) <= ?", query.until))
    if not conditions:
        return "", ()
    return " WHERE " + " AND ".join(text for text, _ in conditions), tuple(value for _, value in conditions)


def _add_file_name(connection: sqlite3.Connection) -> None:
    connection.create_function("file_name", 1, lambda path: _file_name(path), deterministic=True)


def _file_name(path: object) -> str:
    """Name of a file whose path stands in a column, in letters that the database takes."""
    name = Path(os.fsdecode(path)).name if isinstance(path, bytes) else ""
    return name.encode(errors="replace").decode()


def _to_column(value: object) -> object:
    """What SQLite keeps of a field. Paths are bytes there: on Linux not all of them are text."""
    if isinstance(value, Path):
        return os.fsencode(value.absolute())
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return json.dumps(value, allow_nan=False)
    return value


def _to_record(row: sqlite3.Row) -> TakeRecord:
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating a Row gives its values
    for name in _PATHS:
        values[name] = None if values[name] is None else Path(os.fsdecode(values[name]))
    try:
        settings = json.loads(values["settings"])
    except (ValueError, RecursionError):
        settings = {}
    values["settings"] = settings if isinstance(settings, dict) else {}
    values["stars"] = min(max(values["stars"], 0), MOST_STARS)
    return TakeRecord(**values)
