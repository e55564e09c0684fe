"""Row 26 of the fault table: a short form of `training_kills.py`, and the long one where SDA_KILLS asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.training_kills import lost_checkpoint

PROGRAM = Path(__file__).with_name("training_kills.py")
KILLS = int(os.environ.get("SDA_KILLS", "3"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked copies of itself")
def test_row_26_a_training_killed_at_random_moments_ends_as_if_nobody_had_bit_for_bit():
    command = [sys.executable, "-W", "ignore", str(PROGRAM), "--kills", str(KILLS), "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["differences"] == []
    assert (report["lost"], report["bytes_lost"]) == ([], 0)
    assert report["kills"] == len(report["step_when_killed"]) == KILLS
    assert report["step_when_killed"] == sorted(report["step_when_killed"])  # nothing that was saved is lost
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("said", "step", "expected"),
    [
        ([], 0, {}),
        ([("started", "")], 3, {}),
        ([("saved", "3/100"), ("saved", "4/200")], 4, {}),
        ([("saved", "3/100"), ("saved", "4/200")], 5, {}),  # one more was written than could be said
        ([("saved", "3/100"), ("saved", "4/200")], 3, {"the checkpoint of step 4; step 3 is left": 200}),
        ([("saved", "1/100")], 0, {"the checkpoint of step 1; step 0 is left": 100}),
    ],
)
def test_a_checkpoint_that_was_written_and_is_not_there_is_lost(
    said: list[tuple[str, str]], step: int, expected: dict[str, int]
):
    assert lost_checkpoint(said, step) == expected
