from __future__ import annotations

import numpy as np
import pytest

from badfiles import tone
from small_dataset_audio.corpus.downmix import downmix

RNG = np.random.default_rng(11)
NOISE = RNG.standard_normal((2, 48_000)).astype(np.float32) * 0.2


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right]).astype(np.float32)


def test_mono_stays_as_it_is_without_a_note():
    mono, note = downmix(NOISE[:1], "WAV")
    np.testing.assert_array_equal(mono, NOISE[0])
    assert note == ""


def test_two_equal_channels_become_that_channel_bit_for_bit():
    mono, note = downmix(stereo(NOISE[0], NOISE[0]), "WAV")
    np.testing.assert_array_equal(mono, NOISE[0])
    assert note == "downmixed from 2 channels (mean)"


def test_stereo_becomes_the_mean():
    mono, _ = downmix(NOISE, "FLAC")
    np.testing.assert_allclose(mono, (NOISE[0] + NOISE[1]) / 2, atol=1e-7)


def test_one_silent_channel_is_no_cancellation():
    mono, note = downmix(stereo(NOISE[0], 0 * NOISE[0]), "WAV")
    np.testing.assert_allclose(mono, NOISE[0] / 2, atol=1e-7)
    assert "mean" in note


@pytest.mark.parametrize(("left", "right", "number"), [(1.0, -0.95, 1), (0.9, -1.0, 2), (-1.0, 1.0, 1)])
def test_channels_in_opposite_phase_leave_the_louder_one_instead_of_nothing(left, right, number):
    audio = stereo(left * NOISE[0], right * NOISE[0])
    mono, note = downmix(audio, "WAV")
    np.testing.assert_array_equal(mono, audio[number - 1])
    assert note == (f"downmixed from 2 channels (they cancel in the mix: channel {number}, the loudest, is used alone)")


def test_a_wide_stereo_that_does_not_cancel_is_still_mixed():
    # The side signal 14 dB over the middle: the mix is quiet, but it is the recording's own middle.
    middle, side = NOISE
    mono, note = downmix(stereo(0.2 * middle + side, 0.2 * middle - side), "WAV")
    np.testing.assert_allclose(mono, 0.2 * middle, atol=1e-6)
    assert "mean" in note


@pytest.mark.parametrize("format_name", ["WAV", "WAVEX", "RF64", "W64", "FLAC"])
def test_six_channels_in_wav_order_follow_bs_775(format_name):
    audio = np.stack([tone(0.1, hz=100 * (i + 1)) for i in range(6)]).astype(np.float32)
    mono, note = downmix(audio, format_name)
    left, right, centre, _, surround_left, surround_right = audio
    expected = (0.7071 * (left + right) + centre + 0.5 * (surround_left + surround_right)) / (2 * 0.7071 + 2)
    np.testing.assert_allclose(mono, expected, atol=1e-6)
    assert "BS.775" in note


@pytest.mark.parametrize("format_name", ["OGG", "AIFF", "CAF"])
def test_six_channels_in_an_order_nobody_states_are_averaged(format_name):
    audio = np.stack([tone(0.1, hz=100 * (i + 1)) for i in range(6)]).astype(np.float32)
    mono, note = downmix(audio, format_name)
    np.testing.assert_allclose(mono, audio.mean(axis=0), atol=1e-6)
    assert note == "downmixed from 6 channels (mean)"


def test_sound_on_the_low_frequency_channel_alone_is_not_lost():
    audio = np.zeros((6, 4800), np.float32)
    audio[3] = tone(0.1, hz=50)
    mono, note = downmix(audio, "WAV")
    np.testing.assert_array_equal(mono, audio[3])
    assert "channel 4, the loudest" in note


@pytest.mark.parametrize("channels", [2, 3, 6, 8])
def test_equal_channels_keep_their_level_whatever_their_number(channels):
    mono, _ = downmix(np.repeat(NOISE[:1], channels, axis=0), "WAV")
    np.testing.assert_allclose(mono, NOISE[0], atol=1e-6)
