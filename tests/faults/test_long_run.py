"""A short form of `long_run.py`; the long one is for an afternoon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("long_run.py")
_MORE_MB = 40.0  # what an allocator may keep; all that is made here would be far more, were it held


@pytest.fixture(scope="module")
def report() -> dict[str, dict]:
    command = [sys.executable, str(PROGRAM), "--simulated-s", "120", "--takes", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_long_training_goes_all_the_way_with_its_previews(report: dict[str, dict]):
    training = report["training"]
    assert training["simulated_s"] >= 115
    assert training["steps"] > 60
    assert training["previews"] == 2


@pytest.mark.parametrize("part", ["training", "takes"])
def test_memory_and_open_files_stay_what_they_were(report: dict[str, dict], part: str):
    first, last = report[part]["first"], report[part]["last"]
    assert last["open_files"] <= first["open_files"]
    assert last["rss_mb"] < first["rss_mb"] + _MORE_MB
