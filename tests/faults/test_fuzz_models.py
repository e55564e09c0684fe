"""What the fuzzer found is read again, and it looks a little further each time. See ``fuzz_models.py``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from faults.fuzz_models import SEEDS, Case, Workspace, judge, run
from small_dataset_audio.errors import SdaError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is asked for as on POSIX")

FINE = ("accepted", "refused")
SEED_FILES = sorted(SEEDS.glob("*.z"))
_SHORT_RUN_S = 12.0


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("fuzz"))


@pytest.fixture(autouse=True)
def _memory_of_other_tests_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps its peak, and other tests have had theirs; the program by itself measures memory."""
    monkeypatch.setattr("faults.fuzz_models.memory_mb", lambda: 0.0)


@pytest.mark.parametrize("path", SEED_FILES, ids=lambda path: path.stem)
def test_what_once_went_wrong_is_refused_or_read(workspace: Workspace, path: Path):
    workspace.reset()
    assert judge(workspace, Case.load(path)) in FINE


def test_the_seeds_are_few_and_small():
    assert 0 < len(SEED_FILES) < 60
    assert all(path.stat().st_size < 4000 for path in SEED_FILES)
    assert {path.name.partition("-")[0] for path in SEED_FILES} <= {"model", "corpus", "checkpoint", "sidecar", "json"}


def test_a_short_run_finds_nothing(tmp_path: Path):
    found = [(case, outcome) for case, outcome in run(_SHORT_RUN_S, time.time_ns(), tmp_path)]
    wrong = {outcome: case for case, outcome in found if outcome not in FINE}
    for case in wrong.values():
        case.save(Path.cwd() / "fuzz-crashes")
    assert not wrong, f"{list(wrong)}; the cases are in fuzz-crashes/"
    # A harness whose files are all refused at the door, or all let in, would find nothing either.
    outcomes = {(case.kind, outcome) for case, outcome in found}
    assert {("model", "accepted"), ("model", "refused"), ("json", "accepted"), ("sidecar", "refused")} <= outcomes


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
    monkeypatch.setattr("faults.fuzz_models.memory_mb", lambda: 1234.0)
    assert judge(workspace, case) == "1234 MB"
