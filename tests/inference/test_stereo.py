from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import signal

from edges import noise, sine
from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError
from small_dataset_audio.inference import pieces
from small_dataset_audio.inference.stereo import apply_mid_side_widening, create_dual_seed_stereo, peak_normalize

LONG_S = 48_000

any_mono = arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1, 1, width=32))
any_audio = st.one_of(
    arrays(np.float32, st.integers(1, 300), elements=st.floats(-(2.0**100), 2.0**100, width=32)),
    arrays(np.float32, st.tuples(st.integers(1, 2), st.integers(1, 300)), elements=st.floats(-8, 8, width=32)),
)


def rms(audio: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def mid_and_side(channels: NDArray[np.float32]) -> NDArray[np.float64]:
    left, right = channels.astype(np.float64)
    return np.stack([(left + right) / 2, (left - right) / 2])


@given(mono=any_mono, width=st.floats(0, 1.5), delay_ms=st.floats(0, 50))
@settings(deadline=None, max_examples=80)
def test_the_mono_sum_is_the_original_at_every_width_and_delay(
    mono: NDArray[np.float32], width: float, delay_ms: float
):
    widened = apply_mid_side_widening(mono, width, haas_delay_ms=delay_ms)
    assert widened.shape == (2, len(mono))
    assert widened.dtype == np.float32
    mid, _ = mid_and_side(widened)
    # half a float32 step of the largest value a channel can have, 1 + 1.5 * 2
    np.testing.assert_allclose(mid, mono, atol=2.0**-22, rtol=0)


def test_the_mono_sum_has_no_comb_filter():
    mono = noise(LONG_S)
    mid, _ = mid_and_side(apply_mid_side_widening(mono, width=1.5))
    np.testing.assert_allclose(np.abs(np.fft.rfft(mid)), np.abs(np.fft.rfft(mono)), atol=1e-3)


def test_width_zero_is_mono_twice_to_the_bit():
    mono = noise(5000)
    np.testing.assert_array_equal(apply_mid_side_widening(mono, width=0.0), [mono, mono])


@pytest.mark.parametrize(("sample_rate", "delay_ms", "delay_samples"), [(48_000, 15.0, 720), (44_100, 20.0, 882)])
def test_the_side_begins_after_the_haas_delay(sample_rate: int, delay_ms: float, delay_samples: int):
    impulse = np.zeros(4000, np.float32)
    impulse[100] = 0.5
    widened = apply_mid_side_widening(impulse, 1.0, sample_rate, delay_ms)
    _, side = mid_and_side(widened)
    assert np.flatnonzero(side)[0] == 100 + delay_samples
    assert np.argmax(np.abs(side)) == 100 + delay_samples


def test_without_a_width_given_the_delay_is_15_ms_and_the_width_0_7():
    mono = noise(5000)
    np.testing.assert_array_equal(apply_mid_side_widening(mono), apply_mid_side_widening(mono, 0.7, 48_000, 15.0))


def test_bass_stays_in_the_middle_and_the_rest_gets_the_full_width():
    _, bass_side = mid_and_side(apply_mid_side_widening(sine(40.0, LONG_S), width=1.0)[:, 9600:])
    _, treble_side = mid_and_side(apply_mid_side_widening(sine(2000.0, LONG_S), width=1.0)[:, 9600:])
    reference = rms(sine(2000.0, LONG_S))
    # second-order Butterworth high-pass at 150 Hz: 1 / sqrt(1 + (150 / f) ** 4)
    assert rms(bass_side) / reference == pytest.approx(1 / np.sqrt(1 + (150 / 40) ** 4), rel=0.01)
    assert rms(treble_side) / reference == pytest.approx(1.0, rel=0.01)


def test_more_width_means_less_correlation_between_the_channels():
    mono = noise(LONG_S)
    widths = (0.0, 0.3, 0.7, 1.0, 1.5)
    correlations = [np.corrcoef(apply_mid_side_widening(mono, width))[0, 1] for width in widths]
    assert correlations == sorted(correlations, reverse=True)
    # mid and side of noise are uncorrelated: (1 - w**2) / (1 + w**2)
    assert correlations == pytest.approx([(1 - w**2) / (1 + w**2) for w in widths], abs=0.02)


def test_left_and_right_are_equally_loud():
    left, right = apply_mid_side_widening(noise(LONG_S), width=1.0)
    assert 20 * np.log10(rms(left) / rms(right)) == pytest.approx(0.0, abs=0.1)


def test_audio_shorter_than_the_delay_stays_in_the_middle():
    mono = noise(100)
    np.testing.assert_array_equal(apply_mid_side_widening(mono, width=1.0), [mono, mono])


def test_long_audio_in_blocks_agrees_with_scipy_in_one_piece(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pieces, "PIECE_SAMPLES", 997)
    mono = noise(10_000)
    high_pass = signal.butter(2, 150.0, "highpass", fs=48_000, output="sos")
    side = 0.7 * np.concatenate([np.zeros(720), signal.sosfilt(high_pass, mono.astype(np.float64))[:-720]])
    np.testing.assert_allclose(apply_mid_side_widening(mono), [mono + side, mono - side], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"width": -0.1}, "stereo_width is -0.1"),
        ({"width": 1.6}, "stereo_width is 1.6"),
        ({"width": float("nan")}, "stereo_width is nan"),
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"haas_delay_ms": -1.0}, "haas_delay_ms is -1.0"),
        ({"haas_delay_ms": float("inf")}, "haas_delay_ms is inf"),
    ],
)
def test_a_widening_without_meaning_is_refused_by_name(arguments: dict[str, float], named: str):
    with pytest.raises(InvalidConfigError, match=named):
        apply_mid_side_widening(noise(100), **arguments)


@given(left=any_mono, right=any_mono)
@settings(deadline=None, max_examples=50)
def test_dual_seed_keeps_both_takes_and_pads_the_shorter_with_silence(
    left: NDArray[np.float32], right: NDArray[np.float32]
):
    channels = create_dual_seed_stereo(left, right)
    assert channels.shape == (2, max(len(left), len(right)))
    for channel, take in zip(channels, (left, right), strict=True):
        np.testing.assert_array_equal(channel[: len(take)], take)
        assert not channel[len(take) :].any()


def test_dual_seed_refuses_stereo_and_says_which_side_it_was():
    with pytest.raises(InvalidAudioError, match="right has shape"):
        create_dual_seed_stereo(noise(10), np.zeros((2, 10), np.float32))


@given(audio=any_audio, target=st.floats(0.01, 1.0))
@settings(deadline=None, max_examples=150)
def test_the_peak_is_the_target_or_silence_stays(audio: NDArray[np.float32], target: float):
    normalised = peak_normalize(audio, target)
    assert normalised.shape == audio.shape
    assert normalised.dtype == np.float32
    assert np.isfinite(normalised).all()
    if np.abs(audio).max() < 1e-10:
        np.testing.assert_array_equal(normalised, audio)
    else:
        assert np.abs(normalised).max() == np.float32(target)


@given(audio=any_audio)
@settings(deadline=None, max_examples=80)
def test_normalising_twice_changes_nothing_more(audio: NDArray[np.float32]):
    once = peak_normalize(audio)
    np.testing.assert_allclose(peak_normalize(once), once, rtol=1e-6, atol=1e-37)


def test_the_default_peak_is_minus_1_dbfs():
    assert 20 * np.log10(np.abs(peak_normalize(noise(100))).max()) == pytest.approx(-1.0, abs=0.01)
    assert PEAK_TARGET == 0.891


def test_both_channels_get_one_gain_so_the_balance_stays():
    loud, quiet = noise(1000), 0.1 * noise(1000, seed=1)
    left, right = peak_normalize(np.stack([loud, quiet]))
    np.testing.assert_allclose(left / right, loud / quiet, rtol=1e-5)


@pytest.mark.parametrize("peak", [0.0, 1e-45, 1e-38, 1e-11])
def test_silence_and_rounding_residue_are_not_made_loud(peak: float):
    audio = np.full(100, peak, np.float32)
    np.testing.assert_array_equal(peak_normalize(audio), audio)


@pytest.mark.parametrize("peak", [1e-9, 1e-6, 1.0, 1e6, 3e38])
def test_very_quiet_and_very_loud_sounds_are_brought_to_the_target(peak: float):
    audio = (peak * sine(440.0, 4800)).astype(np.float32)
    normalised = peak_normalize(audio)
    np.testing.assert_allclose(normalised, peak_normalize(sine(440.0, 4800)), atol=1e-6)


def test_normalising_returns_a_new_array_even_for_silence():
    silence = np.zeros(10, np.float32)
    assert not np.shares_memory(peak_normalize(silence), silence)


@pytest.mark.parametrize("target", [0.0, -0.5, 1.01, float("nan")])
def test_a_target_outside_the_range_is_refused(target: float):
    with pytest.raises(InvalidConfigError, match="target_peak"):
        peak_normalize(noise(10), target)
