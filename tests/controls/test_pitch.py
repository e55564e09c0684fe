"""Pitches that are known, and held against librosa's YIN."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from edges import USABLE, noise, sine
from small_dataset_audio.controls.pitch import Pitch, find_pitch


def harmonic(frequency_hz: float, partials: range, duration_s: float = 1.0, decay_s: float = 0.6) -> np.ndarray:
    time_s = np.arange(round(48_000 * duration_s)) / 48_000
    tone = sum(np.sin(2 * np.pi * frequency_hz * k * time_s + k * k) / k for k in partials)
    return (0.3 * tone * np.exp(-time_s / decay_s)).astype(np.float32)


@pytest.mark.parametrize("frequency_hz", [41.2, 110.0, 261.63, 447.3, 1_318.5])
@pytest.mark.parametrize("partials", [range(1, 2), range(1, 9), range(2, 9)], ids=["sine", "tone", "no fundamental"])
def test_a_tone_has_its_pitch(frequency_hz: float, partials: range):
    if partials[0] == 2 and frequency_hz > 1_000:
        pytest.skip("over the range in which a missing fundamental is heard")
    pitch = find_pitch(harmonic(frequency_hz, partials))
    assert pitch is not None
    assert 1200 * np.log2(pitch.frequency_hz / frequency_hz) == pytest.approx(0.0, abs=5.0)


def test_librosa_finds_the_same():
    tone = harmonic(196.0, range(1, 12)) + 0.003 * noise(48_000)
    pitch = find_pitch(tone)
    assert pitch is not None
    theirs = np.median(librosa.yin(tone, fmin=40, fmax=2_000, sr=48_000, frame_length=4096))
    assert pitch.frequency_hz == pytest.approx(theirs, rel=0.003)


def test_what_has_no_clear_pitch_has_none():
    time_s = np.arange(48_000) / 48_000
    falling = np.sin(2 * np.pi * (60 * time_s - 100 * np.exp(-time_s / 0.1))).astype(np.float32)
    chord = sum(harmonic(frequency_hz, range(1, 6)) for frequency_hz in (220.0, 261.63, 329.63))
    bell = sum(sine(frequency_hz, 48_000) for frequency_hz in (300.0, 521.0, 877.0, 1_310.0))
    for sound in (
        noise(48_000),
        falling,
        chord,
        bell,
        harmonic(200.0, range(1, 6), 0.08),
        np.zeros(48_000, np.float32),
    ):
        assert find_pitch(sound) is None


@pytest.mark.parametrize(
    ("frequency_hz", "key", "cents"), [(440.0, 69, 0), (261.6256, 60, 0), (445.0, 69, 20), (65.0, 35, 89)]
)
def test_keys_and_cents(frequency_hz: float, key: int, cents: int):
    pitch = Pitch(frequency_hz)
    assert 100 * pitch.key + pitch.cents == pytest.approx(100 * key + cents, abs=1)
    assert 0 <= pitch.cents < 100


@pytest.mark.parametrize("name", USABLE)
def test_no_edge_is_a_fault(name: str):
    for sound in (USABLE[name], np.tile(USABLE[name], 12)):
        pitch = find_pitch(sound)
        assert pitch is None or 39.0 < pitch.frequency_hz < 2_100.0
