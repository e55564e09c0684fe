"""What the fuzzer found is read again, and it looks a little further each time. See ``fuzz_models.py``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import fuzz_models
from faults.fuzz_models import MAX_MEMORY_MB, SEEDS, Case, Workspace, judge, memory_mb
from small_dataset_audio.errors import SdaError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is asked for as on POSIX")

FINE = ("accepted", "refused")
SEED_FILES = sorted(SEEDS.glob("*.z"))
PROGRAM = Path(__file__).with_name("fuzz_models.py")
_SHORT_RUN_S = 30


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(autouse=True)
def _memory_of_other_tests_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps its peak, and other tests have had theirs: here what counts is by how much it grows."""
    monkeypatch.setattr("faults.fuzz_models.MAX_MEMORY_MB", memory_mb() + MAX_MEMORY_MB)


@pytest.mark.parametrize("path", SEED_FILES, ids=lambda path: path.stem)
def test_what_once_went_wrong_is_refused_or_read(workspace: Workspace, path: Path):
    workspace.reset()
    assert judge(workspace, Case.load(path)) in FINE


def test_the_seeds_are_few_and_small():
    assert 0 < len(SEED_FILES) < 60
    assert all(path.stat().st_size < 4000 for path in SEED_FILES)
    assert {path.name.partition("-")[0] for path in SEED_FILES} <= {"model", "corpus", "checkpoint", "sidecar", "json"}


def test_a_short_run_finds_nothing():
    """In a process of its own, so that its limits of time and memory hold."""
    seed, crashes = time.time_ns(), Path.cwd() / "fuzz-crashes"
    command = [
        sys.executable,
        str(PROGRAM),
        "--seconds",
        str(_SHORT_RUN_S),
        "--seed",
        str(seed),
        "--keep",
        str(crashes),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    again = f"seed {seed}; cases that went wrong are in {crashes.name}/\n{done.stderr}"
    assert done.stdout, again
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["crashes"] == 0, again
    assert done.returncode == 0, again
    assert 0 < found["max_memory_mb"] <= MAX_MEMORY_MB, again
    # A harness whose files are all refused at the door, or all let in, would find nothing either.
    assert {"model accepted", "model refused", "json accepted", "sidecar refused"} <= found["by_kind"].keys(), again


@pytest.fixture
def run_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], tuple[int, dict[str, Any], str]]]:
    """The program for a second, here: its exit code, its report, and what it says of what went wrong."""

    def run() -> tuple[int, dict[str, Any], str]:
        monkeypatch.setattr(sys, "argv", ["fuzz_models.py", "--seconds", "1", "--seed", "5", "--keep", str(tmp_path)])
        code = fuzz_models.main()
        said = capsys.readouterr()
        return code, json.loads(said.out.splitlines()[-1]), said.err

    before = signal.getsignal(signal.SIGALRM)
    yield run
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_short_run_fails_where_memory_is_over_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_program: Callable[[], tuple[int, dict[str, Any], str]]
):
    monkeypatch.setattr(fuzz_models, "MAX_MEMORY_MB", 1.0)
    code, found, said = run_program()
    assert code == 1
    assert found["crashes"] == found["runs"] > 0
    assert " MB\n" in said
    assert list(tmp_path.glob("*.z"))


def test_a_short_run_fails_where_a_case_hangs(
    monkeypatch: pytest.MonkeyPatch, run_program: Callable[[], tuple[int, dict[str, Any], str]]
):
    monkeypatch.setattr(fuzz_models, "_HUNG_AFTER_S", 1)
    monkeypatch.setattr(Workspace, "read", lambda *_: time.sleep(60.0))
    code, found, said = run_program()
    assert (code, found["crashes"], found["runs"]) == (1, 1, 1)
    assert "TimeoutError: hung for 1 s" in said


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [
        (KeyError("name"), "KeyError: 'name'"),
        (MemoryError(), "MemoryError: "),
        (SdaError("two\nlines"), "an error of several lines: 'two\\nlines'"),
        (SdaError("x" * 3000), "an error of 3000 characters"),
        (SdaError("said well"), "refused"),
    ],
)
def test_the_harness_tells_a_crash_from_a_refusal(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, wrong: Exception, outcome: str
):
    def read(_: Case) -> None:
        raise wrong

    monkeypatch.setattr(workspace, "read", read)
    assert judge(workspace, Case("model", b"")) == outcome


def test_the_harness_notices_time_and_memory(monkeypatch: pytest.MonkeyPatch, workspace: Workspace):
    case = Case("json", b"{}")
    monkeypatch.setattr("faults.fuzz_models.MAX_CASE_S", -1.0)
    assert judge(workspace, case).startswith("took ")
    monkeypatch.setattr("faults.fuzz_models.MAX_CASE_S", 60.0)
    monkeypatch.setattr("faults.fuzz_models.MAX_MEMORY_MB", 1.0)
    assert judge(workspace, case).endswith(" MB")
