from __future__ import annotations

import contextlib
import dataclasses
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history.examples import TAKE
from small_dataset_audio.errors import HistoryError, InvalidConfigError, OutputError
from small_dataset_audio.history import HISTORY_FILE, History, HistoryQuery, TakeRecord, compare_records
from small_dataset_audio.history.database import _MIGRATIONS


def take(**changes: object) -> TakeRecord:
    return dataclasses.replace(TAKE, **changes)  # type: ignore[arg-type]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "home")


def ids(records: tuple[TakeRecord, ...]) -> list[int]:
    return [record.id for record in records]


# --- what goes in comes out ---


def test_asking_an_empty_history_makes_no_file(history: History):
    assert history.search() == ()
    assert history.count() == 0
    with pytest.raises(HistoryError, match="no take 1 in the history"):
        history.get(1)
    assert not history.home.exists()


def test_a_take_comes_back_as_it_was_recorded(history: History):
    recorded = history.add(TAKE)
    assert recorded == take(id=1)
    assert history.get(1) == recorded
    assert history.search() == (recorded,)
    assert History(history.home).search() == (recorded,)


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names there are text")
def test_a_path_that_is_no_text_comes_back_as_it_was(history: History):
    path = Path(os.fsdecode(b"/takes/\xff\xfe.wav"))
    assert history.add(take(audio_path=path)).audio_path == path
    assert history.search(HistoryQuery(text=".wav"))[0].audio_path == path


def test_no_number_is_given_twice(history: History):
    for _ in range(3):
        history.add(TAKE)
    history.forget(3)
    assert history.add(TAKE).id == 4
    assert ids(history.search()) == [4, 2, 1]


def test_the_history_says_itself_what_it_is(history: History):
    history.add(TAKE)
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone()[0].to_bytes(4) == b"sdah"
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(_MIGRATIONS)


# --- what is thought of it ---


def test_stars_notes_and_marks_are_kept_and_taken_back(history: History):
    history.add(TAKE)
    history.rate(1, 4)
    history.note(1, "  the long fade \n")
    history.mark(1, "kept")
    assert history.get(1) == take(id=1, stars=4, note="the long fade", state="kept")
    history.rate(1, 0)
    history.note(1, "")
    history.mark(1, "undecided")
    assert history.get(1) == take(id=1)


@pytest.mark.parametrize("stars", [-1, 6, 2.5, True, "4", 10**30])
def test_stars_are_a_whole_number_up_to_five(history: History, stars: object):
    history.add(TAKE)
    with pytest.raises(InvalidConfigError, match=r"stars is .*; it must be a whole number from 0 to 5"):
        history.rate(1, stars)  # type: ignore[arg-type]
    assert history.get(1).stars == 0


def test_what_is_no_mark_and_what_is_no_note_is_refused(history: History):
    history.add(TAKE)
    with pytest.raises(InvalidConfigError, match="state is 'lost'; it must be one of undecided, kept, discarded"):
        history.mark(1, "lost")
    with pytest.raises(InvalidConfigError, match="note has 10001 characters; it must have at most 10000"):
        history.note(1, "x" * 10_001)


@pytest.mark.parametrize("number", [0, 2, -1, 2**63, 10**40])
def test_a_number_of_no_take_is_said_so_by_every_door(history: History, number: int):
    history.add(TAKE)
    for change in (history.get, history.forget, lambda n: history.rate(n, 1), lambda n: history.note(n, "x")):
        with pytest.raises(HistoryError, match=f"no take {number} in the history"):
            change(number)


# --- search ---


@pytest.fixture
def four(history: History) -> History:
    history.add(take(note="Für den Anfang"))
    history.add(take(model_name="tabla", rating="red", made_at="2026-11-30T23:59:59+00:00"))
    history.add(take(state="kept", stars=5, audio_path=Path("/takes/100%_wet.wav")))
    history.add(take(state="discarded", stars=2, made_at="2026-12-01T00:00:00+00:00"))
    return history


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (HistoryQuery(), [4, 3, 2, 1]),
        (HistoryQuery(text="FÜR anfang"), [1]),
        (HistoryQuery(text="rain takes"), []),  # the folder's name is not looked at
        (HistoryQuery(text="%"), [3]),
        (HistoryQuery(text="0%_w"), [3]),
        (HistoryQuery(text="_"), [3]),
        (HistoryQuery(text="!"), []),
        (HistoryQuery(text="'; DROP TABLE takes; --"), []),
        (HistoryQuery(model="tabla"), [2]),
        (HistoryQuery(model="tab"), []),
        (HistoryQuery(rating="red"), [2]),
        (HistoryQuery(state="kept"), [3]),
        (HistoryQuery(state="undecided"), [2, 1]),
        (HistoryQuery(min_stars=2), [4, 3]),
        (HistoryQuery(min_stars=3), [3]),
        (HistoryQuery(since="2026-11-30"), [4, 2]),
        (HistoryQuery(until="2026-11-30"), [3, 2, 1]),
        (HistoryQuery(since="2026-11-30", until="2026-11-30"), [2]),
        (HistoryQuery(text="wav", state="kept", rating="green", min_stars=1), [3]),
        (HistoryQuery(limit=2), [4, 3]),
        (HistoryQuery(limit=2, offset=1), [3, 2]),
    ],
)
def test_a_query_finds_what_meets_all_of_it(four: History, query: HistoryQuery, found: list[int]):
    assert ids(four.search(query)) == found
    unlimited = dataclasses.replace(query, limit=None, offset=0)
    assert four.count(query) == len(four.search(unlimited))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (HistoryQuery(rating="blue"), "rating is 'blue'; it must be one of green, yellow, red"),
        (HistoryQuery(state="gone"), "state is 'gone'"),
        (HistoryQuery(since="yesterday"), "since is 'yesterday'; it must be a day such as 2026-11-29"),
        (HistoryQuery(until="2026-02-30"), "until is '2026-02-30'"),
        (HistoryQuery(limit=0), "limit is 0; it must be 1 or more"),
        (HistoryQuery(offset=-1), "offset is -1"),
        (HistoryQuery(min_stars=6), "min_stars is '6'"),
    ],
)
def test_a_query_that_cannot_be_is_refused_with_its_field(history: History, query: HistoryQuery, message: str):
    with pytest.raises(InvalidConfigError, match=message):
        history.search(query)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(note=st.text(max_size=40), words=st.text(max_size=12))
def test_words_are_found_in_a_note_as_plain_text(tmp_path: Path, note: str, words: str):
    history = History(tmp_path / "home")
    number = history.add(take(note=note.strip(), model_name="m", audio_path=Path("/f"))).id
    wanted = [word.encode(errors="replace").decode() for word in words.casefold().split()]
    said = f"m {note.strip().encode(errors='replace').decode()} f".casefold()
    assert bool(history.search(HistoryQuery(text=words, limit=1))[:1] == (history.get(number),)) == all(
        word in said for word in wanted
    )


# --- two side by side ---


def test_a_comparison_names_what_differs_and_nothing_else():
    other = take(seed=41, settings={"duration_s": 2.5, "novelty": "low", "loop": True}, stars=3, audio_sha256="ef" * 32)
    comparison = compare_records(TAKE, other)
    assert {(item.name, item.first, item.second) for item in comparison.settings} == {
        ("seed", 40, 41),
        ("novelty", "high", "low"),
        ("loop", None, True),
    }
    assert [(item.name, item.first, item.second) for item in comparison.figures] == [("stars", 0, 3)]
    assert not comparison.same_audio
    assert compare_records(TAKE, TAKE).same_audio
    assert not compare_records(take(audio_sha256=""), take(audio_sha256="")).same_audio


# --- older, newer, damaged ---


def make_older(path: Path, version: int) -> None:
    """Make a history as the release of that version did, with one take."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statements in _MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(takes)")]
        old = {name: getattr(TAKE, name) for name in columns}
        old |= {"id": 7, "settings": '{"duration_s": 2.5, "novelty": "high"}'}
        old |= {name: os.fsencode(old[name]) for name in ("audio_path", "sidecar_path")}
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO takes ({', '.join(columns)}) VALUES ({marks})", list(old.values()))  # noqa: S608
        connection.commit()


@pytest.mark.parametrize("version", range(1, len(_MIGRATIONS)))
def test_a_history_of_every_older_release_is_read_and_goes_on(history: History, version: int):
    make_older(history.path, version)
    assert history.search() == (take(id=7),)
    history.rate(7, 3)
    assert history.add(TAKE).id == 8
    assert history.get(7).stars == 3


def test_a_history_of_a_newer_release_is_left_as_it_is(history: History):
    history.add(TAKE)
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS) + 1}")
    before = history.path.read_bytes()
    for change in (history.search, lambda: history.add(TAKE)):
        with pytest.raises(HistoryError, match=r"written by a newer release .*; upgrade this one"):
            change()
    assert history.path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"no database at all, but long enough to be one" * 50, b"SQLite format 3\0" + bytes(500)]
)
def test_a_damaged_history_is_set_aside_and_a_new_one_begins(history: History, damage: bytes):
    history.home.mkdir()
    history.path.write_bytes(damage)
    with pytest.raises(HistoryError, match=r"was damaged \(.*\); it is kept as history.sqlite.damaged-.*Z"):
        history.search()
    assert history.add(TAKE).id == 1
    (kept,) = history.home.glob(f"{HISTORY_FILE}.damaged-*")
    assert kept.read_bytes() == damage


def test_a_history_whose_damage_is_no_text_is_set_aside_too(history: History):
    """SQLite quotes it in its message, and Python fails at reading that."""
    history.add(TAKE)
    data = history.path.read_bytes().replace(b"CREATE TABLE takes", b"CREATE \xd0TABLE take")
    history.path.write_bytes(data)
    with pytest.raises(HistoryError, match="it is kept as"):
        history.search()
    assert history.add(TAKE).id == 1
    (kept,) = history.home.glob(f"{HISTORY_FILE}.damaged-*")
    assert kept.read_bytes() == data


def test_what_sqlite_quotes_of_a_damaged_history_is_told_on_one_line(history: History):
    """A table's description has several lines, and SQLite quotes it from where it could not go on."""
    history.add(TAKE)
    data = history.path.read_bytes()
    statement = data[data.index(b"CREATE TABLE takes") :]
    at = len(data) - len(statement) + statement.index(b" TEXT NOT NULL")
    history.path.write_bytes(data[:at] + b'"' + data[at + 1 :])
    with pytest.raises(HistoryError, match=r"unrecognized token.*it is kept as") as told:
        history.search()
    assert "\n" not in str(told.value)


def test_a_database_of_another_program_is_set_aside_whole(history: History):
    history.home.mkdir()
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        connection.execute("CREATE TABLE songs (name)")
    with pytest.raises(HistoryError, match="a database of another program"):
        history.add(TAKE)
    (kept,) = history.home.glob(f"{HISTORY_FILE}.damaged-*")
    with contextlib.closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM songs").fetchone() == (0,)


@pytest.mark.parametrize("column", ["settings", "note", "stars", "duration_s", "seed", "picture_path", "state"])
@pytest.mark.parametrize("value", [b"\xff\x00", "words", "[]", 1e300, -5, None])
def test_a_field_that_a_hand_has_changed_is_read_as_what_it_should_be(history: History, column: str, value: object):
    history.add(TAKE)
    with contextlib.closing(sqlite3.connect(history.path)) as connection:
        # Damage asks after no constraint.
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'takes'")
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute(f"UPDATE takes SET {column} = ?", (value,))  # noqa: S608
        connection.commit()
    (found,) = history.search()
    for name in ("stars", "seed"):
        assert isinstance(getattr(found, name), int)
    assert 0 <= found.stars <= 5
    assert isinstance(found.duration_s, float)
    assert isinstance(found.note, str)
    assert isinstance(found.settings, dict)
    assert found.picture_path is None or isinstance(found.picture_path, Path)


# --- writing fails ---


@pytest.mark.skipif(os.name == "nt", reason="no such limit there")
def test_a_disk_that_is_full_is_said_and_the_history_is_as_it_was(tmp_path: Path):
    """A limit of the size of files stands for it: SQLite sees a write that fails."""
    home = tmp_path / "home"
    History(home).add(TAKE)
    script = f"""
import dataclasses, resource, signal
from pathlib import Path
from small_dataset_audio.errors import HistoryError
from small_dataset_audio.history import History
history = History(Path({str(home)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (history.path.stat().st_size, -1))
try:
    for _ in range(3):
        history.note(1, "x" * 9000)
        history.add(dataclasses.replace(history.get(1), id=0))
except HistoryError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "cannot be" in done.stdout
    assert History(home).search() == (take(id=1),)


def test_a_home_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"is a file, not a folder|cannot be"):
        History(tmp_path / "file" / "home").add(TAKE)


def test_four_processes_record_at_once_and_none_loses_a_take(history: History):
    history.add(TAKE)
    script = f"""
from pathlib import Path
from small_dataset_audio.history import History
history = History(Path({str(history.home)!r}))
for _ in range(10):
    history.add(history.get(1))
"""
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert ids(history.search()) == list(range(41, 0, -1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a fork")
def test_a_kill_before_the_end_of_a_change_leaves_the_history_as_it_was(history: History):
    history.add(TAKE)
    child = os.fork()
    if child == 0:  # pragma: no cover
        with history._database.writing() as connection:
            connection.execute(
                "UPDATE takes SET note = ?", ("x" * 5_000_000,)
            )  # over SQLite's cache: it is on the disk
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert history.path.with_name(f"{HISTORY_FILE}-journal").exists()
    assert history.search() == (take(id=1),)
    history.note(1, "goes on")
    assert history.get(1).note == "goes on"
