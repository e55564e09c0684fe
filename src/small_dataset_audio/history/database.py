"""The file of the history: one SQLite database in the library's home.

Unlike the catalogue it can be made again from nothing, so it is treated as the user's own: changes are transactions, its format
has a version and a way up from every older one, a newer one is left as it is, and a file that is damaged is set aside under
another name and never deleted. It has the ordinary journal: the write-ahead one does not work on network drives, and a line a
take needs no more.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import filelock

from small_dataset_audio.errors import HistoryError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.names import one_line

HISTORY_FILE: Final = "history.sqlite"

_APPLICATION_ID: Final = 0x73646168  # "sdah"
_MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE takes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            made_at TEXT NOT NULL,
            model_name TEXT NOT NULL,
            model_sha256 TEXT NOT NULL,
            seed INTEGER NOT NULL,
            audio_path BLOB NOT NULL,
            sidecar_path BLOB NOT NULL,
            picture_path BLOB,
            duration_s REAL NOT NULL,
            sample_rate INTEGER NOT NULL,
            bit_depth TEXT NOT NULL,
            channels INTEGER NOT NULL,
            rating TEXT NOT NULL,
            reason TEXT NOT NULL,
            similarity_percent REAL,
            copied_share REAL,
            audio_sha256 TEXT NOT NULL,
            settings TEXT NOT NULL,
            note TEXT NOT NULL,
            state TEXT NOT NULL
        )
        """,
        "CREATE INDEX takes_by_audio ON takes (audio_sha256)",
        f"PRAGMA application_id = {_APPLICATION_ID}",
    ),
    ("ALTER TABLE takes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0",),
)
"""What leads from each version of the format to the next. Entries are added, and none is ever changed."""

_PATIENCE_S: Final = 15.0  # eight processes that write a line each are done long before
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class _ForeignError(Exception):
    """The file is a database, but no history."""


class Database:
    """Opens the history's file for one transaction at a time.

    Parameters
    ----------
    path : Path
        It need not exist; it is made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection to read with; None where nothing was ever written.

        Raises
        ------
        HistoryError
            It cannot be read, is of a newer release, or was damaged and has been set aside.
        """
        if not self.path.exists():
            yield None
            return
        with self._explained(), self._connection("rw") as connection:
            if _version(connection) < len(_MIGRATIONS):
                with _transaction(connection):
                    _migrate(connection)
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for one change: all of it is written when the block ends, or nothing.

        Raises
        ------
        HistoryError
            As of :meth:`reading`; or it cannot be written.
        OutputError
            Its folder cannot be made or written.
        """
        if not self.path.exists():
            make_output_folder(self.path.parent)
        with self._explained(), self._connection("rwc") as connection, _transaction(connection):
            _migrate(connection)
            yield connection

    @contextlib.contextmanager
    def _connection(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        # Transactions are begun by hand: Python's own would begin them too late to see what others write.
        with contextlib.closing(
            sqlite3.connect(uri, timeout=_PATIENCE_S, uri=True, isolation_level=None)
        ) as connection:
            connection.text_factory = lambda data: data.decode(errors="replace")
            connection.row_factory = sqlite3.Row
            connection.create_function("folded", 1, lambda text: str(text).casefold(), deterministic=True)
            connection.execute("PRAGMA trusted_schema = OFF")
            _check_ours(connection, self.path)
            yield connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite says into what the user can do; a damaged file is set aside."""
        try:
            yield
        except _ForeignError as error:
            raise HistoryError(self._set_aside("it is a database of another program")) from error
        except UnicodeDecodeError as error:  # of SQLite's own message, which quotes what is damaged
            raise HistoryError(self._set_aside("what it holds is no text")) from error
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                raise HistoryError(self._set_aside(one_line(str(error)))) from error
            if code in _BUSY:
                raise HistoryError(f"{self.path} is in use by another process; run the command again") from error
            if code == sqlite3.SQLITE_FULL:
                raise HistoryError(f"{self.path} cannot be written: the disk is full; free some space") from error
            if isinstance(error, sqlite3.OperationalError):
                raise HistoryError(
                    f"{self.path} cannot be read or written ({one_line(str(error))}); see to its permissions and its disk"
                ) from error
            raise

    def _set_aside(self, reason: str) -> str:
        """Rename a damaged file, once however many processes find it, and return the words for it."""
        # Two at once: the second must not rename what the first has begun anew.
        with filelock.FileLock(self.path.with_name(f"{self.path.name}.lock")):
            if not self._is_damaged():
                return f"{self.path} was damaged, and another process has set it aside; run the command again"
            stem = f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
            aside = self.path.with_name(stem)
            # The journal first: it would be played back into whatever has the name that it belongs to.
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(f"{self.path.name}-journal").rename(aside.with_name(f"{stem}-journal"))
            self.path.rename(aside)
        return f"{self.path} was damaged ({reason}); it is kept as {aside.name}, and a new history begins with the next command"

    def _is_damaged(self) -> bool:
        if not self.path.exists():
            return False
        try:
            with self._connection("rw") as connection:
                return [tuple(row) for row in connection.execute("PRAGMA quick_check(1)")] != [("ok",)]
        except (_ForeignError, UnicodeDecodeError):
            return True
        except sqlite3.DatabaseError as error:
            return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # Ctrl-C too: half a change is none; whatever it is goes on its way
        connection.rollback()
        raise
    connection.commit()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Tell a history, or an empty file that becomes one, from other databases and from newer ones."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application != _APPLICATION_ID:
        if tables:
            raise _ForeignError
        return
    if (version := _version(connection)) > len(_MIGRATIONS):
        raise HistoryError(
            f"{path} was written by a newer release (history version {version}); upgrade this one, which reads "
            f"version {len(_MIGRATIONS)}"
        )
    if "takes" not in tables:
        raise _ForeignError


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to this release's version, within the caller's transaction."""
    version = _version(connection)
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(_MIGRATIONS):
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
