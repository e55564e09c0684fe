from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from edges import noise, sine
from small_dataset_audio.inference.loudness import loudness
from small_dataset_audio.inference.pieces import Stream, stream_of


def bursts() -> np.ndarray:
    """Loud and near silence in turn: what the relative gate is for."""
    return np.concatenate([noise(30_000), 0.001 * noise(90_000, seed=1)] * 3)


@pytest.mark.parametrize(
    "audio",
    [
        sine(997.0, 96_000)[None],
        0.1 * noise(2 * 60_123).reshape(2, -1),
        bursts()[None],
        np.stack([bursts(), sine(50.0, 360_000)]),
        0.5 * noise(19_200)[None],
    ],
    ids=["sine", "stereo noise", "bursts", "bursts beside a hum", "one block"],
)
def test_a_second_meter_reads_the_same(audio: np.ndarray):
    expected = pyloudnorm.Meter(48_000).integrated_loudness(audio.T.astype(np.float64))
    assert loudness(stream_of(audio.astype(np.float32))) == pytest.approx(expected, abs=0.1)


def test_a_sine_at_full_scale_is_at_minus_3_lufs():
    assert loudness(stream_of(sine(997.0, 96_000)[None].astype(np.float32))) == pytest.approx(-3.01, abs=0.06)


def test_ten_decibels_less_are_ten_less():
    audio = 0.5 * noise(100_000)[None]
    difference = loudness(stream_of(audio)) - loudness(stream_of(audio * np.float32(10**-0.5)))
    assert difference == pytest.approx(10.0, abs=1e-3)


def test_it_does_not_matter_how_the_audio_comes():
    audio = noise(100_000)[None]
    cut = Stream(1, 100_000, lambda: iter(np.split(audio, [1, 4_799, 4_801, 77_777], axis=1)))
    assert loudness(cut) == loudness(stream_of(audio))


@pytest.mark.parametrize("num_samples", [1, 4_799, 19_199])
def test_what_is_shorter_than_a_block_has_a_loudness_too(num_samples: int):
    audio = np.full((1, num_samples), 0.5, np.float32) * np.cos(np.arange(num_samples)).astype(np.float32)
    assert math.isfinite(loudness(stream_of(audio)))


def test_silence_has_none():
    assert loudness(stream_of(np.zeros((1, 48_000), np.float32))) == -math.inf
