"""Seam scores of sounds whose seam is known."""

from __future__ import annotations

import numpy as np
import pytest

from edges import noise
from small_dataset_audio.inference.pieces import stream_of
from small_dataset_audio.inference.seam import score_seam


def test_a_jump_over_the_seam_is_larger_than_all_else():
    ramp = np.linspace(-0.5, 0.5, 48_000, dtype=np.float32)[None]
    score = score_seam(stream_of(ramp))
    assert score.step_percentile == 100.0
    assert score.flux_percentile == 100.0


def test_a_seam_of_a_tone_that_fits_is_none():
    seconds = np.arange(48_000) / 48_000
    tone = np.cos(2 * np.pi * 100 * seconds).astype(np.float32)[None]
    score = score_seam(stream_of(tone))
    assert score.step_percentile < 5.0  # at the top of a wave, where steps are smallest
    assert score.flux_percentile is not None


def test_seams_of_noise_are_anywhere_among_its_other_moments():
    scores = [score_seam(stream_of(noise(24_000, seed=seed)[None])) for seed in range(60)]
    for figures in ([s.step_percentile for s in scores], [s.flux_percentile for s in scores]):
        assert 35.0 < np.mean(figures) < 65.0
        assert np.std(figures) > 15.0


@pytest.mark.parametrize("num_samples", [119_999, 120_000, 120_001, 250_000])
def test_scores_do_not_depend_on_where_pieces_end(num_samples: int, monkeypatch: pytest.MonkeyPatch):
    audio = np.stack([noise(num_samples, seed=1), noise(num_samples, seed=2)])
    usual = score_seam(stream_of(audio))
    monkeypatch.setattr("small_dataset_audio.inference.pieces.PIECE_SAMPLES", 7_001)
    assert score_seam(stream_of(audio)) == usual


@pytest.mark.parametrize("num_samples", [1, 2, 480])
def test_a_loop_too_short_for_frames_has_steps_alone(num_samples: int):
    score = score_seam(stream_of(noise(num_samples)[None]))
    assert score.flux_percentile is None
    assert 0.0 <= score.step_percentile <= 100.0
