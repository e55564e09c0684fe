from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.inference.leveling import bring_to
from small_dataset_audio.inference.limiter import limit
from small_dataset_audio.inference.pieces import Stream, stream_of

RATE = 48_000


def seconds(duration_s: float) -> np.ndarray:
    return np.arange(round(duration_s * RATE)) / RATE


def tone(amplitude: float, frequency_hz: float = 440.0, duration_s: float = 4.0) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * seconds(duration_s))).astype(np.float32)[None]


def clicks(amplitude: float, duration_s: float = 4.0) -> np.ndarray:
    """A soft tone with two strokes a second that are far louder."""
    time_s = seconds(duration_s)
    return tone(0.05) + (amplitude * np.exp(-(time_s % 0.5) / 0.005) * np.sin(2 * np.pi * 900 * time_s)).astype(
        np.float32
    )


def loudness_lufs(audio: np.ndarray) -> float:
    return float(pyloudnorm.Meter(RATE).integrated_loudness(audio.T.astype(np.float64)))


def cut_at(audio: np.ndarray, *places: int) -> Stream:
    pieces = np.split(audio, places, axis=1)
    return Stream(audio.shape[0], audio.shape[1], lambda: iter(pieces))


# ---- the limiter


@given(
    bursts=st.lists(st.tuples(st.integers(0, 20_000), st.floats(0.1, 50.0)), max_size=8),
    ceiling=st.floats(0.1, 1.0),
    is_loop=st.booleans(),
)
def test_nothing_is_ever_over_the_ceiling_and_nothing_is_turned_up_or_over(
    bursts: list[tuple[int, float]], ceiling: float, is_loop: bool
):
    audio = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 20_001)).astype(np.float32)
    for place, amplitude in bursts:
        audio[place % 2, place] = amplitude
    limited = limit(stream_of(audio), ceiling, is_loop=is_loop).first()
    assert np.abs(limited).max() <= ceiling * (1 + 1e-6)
    gains = limited / np.where(audio == 0, 1, audio)
    assert gains.max() <= 1 + 1e-6
    assert gains[audio != 0].min() > 0


def test_what_stays_under_the_ceiling_is_left_as_it_is():
    audio = tone(0.5)
    np.testing.assert_array_equal(limit(stream_of(audio), 0.5001).first(), audio)


def test_a_peak_is_met_exactly_and_what_is_far_from_it_is_untouched():
    audio = np.full((1, 20_000), 0.25, np.float32)
    audio[0, 10_000] = 2.0
    limited = limit(stream_of(audio), 0.5).first()[0]
    assert limited[10_000] == pytest.approx(0.5)
    np.testing.assert_array_equal(np.delete(limited, np.s_[10_000 - 1920 : 10_000 + 1921]), 0.25)
    steps = np.abs(np.diff(limited[10_001:12_500]))
    assert steps.max() < 0.25 / 400  # let up over 20 ms, not at once


def test_all_channels_are_turned_down_alike():
    audio = np.concatenate([tone(1.0), tone(0.1, 700.0)])
    limited = limit(stream_of(audio), 0.5).first()
    loud = np.abs(audio) > 0.01
    both = loud.all(axis=0)
    np.testing.assert_allclose(
        (limited / np.where(loud, audio, 1))[0, both], (limited / np.where(loud, audio, 1))[1, both], rtol=1e-4
    )


def test_it_does_not_matter_where_a_stream_is_cut():
    audio = clicks(1.0)
    whole = limit(stream_of(audio), 0.3).first()
    for places in ([1], [700, 705, 900, 4000], [191_000, 191_999]):
        np.testing.assert_allclose(limit(cut_at(audio, *places), 0.3).first(), whole, atol=1e-6)


def test_a_loop_is_limited_as_if_it_went_on_for_ever():
    audio = clicks(1.0)
    three = limit(stream_of(np.tile(audio, 3)), 0.3).first()
    length = audio.shape[1]
    np.testing.assert_allclose(
        limit(stream_of(audio), 0.3, is_loop=True).first(), three[:, length : 2 * length], atol=1e-6
    )


# ---- the level


@pytest.mark.parametrize("lufs", [-40.0, -20.0, -8.0])
@pytest.mark.parametrize(
    "audio", [tone(0.1), np.concatenate([clicks(0.3), clicks(0.2)])], ids=["tone", "stereo clicks"]
)
def test_a_take_gets_the_loudness_that_is_asked_for(audio: np.ndarray, lufs: float):
    if lufs == -8.0 and audio.shape[0] == 2:
        lufs = -17.0  # more than a gain: its peaks would reach +4 dBFS
    stream, extremes = bring_to(stream_of(audio), np.array([lufs]))
    assert loudness_lufs(stream.first()) == pytest.approx(lufs, abs=0.15)
    assert extremes.peak <= PEAK_TARGET * (1 + 1e-6)
    assert extremes.peak == np.abs(stream.first()).max()


def test_where_peaks_leave_room_the_take_is_only_amplified():
    audio = clicks(0.3)
    stream, _ = bring_to(stream_of(audio), np.array([-40.0]))
    ratio = stream.first()[np.abs(audio) > 1e-3] / audio[np.abs(audio) > 1e-3]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_a_curve_is_followed_in_decibels():
    stream, _ = bring_to(stream_of(tone(0.1, duration_s=8.0)), np.array([-40.0, -20.0]))
    audio = stream.first()
    for start_s in (1, 3, 5, 7):
        middle = audio[:, round((start_s - 0.25) * RATE) : round((start_s + 0.25) * RATE)]
        assert loudness_lufs(middle) == pytest.approx(-40.0 + 20.0 * start_s / 8.0, abs=0.2)


def test_what_cannot_be_is_made_as_loud_as_twelve_decibels_of_limiting_make_it():
    audio = clicks(0.8)
    stream, extremes = bring_to(stream_of(audio), np.array([0.0]))
    assert extremes.peak <= PEAK_TARGET * (1 + 1e-6)
    quiet = np.abs(audio[0]) < 0.04
    gain_db = 20 * np.log10(np.abs(stream.first()[0, quiet]).max() / np.abs(audio[0, quiet]).max())
    assert gain_db <= 12.0 + 20 * np.log10(PEAK_TARGET / np.abs(audio).max()) + 0.01


@pytest.mark.parametrize("is_loop", [False, True])
def test_silence_stays_silence(is_loop: bool):
    stream, extremes = bring_to(stream_of(np.zeros((1, RATE), np.float32)), np.array([-20.0]), is_loop=is_loop)
    assert not stream.first().any()
    assert extremes.peak == 0.0
