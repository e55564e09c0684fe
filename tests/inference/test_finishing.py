from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edges import noise, sine
from small_dataset_audio.inference import pieces
from small_dataset_audio.inference.finishing import finish_ends

FADE_IN, FADE_OUT = 144, 384  # 3 ms and 8 ms at 48 kHz


@given(arrays(np.float32, st.integers(1, 2000), elements=st.floats(-1.0, 1.0, width=32)))
def test_the_mean_of_a_take_is_zero(audio: np.ndarray):
    assert abs(finish_ends(audio).mean(dtype=np.float64)) < 1e-6


def test_an_offset_is_removed_without_a_click_at_the_ends():
    finished = finish_ends(0.5 * sine(440.0, 48_000) + np.float32(0.3))
    assert abs(finished.mean(dtype=np.float64)) < 1e-7
    assert abs(finished[0]) < 1e-3
    assert abs(finished[-1]) < 1e-3


def test_both_ends_fade_with_raised_cosines():
    # An alternating signal has no mean to be removed, so what is left is the envelope itself.
    alternating = np.tile(np.array([1.0, -1.0], np.float32), 2400)
    envelope = np.abs(finish_ends(alternating))
    rise_in = np.sin(np.pi * (np.arange(FADE_IN) + 0.5) / (2 * FADE_IN)) ** 2
    rise_out = np.sin(np.pi * (np.arange(FADE_OUT) + 0.5) / (2 * FADE_OUT)) ** 2
    np.testing.assert_allclose(envelope[:FADE_IN], rise_in, atol=1e-4)
    np.testing.assert_allclose(envelope[-FADE_OUT:], rise_out[::-1], atol=1e-4)
    np.testing.assert_allclose(envelope[FADE_IN:-FADE_OUT], 1.0, atol=1e-4)


def test_the_middle_is_untouched_but_for_the_offset():
    audio = noise(9600) + np.float32(0.1)
    middle = slice(FADE_IN, -FADE_OUT)
    removed = audio[middle] - finish_ends(audio)[middle]
    assert np.ptp(removed) < 1e-6
    assert removed[0] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
def test_the_fades_last_as_long_at_every_rate(sample_rate: int):
    envelope = np.abs(finish_ends(np.tile(np.array([1.0, -1.0], np.float32), 4800), sample_rate))
    full = np.flatnonzero(envelope > 0.9999)
    assert full[0] == pytest.approx(0.003 * sample_rate, abs=3)
    assert len(envelope) - full[-1] == pytest.approx(0.008 * sample_rate, abs=10)


@pytest.mark.parametrize("num_samples", range(1, 12))
def test_a_take_shorter_than_its_fades_keeps_its_middle(num_samples: int):
    audio = np.zeros(num_samples, np.float32)
    audio[num_samples // 2] = 1.0
    finished = finish_ends(audio)
    assert finished.shape == audio.shape
    assert np.isfinite(finished).all()
    if num_samples > 1:  # one sample alone is its own mean
        assert finished.argmax() == num_samples // 2
        assert finished.max() > 0.4


def test_each_channel_is_finished_by_itself():
    left, right = noise(4800, 1) + np.float32(0.2), noise(4800, 2) - np.float32(0.1)
    stereo = finish_ends(np.stack([left, right]))
    np.testing.assert_array_equal(stereo, np.stack([finish_ends(left), finish_ends(right)]))


def test_silence_stays_silence_and_what_is_handed_in_is_not_changed():
    np.testing.assert_array_equal(finish_ends(np.zeros(480, np.float32)), np.zeros(480, np.float32))
    audio = noise(480)
    finish_ends(audio)
    np.testing.assert_array_equal(audio, noise(480))


@pytest.mark.parametrize("piece_samples", [1, 7, 300, 4801])
def test_a_take_in_pieces_is_finished_as_the_whole_is(monkeypatch: pytest.MonkeyPatch, piece_samples: int):
    stereo = noise(2 * 9600).reshape(2, -1) + np.float32(0.1)
    stereo = stereo if piece_samples > 1 else stereo[:, :600]
    whole = finish_ends(stereo)
    monkeypatch.setattr(pieces, "PIECE_SAMPLES", piece_samples)
    np.testing.assert_allclose(finish_ends(stereo), whole, rtol=0, atol=1e-7)
