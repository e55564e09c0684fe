from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges import noise, sine
from small_dataset_audio.inference.loudness import loudness
from small_dataset_audio.inference.mixing import add_up, apart, blend_gains
from small_dataset_audio.inference.pieces import Stream, stream_of

WEIGHTS = (0.05, 0.25, 0.5, 0.75, 0.95)


def mono(audio: np.ndarray) -> Stream:
    return stream_of(audio[None].astype(np.float32))


QUIET_NOISE = mono(0.02 * noise(96_000))
LOUD_TONE = mono(0.6 * sine(997.0, 96_000))


@pytest.mark.parametrize("weight", WEIGHTS)
def test_two_sounds_together_are_as_loud_as_what_lies_between_them(weight: float):
    expected = (1 - weight) * loudness(QUIET_NOISE) + weight * loudness(LOUD_TONE)
    assert loudness(add_up([QUIET_NOISE, LOUD_TONE], weight)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_second_has_its_weight_of_the_power(weight: float):
    first, second = mono(0.1 * noise(96_000)), mono(0.7 * noise(96_000, seed=1))  # of one colour: power is loudness
    blended = add_up([first, second], weight).first()[0]
    part = np.dot(blended, second.first()[0]) / np.dot(second.first()[0], second.first()[0]) * second.first()[0]
    assert np.mean(part**2) / np.mean(blended**2) == pytest.approx(weight, abs=0.02)


@given(st.floats(0.0, 1.0), st.floats(-60.0, 0.0), st.floats(-60.0, 0.0))
def test_blending_a_into_b_is_blending_b_into_a_the_other_way_round(weight: float, first: float, second: float):
    other_way = blend_gains(second, first, 1.0 - weight)[::-1]
    np.testing.assert_allclose(blend_gains(first, second, weight), other_way, rtol=1e-5, atol=1e-7)


@given(st.floats(0.0, 1.0), st.floats(-60.0, 0.0), st.floats(-60.0, 0.0))
def test_gains_bring_both_to_one_loudness_and_share_the_power(weight: float, first: float, second: float):
    gains = [float(gain) for gain in blend_gains(first, second, weight)]
    powers = [gain**2 * 10 ** (level / 10) for gain, level in zip(gains, (first, second), strict=True)]
    assert powers[1] == pytest.approx(weight * sum(powers), rel=1e-4, abs=1e-12)
    common = (1 - weight) * first + weight * second
    assert 10 * math.log10(sum(powers)) == pytest.approx(common, abs=1e-3)


def test_at_both_ends_a_sound_is_left_as_it_is_bit_for_bit():
    assert add_up([QUIET_NOISE, LOUD_TONE], 0.0) is QUIET_NOISE
    assert add_up([QUIET_NOISE, LOUD_TONE], 1.0) is LOUD_TONE
    assert add_up([QUIET_NOISE], 0.3) is QUIET_NOISE


@pytest.mark.parametrize("weight", WEIGHTS)
def test_beside_silence_a_sound_keeps_its_level_but_for_its_share(weight: float):
    blended = add_up([mono(np.zeros(96_000)), LOUD_TONE], weight).first()
    np.testing.assert_allclose(blended, math.sqrt(weight) * LOUD_TONE.first(), rtol=1e-6)


def test_what_was_rendered_side_by_side_is_taken_apart():
    raw = stream_of(np.arange(24, dtype=np.float32).reshape(4, 6))
    sounds = apart(raw, 2)
    np.testing.assert_array_equal(np.concatenate([sound.first() for sound in sounds]), raw.first())
    assert [sound.channels for sound in sounds] == [2, 2]
    assert len(apart(raw, 4)) == 1
