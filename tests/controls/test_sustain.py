"""What can be held, in sounds of which that is known."""

from __future__ import annotations

import numpy as np
import pytest

from edges import USABLE, noise, sine
from small_dataset_audio.controls.sustain import find_sustain


def held(num_samples: int = 120_000) -> np.ndarray:
    tone = 0.3 * sum(sine(220.0 * k, num_samples, phase=float(k)) / k for k in range(1, 6))
    return (tone * np.minimum(1.0, np.arange(num_samples) / 10_000)).astype(np.float32)


def test_a_held_tone_is_looped_after_whole_periods():
    sound = held()
    sustain = find_sustain(sound)
    assert sustain is not None
    assert sustain.likeness > 0.999
    periods = (sustain.last + 1 - sustain.first) / (48_000 / 220.0)
    assert periods == pytest.approx(round(periods), abs=0.01)
    assert sustain.last + 1 - sustain.first >= 0.4 * 48_000
    # Playing on from the loop's end to its beginning is playing on.
    np.testing.assert_allclose(
        sound[sustain.last - 99 : sustain.last + 1], sound[sustain.first - 100 : sustain.first], atol=0.02
    )


def test_a_loop_lies_inside_with_room_for_its_fade():
    for seed in range(5):
        sound = held(96_000 + 7_919 * seed) + 0.02 * noise(96_000 + 7_919 * seed, seed)
        sustain = find_sustain(sound)
        assert sustain is not None
        assert sustain.fade <= sustain.first <= sustain.last < len(sound)
        assert sustain.fade <= sustain.last + 1 - sustain.first


def test_what_dies_away_swells_or_is_short_is_not_held():
    dying = held() * np.exp(-np.arange(120_000) / 24_000).astype(np.float32)
    for sound in (dying, dying[::-1].copy(), held(40_000), np.zeros(120_000, np.float32)):
        assert find_sustain(sound) is None


def test_steady_noise_can_be_held_though_nothing_of_it_comes_back():
    sustain = find_sustain(noise(120_000))
    assert sustain is not None
    assert sustain.likeness < 0.5


@pytest.mark.parametrize("name", USABLE)
def test_no_edge_is_a_fault(name: str):
    for sound in (USABLE[name], np.tile(USABLE[name], 30)):
        sustain = find_sustain(sound)
        assert sustain is None or 0 <= sustain.fade <= sustain.first <= sustain.last < len(sound)
