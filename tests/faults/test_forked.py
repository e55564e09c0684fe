"""What the campaigns rely on: a fork dies where it is told to, and what it said before is heard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiny import run_python, start_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

BEGIN = """
import os, sys, time
from pathlib import Path
import pytest
from faults.forked import HALF_A_FILE, Fork, die_at, in_fork

def work(say):
    say("started", "")
    say("saved", "one/1")
    time.sleep(60)
"""


def run(program: str, *arguments: str | Path) -> str:
    return run_python(BEGIN + program, *arguments)


def test_what_a_killed_fork_said_is_heard():
    program = "fork = Fork(work); fork.kill_after(0.0, once='saved'); print(fork.end(), fork.said)"
    assert run(program).strip() == "True [('started', ''), ('saved', 'one/1')]"


def test_a_fork_that_does_not_kill_itself_in_time_is_killed():
    assert run("fork = Fork(work); fork.kill_unless_dead_in(0.1); print(fork.end())").strip() == "True"


def test_a_good_end_is_no_kill_and_a_failure_is_an_error():
    assert run("fork = Fork(lambda say: say('done', '')); print(fork.end(), fork.said)").strip() == (
        "False [('done', '')]"
    )
    done = start_python(BEGIN + "in_fork(lambda: 1 / 0)")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "RuntimeError: a fork ended with status 256" in done.stderr


@pytest.mark.parametrize(
    ("number", "expected"), [(1, {"one": 5}), (2, {"one": 10}), (3, {"two": 10}), (4, {"two": 10})]
)
def test_a_fork_dies_before_its_nth_operation_or_with_half_of_a_file(
    tmp_path: Path, number: int, expected: dict[str, int]
):
    program = """
def work(say):
    with pytest.MonkeyPatch.context() as patch:
        die_at(int(sys.argv[2]), patch, (HALF_A_FILE, "replace"))
        (Path(sys.argv[1]) / "one").write_bytes(bytes(10))
        os.replace(Path(sys.argv[1]) / "one", Path(sys.argv[1]) / "two")
        (Path(sys.argv[1]) / "two").read_bytes()

print(Fork(work).end())
"""
    assert run(program, tmp_path, str(number)).strip() == str(number <= 2)
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == expected
