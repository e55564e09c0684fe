"""Renderings of one moment that do not lie at the same sample; what else overlaps is tested with the chunks."""

from __future__ import annotations

import numpy as np
import pytest

from edges import noise
from small_dataset_audio.inference.overlap import aligned_overlap_add

CHUNK, OVERLAP, REACH = 4800, 960, 256
HOP = CHUNK - OVERLAP


def stretch(signal: np.ndarray, number: int, late: int, length: int = CHUNK) -> np.ndarray:
    """Rendering of a chunk that comes `late` samples too late, with its reach on both sides."""
    start = 1000 + number * HOP - REACH - late
    return signal[:, start : start + length + 2 * REACH]


def join(*stretches: np.ndarray) -> np.ndarray:
    return np.concatenate(list(aligned_overlap_add(stretches, CHUNK, OVERLAP, REACH)), axis=1)


@pytest.mark.parametrize("late", [-256, -100, 1, 255])
def test_a_rendering_that_is_early_or_late_is_shifted_to_where_it_fits(late: int):
    signal = noise(20_000)[None]
    joined = join(stretch(signal, 0, 0), stretch(signal, 1, late), stretch(signal, 2, late // 2))
    np.testing.assert_allclose(joined, signal[:, 1000 : 1000 + 3 * HOP + OVERLAP], atol=1e-6)


def test_both_channels_are_shifted_alike_even_where_one_alone_would_fit_elsewhere():
    left, right = noise(20_000, 1), 0.2 * noise(20_000, 2)
    signal = np.stack([left, right])
    shifted = stretch(signal, 1, 100).copy()
    shifted[1] = stretch(signal, 1, 40)[1]
    joined = join(stretch(signal, 0, 0), shifted)
    np.testing.assert_allclose(joined[0], left[1000 : 1000 + 2 * HOP + OVERLAP], atol=1e-6)
    # The right follows the louder left by 100 samples, so it is 60 off from there on.
    after = slice(1000 + CHUNK, 1000 + 2 * HOP + OVERLAP)
    np.testing.assert_allclose(joined[1, CHUNK:], right[after.start + 60 : after.stop + 60], atol=1e-6)


@pytest.mark.parametrize("length", [OVERLAP, OVERLAP + 1, 3000])
def test_the_last_rendering_may_be_shorter(length: int):
    signal = noise(20_000)[None]
    joined = join(stretch(signal, 0, 0), stretch(signal, 1, 0, length))
    np.testing.assert_allclose(joined, signal[:, 1000 : 1000 + HOP + length], atol=1e-6)


def test_mid_and_side_are_joined_by_what_the_mid_decides():
    mid = noise(20_000, 1)
    signal = np.stack([mid, -0.5 * mid])
    joined = join(stretch(signal, 0, 0), stretch(signal, 1, -100), stretch(signal, 2, 30))
    np.testing.assert_array_equal(
        joined[:1], join(*(stretch(mid[None], n, late) for n, late in enumerate((0, -100, 30))))
    )
    np.testing.assert_array_equal(joined[1], -0.5 * joined[0])
    # A side without likeness to the mid is shifted with it, even where it is the louder by far.
    loud = np.stack([mid, 10 * noise(20_000, 2)])
    shifted = join(stretch(loud, 0, 0), stretch(loud, 1, 100))
    np.testing.assert_allclose(shifted[1], loud[1, 1000 : 1000 + 2 * HOP + OVERLAP], atol=1e-5)
