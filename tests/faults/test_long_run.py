"""A short form of `long_run.py`; the long one is for an afternoon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faults.long_run import has_grown

PROGRAM = Path(__file__).with_name("long_run.py")
_MORE_MB = (
    "40"  # after so short a warm-up an allocator keeps this; all that is made here would be far more, were it held
)


@pytest.fixture(scope="module")
def report() -> dict[str, dict]:
    command = [sys.executable, str(PROGRAM), "--simulated-s", "120", "--takes", "30", "--play-mb", _MORE_MB]
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
    assert not report[part]["has_grown"], f"{first} {last}"


@pytest.mark.parametrize(
    ("rss_mb", "open_files", "expected"), [(114.0, 5, False), (116.0, 5, True), (100.0, 6, True), (90.0, 4, False)]
)
def test_more_memory_than_an_allocators_play_has_grown_and_files_however_few(
    rss_mb: float, open_files: int, expected: bool
):
    first = {"rss_mb": 100.0, "open_files": 5}
    assert has_grown(first, {"rss_mb": rss_mb, "open_files": open_files}) is expected
