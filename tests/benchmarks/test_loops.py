"""The measures of loops and one-shots, on sounds of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from loops import flux_percentile, level_db, likeness, step_percentile

from edges import noise, sine


@pytest.mark.parametrize("num_samples", [48_000, 48_100, 47_990])
def test_a_click_stands_over_everything_and_a_circle_does_not(num_samples: int):
    time = np.arange(num_samples) / num_samples
    circle = sum(np.sin(2 * np.pi * cycles * time + cycles) / cycles for cycles in (300, 437, 991)).astype(np.float32)
    circle += 0.01 * noise(num_samples)
    broken = circle * np.linspace(0.5, 1.0, num_samples, dtype=np.float32) + np.linspace(0, 0.5, num_samples)
    assert step_percentile(circle) < 99.0
    assert flux_percentile(circle) < 99.0
    assert step_percentile(broken) == 100.0
    assert flux_percentile(broken) == 100.0


def test_likeness_and_level():
    tone = sine(440.0, 4_800).astype(np.float64)
    assert likeness(tone, -0.5 * tone) == pytest.approx(1.0)
    assert likeness(tone, np.pad(tone, (0, 100))) == pytest.approx(1.0)
    assert likeness(noise(48_000).astype(np.float64), noise(48_000, 1).astype(np.float64)) < 0.05
    assert level_db(0.1 * tone, tone) == pytest.approx(-20.0, abs=0.01)
