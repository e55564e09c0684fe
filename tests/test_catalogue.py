from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from small_dataset_audio import catalogue as module
from small_dataset_audio.catalogue import CATALOGUE_FILE
from small_dataset_audio.library import Library
from small_dataset_audio.library import home as library_module
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.models.metadata import ModelMetadata, read_metadata


@pytest.fixture
def library(tmp_path: Path, tiny_model_folder: Path) -> Library:
    """Three models, catalogued."""
    library = Library(tmp_path / "home")
    for name in ("one", "two", "three"):
        add(library, name, tiny_model_folder)
    library.entries()
    return library


def add(library: Library, name: str, source: Path) -> None:
    library.folder_of(name).mkdir(parents=True)
    (library.folder_of(name) / MODEL_FILE).write_bytes((source / MODEL_FILE).read_bytes())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders whose models are opened from now on."""
    names: list[str] = []

    def spy(folder: Path) -> ModelMetadata:
        names.append(folder.name)
        return read_metadata(folder)

    monkeypatch.setattr(library_module, "read_metadata", spy)
    return names


def names_in(library: Library) -> list[str]:
    return sorted(entry.folder.name for entry in library.entries() if entry.metadata is not None)


def lines_of(library: Library) -> list[str]:
    with sqlite3.connect(library.root / CATALOGUE_FILE) as connection:
        return [name for (name,) in connection.execute("SELECT folder FROM models ORDER BY folder")]


def test_a_second_listing_opens_no_model_and_says_the_same(library: Library, opened: list[str]):
    first = [read_metadata(library.folder_of(name)) for name in ("one", "three", "two")]
    assert sorted((entry.metadata for entry in library.entries()), key=lambda each: str(each)) == sorted(first, key=str)
    assert opened == []


def test_what_is_new_changed_or_gone_is_seen_and_nothing_else_opened(
    library: Library, opened: list[str], tiny_model_folder: Path
):
    add(library, "four", tiny_model_folder)
    os.utime(library.folder_of("one") / MODEL_FILE, ns=(1, 1))
    (library.folder_of("two") / MODEL_FILE).unlink()
    assert names_in(library) == ["four", "one", "three"]
    assert sorted(opened) == ["four", "one"]
    assert lines_of(library) == ["four", "one", "three"]


def test_a_model_that_is_damaged_afterwards_is_listed_as_such(library: Library):
    (library.folder_of("two") / MODEL_FILE).write_bytes(b"spoilt")
    problems = {entry.folder.name: entry.problem for entry in library.entries()}
    assert "damaged" in problems.pop("two")
    assert set(problems.values()) == {""}
    assert lines_of(library) == ["one", "three"]


def test_another_release_reads_for_itself(library: Library, opened: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "__version__", "99.0")
    assert names_in(library) == ["one", "three", "two"]
    assert sorted(opened) == ["one", "three", "two"]


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no catalogue\n" * 500),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "spoilt in the middle": lambda path: path.write_bytes(
        path.read_bytes()[:100] + b"\xff" * 3000 + path.read_bytes()[3100:]
    ),
    "in a schema that is no text": lambda path: path.write_bytes(path.read_bytes().replace(b"CREATE ", b"CREAT\xd0 ")),
    "of another version": lambda path: run_sql(path, "PRAGMA user_version = 99"),
    "without its table": lambda path: run_sql(path, "DROP TABLE models"),
    "with other columns": lambda path: run_sql(path, "ALTER TABLE models DROP COLUMN stamp"),
    "with metadata that are none": lambda path: run_sql(path, "UPDATE models SET metadata = '{}'"),
    "with metadata that are numbers": lambda path: run_sql(path, "UPDATE models SET metadata = 123456789012"),
}


def run_sql(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_row_31_a_catalogue_that_is_damaged_or_missing_is_rebuilt_by_itself(
    library: Library, opened: list[str], damage
):
    damage(library.root / CATALOGUE_FILE)
    assert names_in(library) == ["one", "three", "two"]
    assert sorted(opened) == ["one", "three", "two"]
    assert lines_of(library) == ["one", "three", "two"]
    opened.clear()
    assert names_in(library) == ["one", "three", "two"]
    assert opened == []


def test_row_31_a_folder_in_the_place_of_the_catalogue_stops_no_listing(library: Library):
    (library.root / CATALOGUE_FILE).unlink()
    (library.root / CATALOGUE_FILE).mkdir()
    assert names_in(library) == ["one", "three", "two"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_row_31_no_damage_to_its_bytes_changes_what_is_listed(library: Library, data: st.DataObject):
    path = library.root / CATALOGUE_FILE
    library.entries()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, 64))
    content[place : place + length] = data.draw(st.binary(min_size=length, max_size=length))
    path.write_bytes(content)
    assert {entry.folder.name for entry in library.entries()} == {"one", "two", "three"}
    assert all(entry.problem == "" for entry in library.entries())
    path.unlink()


def test_row_31_a_journal_that_a_killed_process_left_is_not_played_into_a_new_catalogue(library: Library):
    path = library.root / CATALOGUE_FILE
    killed = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_spill = 1")
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
for number in range(2000):
    connection.execute("INSERT INTO models VALUES (?, 'x', zeroblob(500))", (str(number),))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", killed, str(path)], check=False).returncode == -9
    assert path.with_name(path.name + "-journal").exists()
    path.write_bytes(b"and then the file itself was spoilt")
    assert names_in(library) == ["one", "three", "two"]
    assert lines_of(library) == ["one", "three", "two"]


def test_a_change_that_was_killed_half_way_is_taken_back(library: Library, opened: list[str]):
    killed = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.execute("DELETE FROM models")
connection.execute("INSERT INTO models VALUES ('none', 'x', zeroblob(500000))")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert (
        subprocess.run([sys.executable, "-c", killed, str(library.root / CATALOGUE_FILE)], check=False).returncode == -9
    )
    assert names_in(library) == ["one", "three", "two"]
    assert opened == []


def test_a_catalogue_that_another_process_is_changing_is_done_without(
    library: Library, opened: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    before = (library.root / CATALOGUE_FILE).read_bytes()
    holder = sqlite3.connect(library.root / CATALOGUE_FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert names_in(library) == ["one", "three", "two"]
    assert sorted(opened) == ["one", "three", "two"]
    holder.execute("ROLLBACK")
    holder.close()
    assert (library.root / CATALOGUE_FILE).read_bytes() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_library_that_may_only_be_read_is_listed(library: Library, tiny_model_folder: Path):
    add(library, "four", tiny_model_folder)
    library.root.chmod(0o500)
    try:
        assert names_in(library) == ["four", "one", "three", "two"]
    finally:
        library.root.chmod(0o700)


def test_a_full_disk_costs_the_listing_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Path
):
    add(library, "four", tiny_model_folder)
    real = sqlite3.connect

    def small(*arguments: object, **named: object) -> sqlite3.Connection:
        connection = real(*arguments, **named)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr(module.sqlite3, "connect", small)
    for name in range(20):
        add(library, f"more {name}", tiny_model_folder)
    assert len(names_in(library)) == 24
    (library.root / CATALOGUE_FILE).unlink()
    assert len(names_in(library)) == 24
    assert not (library.root / CATALOGUE_FILE).exists()


def test_a_library_that_is_not_there_gets_no_catalogue(tmp_path: Path):
    assert Library(tmp_path / "nowhere").entries() == ()
    assert list(tmp_path.iterdir()) == []


def test_eight_processes_that_list_while_models_come_and_go_see_whole_ones_only(
    library: Library, tiny_model_folder: Path
):
    listing = """
import sys
from pathlib import Path
from small_dataset_audio.library import Library
library = Library(Path(sys.argv[1]))
for _ in range(40):
    names = {entry.folder.name for entry in library.entries() if entry.metadata}
    assert {"one", "two", "three"} <= names, names
    assert names <= {"one", "two", "three", "guest"}, names
"""
    processes = [subprocess.Popen([sys.executable, "-c", listing, str(library.root)]) for _ in range(8)]
    guest = library.folder_of("guest")
    while any(process.poll() is None for process in processes):
        guest.mkdir(exist_ok=True)
        (guest / "coming").write_bytes((tiny_model_folder / MODEL_FILE).read_bytes())
        (guest / "coming").replace(guest / MODEL_FILE)
        (guest / MODEL_FILE).unlink()
        guest.rmdir()
    assert [process.wait() for process in processes] == [0] * 8
    assert names_in(library) == ["one", "three", "two"]
    assert lines_of(library) == ["one", "three", "two"]
