"""How one waveform passes into another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.audio.joins import best_lag, level_crossfade, rise


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(num_samples).astype(np.float32)


@given(st.integers(0, 5000))
def test_a_rise_and_its_reverse_sum_to_one(num_samples: int):
    flank = rise(num_samples)
    assert flank.shape == (num_samples,)
    np.testing.assert_allclose(flank + flank[::-1], 1.0, atol=1e-6)
    assert (np.diff(flank) >= 0).all()


@given(st.integers(-256, 256), st.integers(0, 100))
def test_a_shifted_copy_is_brought_back_to_its_place(shift: int, seed: int):
    source = noise(4000, seed)
    outgoing = source[1000:3400]
    incoming = source[1000 - 256 - shift : 3400 + 256 - shift]
    assert best_lag(outgoing, 0.3 * incoming) == shift


def test_partials_no_longer_cancel():
    time = np.arange(4000) / 48_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    outgoing, incoming = tone[600:3000], -tone[600 - 256 : 3000 + 256]
    lag = best_lag(outgoing, incoming)
    joined = level_crossfade(outgoing, incoming[256 + lag : 256 + lag + 2400])
    level = np.sqrt(np.convolve(joined**2, np.ones(240) / 240, "valid"))
    np.testing.assert_allclose(level, np.sqrt(0.5), rtol=0.1)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_level_signals_are_left_where_they_are(value: float):
    assert best_lag(np.full(2400, value, np.float32), np.full(2912, value, np.float32)) == 0


def test_unlike_signals_of_opposite_sign_are_not_shifted_out_of_reach():
    assert abs(best_lag(noise(100, 1), noise(300, 2))) <= 100


@pytest.mark.parametrize(("outgoing", "incoming"), [(0, 0), (0, 512), (10, 10)])
def test_without_samples_or_reach_there_is_nothing_to_shift(outgoing: int, incoming: int):
    assert best_lag(noise(outgoing), noise(incoming)) == 0


@given(st.integers(1, 500), st.integers(0, 100))
def test_the_first_channel_decides_how_all_are_crossfaded(size: int, seed: int):
    mid, side = (np.stack([noise(size, seed + 2 * n), noise(size, seed + 2 * n + 1)]) for n in range(2))
    joined = level_crossfade(np.stack([mid[0], side[0]]), np.stack([mid[1], side[1]]))
    np.testing.assert_array_equal(joined[0], level_crossfade(mid[0], mid[1]))
    # The side's weights are the mid's: a side that is a copy of the mid, at any level, stays one.
    copied = level_crossfade(np.stack([mid[0], 0.5 * mid[0]]), np.stack([mid[1], 0.5 * mid[1]]))
    np.testing.assert_array_equal(copied[1], 0.5 * copied[0])
