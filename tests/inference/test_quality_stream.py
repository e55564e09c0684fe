"""The score in pieces against the score of the whole: both know nothing of each other but the frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edges import noise, sine
from small_dataset_audio.inference.pieces import stream_of
from small_dataset_audio.inference.quality import SIGNAL_RMS, compute_quality_score
from small_dataset_audio.inference.quality_stream import QualityMeter, score_stream
from small_dataset_audio.inference.stereo import Extremes, apply_mid_side_widening, peak_normalize

RATE = 48_000


def in_pieces(audio: np.ndarray, lengths: list[int], sample_rate: int = RATE) -> dict[str, Any]:
    channels = np.atleast_2d(audio)
    meter = QualityMeter(sample_rate, Extremes.of([channels]))
    for piece in np.split(channels, np.cumsum(lengths), axis=1):
        meter.push(piece)
    return meter.score()


def clipped(drive: float, seconds: float = 0.5) -> np.ndarray:
    return peak_normalize(np.clip(drive * sine(440.0, round(seconds * RATE)), -0.5, 0.5))


SOUNDS = {
    "noise": 0.3 * noise(RATE),
    "noise, then nothing": np.concatenate([0.3 * noise(RATE), np.zeros(RATE // 2, np.float32)]),
    "tone, then hiss": np.concatenate([0.5 * sine(440.0, RATE), 0.002 * noise(RATE)]),
    "clipped": clipped(2.0),
    "clipped hard": clipped(20.0),
    "clipped on one side": peak_normalize(np.minimum(2 * sine(440.0, RATE), 0.6)),
    "square": np.where(np.arange(RATE) % 100 < 50, np.float32(0.891), np.float32(-0.891)),
    "over full scale": 1.5 * sine(100.0, RATE),
    "at full scale": np.clip(1.5 * sine(100.0, RATE), -1.0, 1.0),
    "slow": 0.05 * sine(20.0, RATE),
    "silence": np.zeros(RATE, np.float32),
    "constant": np.full(RATE, 0.5, np.float32),
    "wide": apply_mid_side_widening(clipped(3.0)),
    "short": 0.5 * noise(100),
    "one sample": np.array([0.5], np.float32),
}


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("length", [1, 7, 479, 4_801, 120_000])
def test_a_take_in_pieces_has_the_score_of_the_whole(name: str, length: int):
    audio = SOUNDS[name] if length > 100 else SOUNDS[name][..., : 1000 * length]
    count = audio.shape[-1] // length
    assert in_pieces(audio, [length] * count) == compute_quality_score(audio, RATE)


@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
def test_frames_last_as_long_at_every_rate(sample_rate: int):
    audio = SOUNDS["tone, then hiss"]
    assert in_pieces(audio, [30_000], sample_rate) == compute_quality_score(audio, sample_rate)


@given(
    st.lists(
        st.sampled_from([-1.0, -0.9999995, -0.999, -0.5, 0.0, 0.5, 0.999, 0.9999995, 1.0]), min_size=1, max_size=60
    ),
    st.lists(st.integers(1, 5), max_size=20),
    st.sampled_from([1.0, 0.891, 0.999]),
)
@example([1.0, 1.0, 1.0, 0.0, 0.0], [1, 1], 0.891)  # a flat top that a border parts
@example([0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 0.0], [4], 0.891)  # two that touch are one clipped run
@example([1.0, 1.0, 1.0], [], 0.891)  # no neighbour on either side
def test_flat_tops_are_counted_wherever_the_borders_lie(samples: list[float], lengths: list[int], level: float):
    audio = np.array(samples, np.float32) * np.float32(level)
    assert in_pieces(audio, lengths)["clipping"] == compute_quality_score(audio, RATE)["clipping"]


def test_a_stream_is_scored_by_going_through_it_once():
    audio = np.atleast_2d(SOUNDS["wide"])
    assert score_stream(stream_of(audio), RATE, Extremes.of([audio])) == compute_quality_score(audio, RATE)


def test_what_was_turned_down_is_rated_as_before_where_the_threshold_went_down_too():
    audio = np.concatenate([0.5 * sine(440.0, RATE), 0.002 * noise(RATE)])
    quiet, threshold = np.atleast_2d(audio / np.float32(64)), SIGNAL_RMS / 64
    before, after = compute_quality_score(audio, RATE), score_of_quiet(quiet, signal_rms=threshold)
    assert after["snr_db"] == pytest.approx(before["snr_db"], abs=0.01)
    assert after["rating"] == before["rating"] == "green"
    assert score_of_quiet(quiet)["rating"] == "yellow"  # all of it is under the threshold that has not moved


def score_of_quiet(audio: np.ndarray, **threshold: float) -> dict[str, Any]:
    return score_stream(stream_of(audio), RATE, Extremes.of([audio]), **threshold)
