"""Whichever operation fails, and wherever a kill falls: presets, archives, takes on their way to the trash, the history."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.failing_files import every_fault
from faults.forked import HALF_A_FILE, Fork, Say, die_at
from history.examples import TAKE
from models.tiny import tiny_bundle
from small_dataset_audio import presets
from small_dataset_audio.errors import SdaError
from small_dataset_audio.files import TEMPORARY_PREFIX
from small_dataset_audio.history import History
from small_dataset_audio.library import Library, Trash, delete_model, export_model, import_model, rename_model
from small_dataset_audio.models.bundle import load_bundle, save_bundle

CODES = [errno.ENOSPC]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked copies of itself")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "home")
    save_bundle(library.folder_of("tiny"), tiny_bundle())
    presets.save_preset(library.folder_of("tiny"), "slow", {"duration_s": 3.0})
    return library


def told(error: Exception | None) -> None:
    """An error of this program, in one line; anything else is a fault of its own."""
    if error is not None:
        assert isinstance(error, SdaError), repr(error)
        assert "\n" not in str(error)


def settings_of_all(folder: Path) -> dict[str, object]:
    """Settings by name; a preset that cannot be read is half a file."""
    entries = presets.list_presets(folder)
    assert not [entry.problem for entry in entries if entry.problem]
    return {entry.name: dict(entry.preset.settings) for entry in entries if entry.preset}


OLD, NEW = {"duration_s": 3.0}, {"novelty": "high"}


@pytest.mark.parametrize(
    ("change", "states"),
    [
        (lambda folder: presets.save_preset(folder, "slow", NEW, overwrite=True), [{"slow": OLD}, {"slow": NEW}]),
        (lambda folder: presets.save_preset(folder, "b", NEW), [{"slow": OLD}, {"slow": OLD, "b": NEW}]),
        (
            lambda folder: presets.rename_preset(folder, "slow", "b"),
            [{"slow": OLD}, {"slow": OLD, "b": OLD}, {"b": OLD}],
        ),
        (lambda folder: presets.delete_preset(folder, "slow"), [{"slow": OLD}, {}]),
    ],
    ids=["replace", "new", "rename", "delete"],
)
def test_row_24_whichever_operation_fails_presets_are_whole(
    library: Library, change: Callable[[Path], object], states: list[dict[str, object]]
):
    folder = library.folder_of("tiny")
    kept = folder.parent.parent / "kept"
    shutil.copytree(folder / "presets", kept)
    failures = 0
    for fault in every_fault(library.root, lambda: change(folder)):
        told(fault.error)
        assert settings_of_all(folder) in (states[-1:] if fault.error is None else states), str(fault)
        failures += fault.error is not None
        shutil.rmtree(folder / "presets")
        shutil.copytree(kept, folder / "presets")
    assert failures >= 3


def test_row_25_whichever_operation_fails_an_archive_is_the_older_or_the_newer(library: Library, tmp_path: Path):
    path = export_model("tiny", tmp_path / "out" / "tiny", library)
    whole = path.read_bytes()
    path.write_bytes(b"older")
    failures = 0
    for fault in every_fault(path.parent, lambda: export_model("tiny", path, library, overwrite=True), codes=CODES):
        told(fault.error)
        assert path.read_bytes() in ((whole,) if fault.error is None else (b"older", whole)), str(fault)
        failures += fault.error is not None
        path.write_bytes(b"older")
    assert failures >= 5


def test_row_24_whichever_operation_fails_an_imported_model_is_whole_or_not_there(library: Library, tmp_path: Path):
    archive = export_model("tiny", tmp_path / "tiny", library)
    other = Library(tmp_path / "other")
    failures = 0
    for fault in every_fault(other.root, lambda: import_model(archive, other), codes=CODES):
        told(fault.error)
        folder = other.folder_of("tiny")
        if fault.error is None or folder.exists():
            assert load_bundle(folder).metadata.name == "tiny", str(fault)
            assert settings_of_all(folder) == {"slow": OLD}
        failures += fault.error is not None
        shutil.rmtree(other.root, ignore_errors=True)
    assert failures >= 5


def write_take(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"take{suffix}" for suffix in (".wav", ".json", ".png")]
    for file in files:
        file.write_bytes(file.name.encode() * 1000)
    return files


def whole_in(folder: Path, files: list[Path]) -> bool:
    places = [folder / file.name for file in files]
    return all(place.is_file() and place.read_bytes() == place.name.encode() * 1000 for place in places)


@pytest.mark.parametrize("way", ["there", "back"])
def test_row_24_whichever_operation_fails_a_take_is_whole_in_its_place_or_in_the_trash(tmp_path: Path, way: str):
    trash, takes = Trash(tmp_path / "home"), tmp_path / "takes"
    files = write_take(takes)

    def move() -> None:
        if way == "there":
            trash.put_files(files)
        else:
            trash.restore_files(trash.entries()[0], files)

    def begin_anew() -> None:
        shutil.rmtree(trash.folder, ignore_errors=True)
        write_take(takes)
        if way == "back":
            trash.put_files(files)

    begin_anew()
    failures = 0
    for fault in every_fault(tmp_path, move, codes=CODES):
        told(fault.error)
        in_trash = any(whole_in(entry.path, files) for entry in trash.entries())
        assert whole_in(takes, files) or in_trash, str(fault)
        if fault.error is None:
            assert in_trash == (way == "there")
        failures += fault.error is not None
        begin_anew()
    assert failures >= 5


# --- kills ---


def _change_all(library: Library, say: Say, seed: int) -> None:
    """Change all that the library keeps, over and over, and say what is done."""
    history = History(library.root)
    folder = library.folder_of("tiny")
    for number in range(10_000):
        name = f"p{seed}-{number}"
        presets.save_preset(folder, name, {"seed": number})
        say("preset", name)
        record = history.add(TAKE)
        say("take", str(record.id))
        history.note(record.id, f"note {record.id}")
        say("note", str(record.id))
        if number % 5 == 4:
            export_model("tiny", library.root / "out", library, overwrite=True)
            copy = import_model(library.root / "out.sda", library, name=f"copy {name}")
            rename_model(copy.name, f"new {name}", library)
            delete_model(f"new {name}", library)
            say("deleted", f"new {name}")


@needs_fork
def test_row_26_nothing_that_the_library_keeps_is_lost_by_kills_inside_its_operations(library: Library):
    program = f"""
import os
os.environ["OMP_NUM_THREADS"] = "1"
import sys
from pathlib import Path
from faults.test_library_faults import kill_many
kill_many(Path({str(library.root)!r}), 12)
"""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def kill_many(root: Path, num_kills: int) -> None:
    """Kill by turns at a file operation and after a moment, and look each time what is left."""
    library, kills = Library(root), 0
    for number in range(num_kills):
        fork = Fork(lambda say, number=number: _until_killed(library, say, number))
        if number % 2:
            fork.kill_after(0.02 * number, once="preset")
        else:
            fork.kill_unless_dead_in(20.0)
        kills += fork.end()
        _check(library, fork.said)
    assert kills == num_kills
    presets.save_preset(library.folder_of("tiny"), "last", NEW)
    delete_model(library.folder_of("tiny").name, library)
    Trash(root).empty()
    assert not [path for path in (root / "models").rglob(f"{TEMPORARY_PREFIX}*") if path.is_file()]


def _until_killed(library: Library, say: Say, number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if number % 2 == 0:
            operations = ("open", "fsync", "link", "replace", "rename", "unlink", "mkdir", HALF_A_FILE)
            die_at(3 + 9 * number, patch, operations)
        _change_all(library, say, number)


def _check(library: Library, said: list[tuple[str, str]]) -> None:
    done: dict[str, set[str]] = {}
    for what, which in said:
        done.setdefault(what, set()).add(which)
    assert done.get("preset", set()) <= settings_of_all(library.folder_of("tiny")).keys()
    records = {str(record.id): record for record in History(library.root).search()}
    assert done.get("take", set()) <= records.keys()
    for number in done.get("note", set()):
        assert records[number].note == f"note {number}"
    assert done.get("deleted", set()) <= {entry.name for entry in Trash(library.root).entries()}
    for entry in library.entries():
        assert not entry.problem, entry.problem
        load_bundle(entry.folder)
    if (library.root / "out.sda").exists():
        made = import_model(library.root / "out.sda", library, name="checked")
        shutil.rmtree(made)


# --- the history, on a disk that is full at every page ---


@pytest.mark.skipif(os.name == "nt", reason="no such limit there")
def test_row_24_a_disk_that_is_full_at_any_place_leaves_the_history_as_it_was_or_changed(tmp_path: Path):
    """SQLite writes past Python: a limit of the size of its files stands for the full disk."""
    History(tmp_path).add(TAKE)
    script = f"""
import resource, signal
from pathlib import Path
from small_dataset_audio.errors import HistoryError
from small_dataset_audio.history import History
history = History(Path({str(tmp_path)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
failed = 0
for limit in range(0, 60_000, 1024):
    before = history.get(1).note
    new = chr(97 + limit // 1024 % 26) * 9000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    try:
        history.note(1, new)
        changed = True
    except HistoryError as error:
        failed += 1
        changed = False
        assert "\\n" not in str(error) and "damaged" not in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    assert history.get(1).note in ((new,) if changed else (before, new)), limit
print(failed, changed)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    failed, changed = done.stdout.split()
    assert int(failed) > 5
    assert changed == "True"
