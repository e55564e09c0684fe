"""Time bent: pitch, level, attacks and length, against what a formula says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from edges import USABLE, noise, sine
from small_dataset_audio.audio import time_bend
from small_dataset_audio.audio.time_bend import HOP_LENGTH, bend_time, samples_needed
from small_dataset_audio.constants import SAMPLE_RATE


def in_pieces(audio: np.ndarray, piece_samples: int = 10_000) -> Iterator[np.ndarray]:
    channels = np.atleast_2d(audio)
    for start in range(0, channels.shape[1], piece_samples):
        yield channels[:, start : start + piece_samples]


def bent(audio: np.ndarray, rate: float | np.ndarray, num_samples: int, piece_samples: int = 10_000) -> np.ndarray:
    rates = np.atleast_1d(np.asarray(rate, dtype=np.float64))
    result = np.concatenate(list(bend_time(in_pieces(audio, piece_samples), rates, num_samples)), axis=1)
    return result if audio.ndim == 2 else result[0]


def strokes(at_samples: list[int], num_samples: int) -> np.ndarray:
    """Decaying tones of 300 and 2100 Hz."""
    time_s = np.arange(num_samples) / SAMPLE_RATE
    audio = np.zeros(num_samples)
    for at in at_samples:
        since_s = time_s[: num_samples - at]
        body = np.sin(2 * np.pi * 300 * since_s) + 0.5 * np.cos(2 * np.pi * 2100 * since_s)
        audio[at:] += 0.4 * body * np.exp(-12 * since_s)
    return audio.astype(np.float32)


# ---- the whole


@pytest.mark.parametrize("rate", [0.5, 0.77, 1.0, 1.35, 2.0])
@pytest.mark.parametrize("clip", USABLE.values(), ids=USABLE.keys())
def test_any_sound_at_any_pace_gives_as_many_finite_samples_as_asked_for(clip: np.ndarray, rate: float):
    result = bent(clip, rate, 5000)
    assert result.shape == (5000,)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert np.abs(result).max() <= 3 * np.abs(clip).max() + 1e-6


@pytest.mark.parametrize("num_samples", [1, 511, 512, 32_768, 32_769])
def test_the_length_is_exact(num_samples: int):
    assert len(bent(noise(60_000), 1.2, num_samples)) == num_samples


def test_silence_stays_silence():
    assert not bent(np.zeros(50_000, np.float32), 0.8, 40_000).any()


def test_without_any_source_there_is_silence():
    assert not np.concatenate(list(bend_time(iter(()), np.ones(1), 3000)), axis=1).any()


def test_at_the_pace_of_the_recording_it_is_the_recording():
    audio = strokes([0, 20_000, 47_000], 96_000) + 0.05 * sine(523.0, 96_000)
    np.testing.assert_allclose(bent(audio, 1.0, 90_000), audio[:90_000], atol=2e-5)


@given(piece_samples=st.integers(1000, 70_000), rate=st.floats(0.6, 1.7))
@settings(deadline=None, max_examples=12)
def test_the_result_does_not_depend_on_how_the_source_is_cut_into_pieces(piece_samples: int, rate: float):
    audio = strokes([3000, 31_000], 70_000) + 0.1 * noise(70_000, 3)
    np.testing.assert_array_equal(bent(audio, rate, 50_000, piece_samples), bent(audio, rate, 50_000, 70_000))


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.5])
def test_frames_found_one_by_one_or_many_at_once_are_the_same(rate: float):
    audio = np.stack([strokes([3000, 31_000], 70_000) + 0.1 * noise(70_000, 3), 0.1 * noise(70_000, 4)])
    rates = rate * np.linspace(0.8, 1.2, 90)
    one, many = (time_bend._Bender(time_bend._Source(iter([audio])), rates) for _ in range(2))
    singly = [one.next_hops(1) for _ in range(90)]
    together = [many.next_hops(number) for number in (7, 64, 19)]
    np.testing.assert_array_equal(np.concatenate(singly, axis=1), np.concatenate(together, axis=1))


# ---- pitch and level


@pytest.mark.parametrize("rate", [0.7, 0.9, 1.2, 1.5])
@pytest.mark.parametrize("frequency_hz", [110.0, 440.0, 3000.0])
def test_a_tone_keeps_its_pitch_and_level_at_every_pace(frequency_hz: float, rate: float):
    result = bent(sine(frequency_hz, 300_000), rate, 120_000)[20_000:100_000]
    spectrum = np.abs(np.fft.rfft(result * np.hanning(len(result)), 1 << 20))
    found_hz = spectrum.argmax() * SAMPLE_RATE / (1 << 20)
    assert abs(1200 * np.log2(found_hz / frequency_hz)) < 1.0
    expected = sine(frequency_hz, 80_000)
    assert 20 * np.log10(np.std(result) / np.std(expected)) == pytest.approx(0.0, abs=0.3)
    envelope = np.abs(signal.hilbert(result))[4000:-4000]
    assert envelope.max() / envelope.min() < 1.1  # steady


@pytest.mark.parametrize("rate", [0.7, 1.3])
def test_noise_keeps_its_level_and_its_spectrum(rate: float):
    audio = signal.lfilter([1.0], [1.0, -0.9], noise(400_000, 1)).astype(np.float32)
    result = bent(audio, rate, 200_000)[20_000:180_000]
    _, wanted = signal.welch(audio, SAMPLE_RATE, nperseg=1024)
    _, got = signal.welch(result, SAMPLE_RATE, nperseg=1024)
    change_db = 10 * np.log10(got / wanted)
    # phases that are led on from peaks cost noise up to a decibel, at all frequencies alike
    for band in (slice(2, 10), slice(10, 40), slice(40, 120), slice(120, 300), slice(300, 500)):
        assert -1.3 < change_db[band].mean() < 0.3


# ---- time


@pytest.mark.parametrize("rate", [0.75, 1.0, 1.35])
def test_a_sweep_is_gone_through_at_the_pace_asked_for(rate: float):
    time_s = np.arange(400_000) / SAMPLE_RATE
    sweep = np.sin(2 * np.pi * (300 * time_s + 100 * time_s**2)).astype(np.float32)  # 300 Hz, and 200 more a second
    result = bent(sweep, rate, 200_000)
    for second in (1.0, 2.0, 3.0):
        stretch = result[round(second * SAMPLE_RATE) - 2400 :][:4800]
        spectrum = np.abs(np.fft.rfft(stretch * np.hanning(4800), 1 << 17))
        found_hz = spectrum.argmax() * SAMPLE_RATE / (1 << 17)
        # the beginning is an attack, gone through as recorded
        begun_s = 6 * HOP_LENGTH / SAMPLE_RATE
        assert found_hz == pytest.approx(300 + 200 * (begun_s + rate * (second - begun_s)), abs=8)


def test_a_pace_that_changes_is_the_sum_of_its_paces():
    hops = 400
    rates = np.interp(np.arange(hops), [0, 200, 400], [0.7, 1.4, 0.8])
    time_s = np.arange(400_000) / SAMPLE_RATE
    sweep = np.sin(2 * np.pi * (300 * time_s + 100 * time_s**2)).astype(np.float32)
    result = bent(sweep, rates, hops * HOP_LENGTH)
    at = 350
    stretch = result[at * HOP_LENGTH - 2400 :][:4800]
    found_hz = np.abs(np.fft.rfft(stretch * np.hanning(4800), 1 << 17)).argmax() * SAMPLE_RATE / (1 << 17)
    reached_s = (6 + rates[7:at].sum()) * HOP_LENGTH / SAMPLE_RATE
    assert found_hz == pytest.approx(300 + 200 * reached_s, abs=8)


@pytest.mark.parametrize("fastest", [1.0, 1.35, 2.0])
def test_no_more_of_the_source_is_asked_for_than_was_foretold(fastest: float):
    asked = 0

    def source() -> Iterator[np.ndarray]:
        nonlocal asked
        while True:
            asked += 2000
            yield np.atleast_2d(noise(2000, asked))

    for num_samples in (1000, 30_000, 100_000):
        asked = 0
        list(bend_time(source(), np.array([fastest]), num_samples))
        assert asked <= samples_needed(num_samples, fastest) + 64 * HOP_LENGTH + 2000


# ---- attacks


@pytest.mark.parametrize("rate", [0.7, 0.85, 1.2, 1.4])
def test_attacks_are_kept_sample_for_sample(rate: float):
    at = [24_000, 60_000, 90_000]
    audio = strokes(at, 130_000)
    result = bent(audio, rate, round(110_000 / rate))
    kept = audio[at[1] - 500 : at[1] + 2000]
    score = signal.correlate(result, kept, mode="valid") / np.sqrt(
        np.maximum(signal.convolve(result**2, np.ones(len(kept)), mode="valid"), 1e-12) * float(kept @ kept)
    )
    assert score.max() > 0.999


@pytest.mark.parametrize("rate", [0.7, 1.4])
def test_nothing_is_heard_before_an_attack(rate: float):
    result = bent(strokes([48_000], 120_000), rate, 80_000)
    level = np.abs(result)
    begin = int(np.argmax(level > 0.1))
    assert level[: begin - 100].max() < 1e-4
    assert begin / SAMPLE_RATE == pytest.approx((6 * 512 + (48_000 - 6 * 512) / rate) / SAMPLE_RATE, abs=0.08)


@pytest.mark.parametrize("rate", [0.75, 1.3])
def test_a_tone_goes_on_level_through_the_attacks_over_it(rate: float):
    drone = 0.3 * sine(220.0, 200_000)
    clicks = np.zeros(200_000, np.float32)
    for at in range(30_000, 190_000, 30_000):
        clicks[at : at + 300] += 0.6 * noise(300, at) * np.hanning(300).astype(np.float32)
    result = bent(drone + clicks, rate, round(150_000 / rate))
    low = signal.sosfiltfilt(signal.butter(4, [180, 260], "bandpass", fs=SAMPLE_RATE, output="sos"), result)
    envelope = np.abs(signal.hilbert(low))[12_000:-12_000]
    assert 20 * np.log10(envelope.min() / np.median(envelope)) > -3.0


@pytest.mark.parametrize("at", [600, 1500, 2300])
def test_an_attack_soon_after_a_silent_beginning_is_kept(at: int):
    audio = strokes([at], 60_000)
    result = bent(audio, 0.7, 20_000)
    kept = audio[at : at + 2000]
    best = max(
        float(
            np.dot(result[start : start + 2000], kept)
            / np.linalg.norm(kept)
            / np.linalg.norm(result[start : start + 2000])
        )
        for start in range(max(at - 300, 0), at + 1500)
    )
    assert best > 0.999


# ---- stereo


def test_the_second_channel_goes_along_with_the_first():
    mid = strokes([3000, 40_000], 100_000) + 0.1 * noise(100_000, 1)
    both = bent(np.stack([mid, 0.5 * mid]), 0.8, 60_000)
    np.testing.assert_array_equal(both[0], bent(mid, 0.8, 60_000))
    np.testing.assert_allclose(both[1], 0.5 * both[0], atol=1e-6)
