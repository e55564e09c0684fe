from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edges import noise, sine
from small_dataset_audio.audio.io import resample as resample_whole
from small_dataset_audio.inference import pieces
from small_dataset_audio.inference.pieces import stream_of
from small_dataset_audio.inference.resampling import resample, samples_at_48k


@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
@pytest.mark.parametrize("piece_samples", [100, 4801, 120_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_pieces_are_resampled_to_the_bits_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, sample_rate: int, piece_samples: int, channels: int
):
    monkeypatch.setattr(pieces, "PIECE_SAMPLES", piece_samples)
    audio = noise(channels * 20_000).reshape(channels, -1)
    stream = resample(stream_of(audio), sample_rate, 18_000)
    np.testing.assert_array_equal(stream.first(), resample_whole(audio, 48_000, sample_rate)[:, :18_000])


@settings(max_examples=40)
@given(st.integers(1, 30_000), st.sampled_from([44_100, 48_000, 96_000]))
def test_there_are_always_enough_samples_to_make_the_take_of(num_samples: int, sample_rate: int):
    needed = samples_at_48k(num_samples, sample_rate)
    assert needed <= num_samples * 48_000 / sample_rate + 5
    stream = resample(stream_of(noise(needed)[None]), sample_rate, num_samples)
    assert sum(piece.shape[1] for piece in stream.pieces()) == stream.num_samples == num_samples


@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
def test_a_sine_keeps_its_level_and_its_place(sample_rate: int):
    stream = resample(stream_of(sine(1000.0, 48_000)[None]), sample_rate, sample_rate - 10)
    expected = (
        np.sin(2 * np.pi * 1000.0 * np.arange(sample_rate - 10) / sample_rate) * np.abs(sine(1000.0, 48_000)).max()
    )
    middle = slice(2000, -2000)
    np.testing.assert_allclose(stream.first()[0, middle], expected[middle], atol=1e-4)


def test_at_48_khz_the_first_samples_are_passed_on_as_they_are():
    audio = noise(1000)[None]
    np.testing.assert_array_equal(resample(stream_of(audio), 48_000, 900).first(), audio[:, :900])
