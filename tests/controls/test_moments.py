from __future__ import annotations

import numpy as np
import pytest

from small_dataset_audio.controls.descriptors import describe
from small_dataset_audio.controls.moments import COLUMNS, describe_steps, estimate
from small_dataset_audio.controls.sliders import NAMES

RATE = 48_000
STEP = 2048


def strokes(every_s: float = 0.5, duration_s: float = 6.0, frequency_hz: float = 600.0) -> np.ndarray:
    time_s = np.arange(round(every_s * RATE)) / RATE
    stroke = 0.5 * np.exp(-time_s / 0.08) * np.sin(2 * np.pi * frequency_hz * time_s)
    breath = 0.003 * np.random.default_rng(0).standard_normal(round(duration_s * RATE))
    return (np.tile(stroke, round(duration_s / every_s)) + breath).astype(np.float32)


def table(audio: np.ndarray, lead: int = 2) -> np.ndarray:
    return describe_steps(audio, -(-len(audio) // STEP) + lead + 1, STEP, lead)


@pytest.mark.parametrize("frequency_hz", [200.0, 1500.0])
def test_the_sum_of_all_steps_measures_what_the_recording_does(frequency_hz: float):
    audio = strokes(frequency_hz=frequency_hz)
    measured = describe(audio)
    sums = table(audio, lead=0)
    # Without the silent step at the end, which belongs to the path alone.
    found = estimate(sums[: len(audio) // STEP + 1].sum(axis=0, dtype=float), STEP)
    for name in ("brightness", "warmth", "roughness", "noisiness", "pitch", "tension", "attack"):
        assert found[NAMES.index(name)] == pytest.approx(getattr(measured, name), rel=0.02, abs=0.02), name
    assert found[NAMES.index("density")] == pytest.approx(measured.density, rel=0.03)
    assert found[NAMES.index("loudness")] == pytest.approx(measured.loudness, abs=0.7)  # gates are left out


def test_the_lead_moves_every_sum_by_as_many_steps_and_is_silent_itself():
    audio = strokes()
    without, with_lead = table(audio, lead=0), table(audio, lead=3)
    np.testing.assert_array_equal(with_lead[3:], without)
    assert not with_lead[:3, :-1].any()
    np.testing.assert_array_equal(with_lead[:, COLUMNS.index("steps")], 1.0)


def test_an_onset_stands_at_its_step():
    audio = strokes(every_s=1.0)
    steps = np.flatnonzero(table(audio, lead=0)[:, COLUMNS.index("onsets")])
    expected = np.arange(6) * RATE / STEP
    np.testing.assert_allclose(steps[-5:], expected[-5:], atol=1.0)


def test_silence_measures_nothing_and_breaks_nothing():
    sums = table(np.zeros(RATE, dtype=np.float32))
    assert np.isfinite(sums).all()
    assert np.isfinite(estimate(sums.sum(axis=0, dtype=float), STEP)).all()
