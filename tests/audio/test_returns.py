"""Where one stretch can best go on as another."""

from __future__ import annotations

import numpy as np
import pytest

from edges import noise, sine
from small_dataset_audio.audio.returns import best_return

OVERLAP = 2_400


def test_the_only_place_where_two_stretches_are_the_same_is_found():
    heads, tails = noise(72_000, seed=1), noise(72_000, seed=2)
    tails[30_000:36_000] = heads[30_000:36_000]
    first = best_return(heads[None], tails[None], OVERLAP)
    assert 30_000 <= first <= 36_000 - OVERLAP


def test_of_places_that_sound_alike_the_one_in_phase_is_taken():
    # Two tones of the same level; only around the middle of the stretch do they swing together.
    seconds = np.arange(48_000) / 48_000
    heads = np.sin(2 * np.pi * 200.0 * seconds)
    tails = np.sin(2 * np.pi * 200.0 * seconds + 4.0 * (seconds - 0.5))
    first = best_return(heads[None].astype(np.float32), tails[None].astype(np.float32), OVERLAP)
    assert first + OVERLAP / 2 == pytest.approx(24_000, abs=600)


def test_a_place_of_the_same_level_is_taken_before_one_of_another():
    heads, tails = noise(96_000, seed=1), noise(96_000, seed=2)
    tails[:60_000] *= 0.05
    tails[80_000:] *= 0.05
    first = best_return(heads[None], tails[None], OVERLAP)
    assert 60_000 <= first + OVERLAP / 2 <= 80_000


def test_both_channels_are_asked():
    left = sine(100.0, 48_000)
    heads = np.stack([left, noise(48_000, seed=1)])
    tails = np.stack([left, noise(48_000, seed=2)])
    tails[1, 20_000:26_000] = heads[1, 20_000:26_000]
    assert 20_000 <= best_return(heads, tails, OVERLAP) <= 26_000 - OVERLAP


@pytest.mark.parametrize("audio", [np.zeros((1, 5_000), np.float32), np.ones((2, 5_000), np.float32)])
def test_silence_and_dc_have_a_place_as_well(audio: np.ndarray):
    assert 0 <= best_return(audio, audio, OVERLAP) <= 5_000 - OVERLAP


def test_where_there_is_no_room_the_beginning_is_taken():
    assert best_return(noise(OVERLAP)[None], noise(OVERLAP, seed=3)[None], OVERLAP) == 0
    assert best_return(noise(10)[None], noise(10)[None], 0) == 0
