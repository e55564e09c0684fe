"""The short form of the fuzzer of presets, archives and histories; see ``fuzz_library.py``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults.fuzz_library import LibraryWorkspace
from faults.fuzz_models import MAX_MEMORY_MB, Case, judge, memory_mb
from small_dataset_audio.errors import HistoryError
from small_dataset_audio.history import History

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is asked for as on POSIX")

PROGRAM = Path(__file__).with_name("fuzz_library.py")
SEEDS = Path(__file__).parent / "seeds" / "library"
_SHORT_RUN_S = 15


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> LibraryWorkspace:
    return LibraryWorkspace(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(autouse=True)
def _memory_of_other_tests_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faults.fuzz_models.MAX_MEMORY_MB", memory_mb() + MAX_MEMORY_MB)


def test_what_is_sound_is_read(workspace: LibraryWorkspace):
    for kind, files in workspace.files.items():
        assert judge(workspace, Case(kind, files[0])) == "accepted", kind


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.z")), ids=lambda path: path.stem)
def test_what_once_went_wrong_is_refused_or_read(workspace: LibraryWorkspace, path: Path):
    assert judge(workspace, Case.load(path)) in ("accepted", "refused")


def test_an_archive_that_leaves_something_behind_is_seen(workspace: LibraryWorkspace, monkeypatch: pytest.MonkeyPatch):
    def leave(path: Path, library: object) -> Path:
        (path.parent / "left").touch()
        raise ValueError("refused, in a way")

    monkeypatch.setattr("faults.fuzz_library.import_model", leave)
    assert judge(workspace, Case("archive", b"")).startswith("AssertionError")
    (workspace.folder / "left").unlink()


def test_a_newer_history_that_is_set_aside_though_it_is_whole_is_seen(
    workspace: LibraryWorkspace, monkeypatch: pytest.MonkeyPatch
):
    def set_aside(history: History) -> None:
        history.path.unlink()
        raise HistoryError("refused, in a way")

    newer = bytearray(workspace.files["history"][0])
    newer[60:64] = (3).to_bytes(4, "big")  # where SQLite keeps user_version
    assert judge(workspace, Case("history", bytes(newer))) == "refused"
    monkeypatch.setattr("faults.fuzz_library._use_history", set_aside)
    assert judge(workspace, Case("history", bytes(newer))).startswith("FileNotFoundError")


def test_a_short_run_finds_nothing():
    seed, crashes = time.time_ns(), Path.cwd() / "fuzz-crashes"
    options = ["--seconds", str(_SHORT_RUN_S), "--seed", str(seed), "--keep", str(crashes)]
    done = subprocess.run([sys.executable, str(PROGRAM), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}; cases that went wrong are in {crashes.name}/\n{done.stderr}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["crashes"] == 0
    assert found["refused"] > 0
