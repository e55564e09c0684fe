"""Row 31 of the fault table: whatever fails while the catalogue is read or written, the listing is right."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.failing_files import every_fault
from small_dataset_audio import catalogue as module
from small_dataset_audio.catalogue import CATALOGUE_FILE
from small_dataset_audio.library import Library
from small_dataset_audio.models.metadata import MODEL_FILE

CODES = {"SQLITE_FULL": sqlite3.SQLITE_FULL, "SQLITE_IOERR": sqlite3.SQLITE_IOERR}
NAMES = ["one", "three", "two"]
_MOST_CALLS = 40
_MOST_PAGES = 12


@pytest.fixture
def library(tmp_path: Path, tiny_model_folder: Path) -> Library:
    """Three models."""
    library = Library(tmp_path / "home")
    for name in NAMES:
        library.folder_of(name).mkdir(parents=True)
        (library.folder_of(name) / MODEL_FILE).write_bytes((tiny_model_folder / MODEL_FILE).read_bytes())
    return library


@pytest.fixture(params=["no catalogue", "a catalogue without two of them", "a catalogue with one that is gone", "text"])
def prepare(request: pytest.FixtureRequest, library: Library) -> Any:
    """Bring the catalogue to a state from which a listing writes it."""
    path = library.root / CATALOGUE_FILE

    def change(statement: str) -> None:
        path.unlink(missing_ok=True)
        library.entries()
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()

    states = {
        "no catalogue": lambda: path.unlink(missing_ok=True),
        "a catalogue without two of them": lambda: change("DELETE FROM models WHERE folder != 'one'"),
        "a catalogue with one that is gone": lambda: change("INSERT INTO models VALUES ('gone', 'x', '{}')"),
        "text": lambda: path.write_text("no catalogue\n" * 500),
    }
    return states[request.param]


def listed(library: Library) -> list[tuple[str, str, bool]]:
    return sorted((entry.folder.name, entry.problem, entry.metadata is not None) for entry in library.entries())


WHOLE = [(name, "", True) for name in NAMES]


def assert_sound(library: Library) -> None:
    """The listing is right again, and so is the file that it leaves."""
    assert listed(library) == WHOLE
    with sqlite3.connect(library.root / CATALOGUE_FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT folder FROM models ORDER BY folder").fetchall() == [(name,) for name in NAMES]
    connection.close()


def test_row_31_whichever_file_operation_fails_the_listing_is_right_and_so_is_the_next(library: Library, prepare: Any):
    found: list[list[tuple[str, str, bool]]] = []
    prepare()
    for fault in every_fault(library.root, lambda: found.append(listed(library))):
        assert fault.error is None, f"{fault}: {fault.error!r}"
        if fault.target == MODEL_FILE:  # the one that could not be read is listed with its problem
            assert [name for name, _, _ in found[-1]] == NAMES, str(fault)
            assert sum(is_whole for _, _, is_whole in found[-1]) >= len(NAMES) - 1, str(fault)
        else:
            assert found[-1] == WHOLE, str(fault)
        assert_sound(library)
        prepare()


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the Nth thing that is asked of SQLite fail with a code; returns how to set both, and how many were asked."""
    state = {"number": 0, "code": 0, "calls": 0}

    def count() -> None:
        state["calls"] += 1
        if state["calls"] == state["number"]:
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = state["code"]
            raise error

    class Failing(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            count()
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            count()
            return super().executemany(*arguments)

        def __exit__(self, *arguments: Any) -> Any:
            try:
                count()  # the commit
            except sqlite3.OperationalError:
                self.rollback()
                raise
            return super().__exit__(*arguments)

    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        count()
        return real(*arguments, factory=Failing, **named)

    def start(number: int, code: int) -> dict[str, int]:
        monkeypatch.setattr(module.sqlite3, "connect", connect)
        state.update(number=number, code=code, calls=0)
        return state

    real = sqlite3.connect
    start.stop = lambda: monkeypatch.setattr(module.sqlite3, "connect", real)  # type: ignore[attr-defined]
    return start


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_row_31_whichever_call_of_sqlite_fails_the_listing_is_right_and_so_is_the_next(
    library: Library, prepare: Any, failing: Any, code: int
):
    for number in itertools.count(1):
        prepare()
        state = failing(number, code)
        assert listed(library) == WHOLE, f"call {number}"
        failing.stop()
        assert_sound(library)
        if state["calls"] < number:
            break
        assert number < _MOST_CALLS
    assert number > 3


def test_row_31_a_disk_that_is_full_after_any_number_of_pages_costs_the_listing_nothing(
    library: Library, prepare: Any, monkeypatch: pytest.MonkeyPatch
):
    real = sqlite3.connect
    for most_pages in range(1, _MOST_PAGES):

        def small(*arguments: Any, most_pages: int = most_pages, **named: Any) -> sqlite3.Connection:
            connection = real(*arguments, **named)
            connection.execute(f"PRAGMA max_page_count = {most_pages}")
            return connection

        prepare()
        with monkeypatch.context() as patch:
            patch.setattr(module.sqlite3, "connect", small)
            assert listed(library) == WHOLE, f"{most_pages} pages"
        assert_sound(library)
