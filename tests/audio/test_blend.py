"""Of two sounds, the louder in every bin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edges import USABLE, noise, sine
from small_dataset_audio.audio.blend import louder_of
from small_dataset_audio.constants import N_FFT, SAMPLE_RATE

WINDOW = torch.hann_window(N_FFT)
BIN_HZ = SAMPLE_RATE / N_FFT


def blend(*sounds: np.ndarray) -> np.ndarray:
    return louder_of(sounds, WINDOW)


def binary_mask(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, float]:
    """The same once more, frame by frame, in numpy and double precision: overlap-add of masked frames.

    And how close the closest decision was: where two bins are equally loud but for rounding, either may be chosen.
    """
    window = np.hanning(N_FFT + 1)[:-1]
    before = N_FFT // 2
    padded = [np.pad(sound.astype(np.float64), (before, 2 * N_FFT)) for sound in (one, other)]
    out, weight = np.zeros(len(padded[0])), np.zeros(len(padded[0]))
    closest = np.inf
    for start in range(0, len(one) + N_FFT // 2 + 1, N_FFT // 2):
        stretch = slice(start, start + N_FFT)
        first, second = (np.fft.rfft(window * sound[stretch]) for sound in padded)
        chosen = np.where(np.abs(second) > np.abs(first), second, first)
        closest = min(closest, float(np.abs(np.abs(second) - np.abs(first)).min()))
        out[stretch] += window * np.fft.irfft(chosen)
        weight[stretch] += window**2
    return (out / np.maximum(weight, 1e-12))[before : before + len(one)], closest


@pytest.mark.parametrize("sound", USABLE.values(), ids=USABLE.keys())
def test_one_sound_alone_is_that_sound_bit_for_bit(sound: np.ndarray):
    np.testing.assert_array_equal(blend(sound), sound)


@pytest.mark.parametrize("sound", USABLE.values(), ids=USABLE.keys())
@pytest.mark.parametrize("times", [2, 3])
def test_equal_sounds_are_that_sound(sound: np.ndarray, times: int):
    np.testing.assert_allclose(blend(*[sound] * times), sound, atol=1e-5)


@pytest.mark.parametrize("sound", USABLE.values(), ids=USABLE.keys())
def test_a_sound_beside_silence_is_the_sound(sound: np.ndarray):
    silence = np.zeros_like(sound)
    for heard in (blend(sound, silence), blend(silence, sound), blend(silence, silence, sound)):
        np.testing.assert_allclose(heard, sound, atol=1e-5)


@pytest.mark.parametrize("one", USABLE.values(), ids=USABLE.keys())
@pytest.mark.parametrize("other", USABLE.values(), ids=USABLE.keys())
def test_a_usable_edge_gives_a_finite_sound_as_long(one: np.ndarray, other: np.ndarray):
    num_samples = min(len(one), len(other))
    given_sounds = [one[:num_samples].copy(), other[:num_samples].copy()]
    heard = blend(*given_sounds)
    assert heard.shape == (num_samples,)
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    np.testing.assert_array_equal(given_sounds[0], one[:num_samples])
    np.testing.assert_array_equal(given_sounds[1], other[:num_samples])


def test_silences_together_are_exactly_silent():
    assert not blend(*[np.zeros(9000, np.float32)] * 3).any()


def test_nothing_stays_nothing():
    assert blend(np.zeros(0, np.float32), np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize("gain", [1.0, 0.1, 1e-3])
def test_two_tones_that_share_no_bin_are_their_sum(gain: float):
    # On its bin's centre, a tone under a Hann window fills three bins; the rest holds rounding.
    one, other = 0.5 * sine(20 * BIN_HZ, 40_000), gain * 0.5 * sine(200 * BIN_HZ, 40_000, phase=1.0)
    heard = blend(one, other)
    np.testing.assert_allclose(heard[N_FFT:-N_FFT], (one + other)[N_FFT:-N_FFT], atol=2e-6)


@pytest.mark.parametrize("frequency_hz", [440.0, 997.0, 5000.0])
@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi])
def test_where_both_hold_the_same_partial_the_louder_is_heard_and_nothing_beats(frequency_hz: float, phase: float):
    louder, softer = 0.5 * sine(frequency_hz, 40_000), 0.4 * sine(frequency_hz, 40_000, phase=phase)
    for heard in (blend(louder, softer), blend(softer, louder)):
        np.testing.assert_allclose(heard[N_FFT:-N_FFT], louder[N_FFT:-N_FFT], atol=1e-3)


def test_two_noises_do_not_add_up():
    # The larger of two exponential variables (the powers of a bin) is 1.5 on average, where their sum would be 2. What is put
    # together again from bins of both is no spectrum of any sound; the overlap-add averages some of it away.
    one, other = noise(200_000, 1), noise(200_000, 2)
    power = np.mean(blend(one, other).astype(np.float64) ** 2) / np.mean(one.astype(np.float64) ** 2)
    assert 1.1 < power < 1.5


@given(num_samples=st.integers(1, 9000), gain=st.floats(0.05, 20.0), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_it_is_what_a_mask_frame_by_frame_gives(num_samples: int, gain: float, seed: int):
    one, other = noise(num_samples, seed), np.float32(gain) * noise(num_samples, seed + 1)
    expected, closest = binary_mask(one, other)
    assume(closest > 3e-5 * gain)
    np.testing.assert_allclose(blend(one, other), expected, atol=1e-4 * max(gain, 1.0))


@given(seed=st.integers(0, 1000), gain=st.floats(0.2, 5.0))
@settings(deadline=None, max_examples=20)
def test_the_order_does_not_matter(seed: int, gain: float):
    sounds = [noise(8000, seed), np.float32(gain) * noise(8000, seed + 1), noise(8000, seed + 2)]
    np.testing.assert_allclose(blend(*sounds), blend(*sounds[::-1]), atol=1e-4)


def test_a_stretch_is_blended_as_in_the_whole_away_from_its_ends():
    one, other = noise(60_000, 1), noise(60_000, 2)
    whole = blend(one, other)
    begin, end = 5 * N_FFT, 20 * N_FFT
    piece = blend(one[begin:end], other[begin:end])
    np.testing.assert_allclose(piece[N_FFT:-N_FFT], whole[begin + N_FFT : end - N_FFT], atol=1e-5)


@pytest.mark.parametrize("n_fft", [256, 512, 2048])
@pytest.mark.parametrize("num_samples", [1, 63, 64, 65, 511, 512, 513, 1023, 2047, 2048, 2049, 7777])
def test_at_any_window_and_length_the_last_sample_is_reached_and_none_bursts(n_fft: int, num_samples: int):
    window = torch.hann_window(n_fft)
    sound, other = noise(num_samples), noise(num_samples, 1)
    np.testing.assert_allclose(louder_of([sound, np.zeros_like(sound)], window), sound, atol=1e-5)
    # Bins of two sounds make a frame that does not fade out: it must not be divided by a window that does.
    assert np.abs(louder_of([sound, other], window)).max() < 2.0


# ---- mid and side


@pytest.mark.parametrize("times", [2, 3])
def test_the_first_channel_of_a_blend_is_the_blend_of_the_first_channels_bit_for_bit(times: int):
    sounds = [np.stack([noise(9_001, 2 * n), noise(9_001, 2 * n + 1)]) for n in range(times)]
    np.testing.assert_array_equal(blend(*sounds)[0], blend(*[sound[0] for sound in sounds]))


def test_each_sound_keeps_its_own_place():
    # Hard left and hard right, in bands of their own: the side follows the mid's choice, bin by bin.
    low, high = 0.5 * sine(20 * BIN_HZ, 20_000), 0.5 * sine(200 * BIN_HZ, 20_000)
    mid, side = blend(np.stack([low, low]), np.stack([high, -high]))
    inside = slice(N_FFT, -N_FFT)
    np.testing.assert_allclose((mid + side)[inside], 2 * low[inside], atol=2e-3)
    np.testing.assert_allclose((mid - side)[inside], 2 * high[inside], atol=2e-3)


def test_the_side_alone_does_not_make_a_sound_the_louder():
    loud_side = np.stack([0.1 * noise(9_000, 1), noise(9_000, 2)])
    loud_mid = np.stack([noise(9_000, 3), np.zeros(9_000, np.float32)])
    assert np.square(blend(loud_side, loud_mid)[1]).mean() < 0.1 * np.square(loud_side[1]).mean()
