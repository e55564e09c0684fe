from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
import pytest

train_module = importlib.import_module("small_dataset_audio.workflow.train")
train_run = importlib.import_module("small_dataset_audio.workflow.train_run")
finishing = importlib.import_module("small_dataset_audio.workflow.finishing")
pytestmark = pytest.mark.usefixtures("quick_training")


@dataclass
class Timed:
    """Densities fitted under a clock that is set beforehand."""

    fit_s: float
    fitted: list[list[range]]


def timed_fit(monkeypatch: pytest.MonkeyPatch, minutes: int, steps_a_minute: int) -> Timed:
    """Paths of the first two minutes take a second, the density of whatever it is given half a second."""
    seconds = iter([0.0, 1.0, 1.5])
    monkeypatch.setattr(finishing.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(finishing, "latent_path", lambda *_: range(steps_a_minute))
    fitted: list[list[range]] = []
    monkeypatch.setattr(finishing, "fit_density", lambda paths, _: fitted.append(paths))
    minute = np.broadcast_to(np.float32(0.1), 60 * 48_000)
    return Timed(finishing.time_of_a_fit_s(None, None, [minute] * minutes), fitted)


def test_a_density_is_timed_with_the_paths_of_two_minutes_repeated_to_the_length_of_all(
    monkeypatch: pytest.MonkeyPatch,
):
    timed = timed_fit(monkeypatch, minutes=6, steps_a_minute=1000)
    assert timed.fitted == [[range(1000)] * 6]
    assert timed.fit_s == 1.0 * 3 + 0.5


def test_a_density_is_timed_with_no_more_steps_than_a_search_compares_with_all(monkeypatch: pytest.MonkeyPatch):
    timed = timed_fit(monkeypatch, minutes=60, steps_a_minute=2048)
    assert timed.fitted == [[range(2048)] * 8]  # 16,384 steps
    assert timed.fit_s == 1.0 * 30 + 0.5 * 30 / 4
