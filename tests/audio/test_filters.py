from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from edges import noise, sine
from small_dataset_audio.audio import filters
from small_dataset_audio.audio.filters import apply_anti_alias_filter
from small_dataset_audio.errors import InvalidConfigError


def expected_gain_db(frequency_hz: float, sample_rate: int, cutoff_hz: float, order: int) -> float:
    """Butterworth after the bilinear transform, both ways: the magnitude of one way, squared."""
    ratio = np.tan(np.pi * frequency_hz / sample_rate) / np.tan(np.pi * cutoff_hz / sample_rate)
    return float(20 * np.log10(1 / (1 + ratio ** (2 * order))))


def measured_gain_db(frequency_hz: float, sample_rate: int = 48_000, **arguments: float) -> float:
    """Level of a sine that went through, away from the ends, by projection on itself."""
    num_samples = sample_rate
    tone = sine(frequency_hz, num_samples, sample_rate)
    middle = slice(num_samples // 4, 3 * num_samples // 4)
    result = apply_anti_alias_filter(tone, sample_rate, **arguments)[middle].astype(np.float64)
    reference = tone[middle].astype(np.float64)
    return float(20 * np.log10(abs(result @ reference) / (reference @ reference)))


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
def test_the_gain_at_the_cut_off_is_minus_6_db(sample_rate: int):
    assert measured_gain_db(20_000.0, sample_rate) == pytest.approx(20 * np.log10(0.5), abs=1e-3)


@pytest.mark.parametrize("frequency_hz", [50.0, 1_000.0, 10_000.0, 15_000.0, 17_000.0])
def test_the_passband_is_flat(frequency_hz: float):
    assert measured_gain_db(frequency_hz) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("frequency_hz", [18_000.0, 19_500.0, 20_500.0, 21_000.0, 22_000.0])
def test_the_gain_follows_the_butterworth_formula(frequency_hz: float):
    assert measured_gain_db(frequency_hz) == pytest.approx(
        expected_gain_db(frequency_hz, 48_000, 20_000.0, 8), abs=0.05
    )


@pytest.mark.parametrize("order", [2, 4, 8])
def test_cut_off_and_order_are_free(order: int):
    gain_db = measured_gain_db(2_000.0, cutoff_hz=1_000.0, order=order)
    assert gain_db == pytest.approx(expected_gain_db(2_000.0, 48_000, 1_000.0, order), abs=0.05)


def test_what_lies_over_22_khz_is_more_than_80_db_down():
    filtered = apply_anti_alias_filter(noise(96_000))[24_000:-24_000]
    frequencies_hz, density = signal.welch(filtered, 48_000, nperseg=4096, window="blackmanharris")
    assert density[frequencies_hz > 22_000].max() < 1e-8 * density.max()


def test_the_phase_is_zero_an_impulse_stays_where_it_was_and_symmetric():
    impulse = np.zeros(2001, np.float32)
    impulse[1000] = 1.0
    response = apply_anti_alias_filter(impulse)
    assert np.argmax(np.abs(response)) == 1000
    np.testing.assert_allclose(response, response[::-1], atol=1e-7)


@pytest.mark.parametrize("sample_rate", [16_000, 32_000, 40_000])
def test_audio_is_unchanged_where_the_cut_off_is_at_or_over_nyquist(sample_rate: int):
    audio = noise(1000)
    np.testing.assert_array_equal(apply_anti_alias_filter(audio, sample_rate), audio)


@given(num_samples=st.integers(1, 80), num_channels=st.integers(1, 2))
@settings(deadline=None, max_examples=80)
def test_any_length_agrees_with_scipy_on_the_whole_signal(num_samples: int, num_channels: int):
    audio = noise(num_samples * num_channels).reshape(num_channels, num_samples)
    sections = signal.butter(8, 20_000, fs=48_000, output="sos")
    whole = signal.sosfiltfilt(sections, audio.astype(np.float64), axis=-1, padlen=min(27, num_samples - 1))
    np.testing.assert_allclose(apply_anti_alias_filter(audio), whole, atol=1e-6)


@pytest.mark.parametrize("cutoff_hz", [100.0, 1_000.0, 20_000.0, 23_500.0])
@pytest.mark.parametrize("kind", ["noise", "constant", "low sine"])
def test_the_result_does_not_depend_on_the_block_size(cutoff_hz: float, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(filters, "_BLOCK_SAMPLES", 1)  # the smallest blocks there can be: four contexts long
    num_samples = 200_000
    audio = {
        "noise": 2 * noise(num_samples),
        "constant": np.ones(num_samples, np.float32),
        "low sine": sine(30.0, num_samples, phase=1.0),
    }[kind]
    sections = signal.butter(8, cutoff_hz, fs=48_000, output="sos")
    whole = signal.sosfiltfilt(sections, audio.astype(np.float64))
    blockwise = apply_anti_alias_filter(audio, cutoff_hz=cutoff_hz)
    np.testing.assert_allclose(blockwise, whole, atol=1e-6, rtol=0)


def test_every_block_size_from_the_smallest_on_gives_the_same_join(monkeypatch: pytest.MonkeyPatch):
    audio = noise(6_000)
    expected = apply_anti_alias_filter(audio)
    for block_samples in (1_140, 1_999, 2_000, 5_999, 6_000):
        monkeypatch.setattr(filters, "_BLOCK_SAMPLES", block_samples)
        np.testing.assert_allclose(apply_anti_alias_filter(audio), expected, atol=1e-6, rtol=0)


def test_minutes_of_audio_are_not_copied_whole_to_float64():
    audio = noise(48_000 * 120)
    tracemalloc.start()
    try:
        apply_anti_alias_filter(audio)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The result itself is one float32 array; one float64 copy of everything would already be two more.
    assert peak_bytes < 1.75 * audio.nbytes


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"cutoff_hz": 0.0}, "cutoff_hz is 0.0"),
        ({"cutoff_hz": float("nan")}, "cutoff_hz is nan"),
        ({"order": 0}, "order is 0"),
    ],
)
def test_a_setting_without_meaning_is_refused_by_name(arguments: dict[str, float], named: str):
    with pytest.raises(InvalidConfigError, match=named):
        apply_anti_alias_filter(noise(100), **arguments)
