from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from edges import noise
from small_dataset_audio.audio import apply_anti_alias_filter
from small_dataset_audio.inference import antialias
from small_dataset_audio.inference.antialias import anti_alias


def joined(pieces: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(anti_alias(pieces)), axis=1)


@pytest.mark.parametrize("piece_samples", [2_400, 5_000, 12_345])
def test_a_stream_is_filtered_as_scipy_filters_the_whole(monkeypatch: pytest.MonkeyPatch, piece_samples: int):
    monkeypatch.setattr(antialias, "PIECE_SAMPLES", piece_samples)
    audio = noise(2 * 50_000).reshape(2, -1)
    sections = signal.butter(8, 20_000.0, fs=48_000, output="sos")
    whole = signal.sosfiltfilt(sections, audio.astype(np.float64), padlen=27)
    np.testing.assert_allclose(joined([audio]), whole, atol=2e-7)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 150_000), min_size=1, max_size=6))
def test_how_the_audio_was_cut_changes_no_bit(lengths: list[int]):
    audio = noise(sum(lengths))[None]
    np.testing.assert_array_equal(joined(np.split(audio, np.cumsum(lengths[:-1]), axis=1)), joined([audio]))


@pytest.mark.parametrize("num_samples", [1, 27, 28, 119_999, 120_000, 120_001, 240_003])
def test_every_length_is_kept_and_filtered_as_the_whole_is(num_samples: int):
    audio = noise(num_samples)[None]
    np.testing.assert_allclose(joined([audio]), apply_anti_alias_filter(audio, 48_000), atol=2e-7)


def test_a_piece_comes_out_as_soon_as_what_it_hears_is_there():
    asked = []

    def pieces():
        for number in range(6):
            asked.append(number)
            yield noise(120_000)[None]

    filtered = anti_alias(pieces())
    next(filtered)
    assert asked == [0, 1]


def test_nothing_in_is_nothing_out():
    assert list(anti_alias([])) == []
