from __future__ import annotations

import numpy as np
import pytest

from badfiles import tone
from small_dataset_audio.corpus.downmix import downmix, is_heard_beside, side_of

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


# ---- what the mean leaves out


def test_mid_and_side_are_left_and_right_again():
    mid, _ = downmix(NOISE, "WAV")
    side = side_of(NOISE)
    assert side is not None
    assert side.dtype == np.float32
    np.testing.assert_allclose([mid + side, mid - side], NOISE, atol=1e-7)


def test_a_sound_on_the_left_alone_leaves_exactly_nothing_on_the_right():
    audio = stereo(NOISE[0], 0 * NOISE[0])
    mid, _ = downmix(audio, "WAV")
    np.testing.assert_array_equal(mid - side_of(audio), 0.0)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_only_two_channels_have_a_side(channels):
    assert side_of(np.repeat(NOISE[:1], channels, axis=0)) is None


@pytest.mark.parametrize(("left", "right"), [(1.0, -0.95), (-1.0, 1.0)])
def test_channels_of_which_one_is_used_alone_have_no_side(left, right):
    assert side_of(stereo(left * NOISE[0], right * NOISE[0])) is None


@pytest.mark.parametrize(("level_db", "is_heard"), [(0.0, True), (-59.0, True), (-61.0, False), (-200.0, False)])
def test_a_side_counts_from_60_db_under_the_mid_on(level_db, is_heard):
    assert is_heard_beside(10 ** (level_db / 20) * NOISE[0], NOISE[0]) is is_heard


def test_one_sound_at_the_side_of_a_long_recording_counts():
    side = np.zeros(48_000, np.float32)
    side[30_000:30_010] = 0.01
    assert is_heard_beside(side, NOISE[0])


def test_silence_beside_silence_is_not_heard():
    assert not is_heard_beside(np.zeros(10, np.float32), np.zeros(10, np.float32))
