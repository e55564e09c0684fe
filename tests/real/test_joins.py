"""No join is heard: neither where chunks meet, nor where pieces of recordings meet inside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from real.clicks import RATE, find_clicks, is_out_of, join_mask
from real.studio import TrainedOn
from small_dataset_audio.audio import apply_anti_alias_filter
from small_dataset_audio.corpus import scan_corpus
from small_dataset_audio.inference.config import CONCAT_MODES, GenerationConfig

pytestmark = pytest.mark.real

MINUTE = GenerationConfig(duration_s=60.0, seed=20)


def recordings_of(trained: TrainedOn) -> list[np.ndarray]:
    """The recordings as a take would hold them: low-passed, at full level, set between silence."""
    clips = [np.pad(clip.audio, RATE // 20) for clip in scan_corpus(trained.recordings).clips]
    return [apply_anti_alias_filter(clip) * (0.891 / np.abs(clip).max()) for clip in clips]


def allowed_clicks(trained: TrainedOn, num_samples: int) -> float:
    """Twice as many as the recordings have in the same time, since a walk may come by more attacks than the recordings do.

    Smooth recordings have none, and allow none.
    """
    recordings = recordings_of(trained)
    return 2 * sum(len(find_clicks(clip)) for clip in recordings) * num_samples / sum(map(len, recordings))


def make(trained: TrainedOn, **settings: Any) -> np.ndarray:
    """A minute, mono, 48 kHz: positions in it are positions in the chunks."""
    return trained.pipeline.generate(replace(MINUTE, **settings)).audio


def steps_over_the_rest(audio: np.ndarray, trained: TrainedOn) -> list[int]:
    """Positions of steps in chunk joins that are larger than every step outside, and are in none of the recordings."""
    steps = np.abs(np.diff(audio))
    in_join = join_mask(len(audio), MINUTE.chunk_samples, MINUTE.overlap_samples)
    over = np.flatnonzero(in_join & (steps > steps[~in_join].max()))
    # A recorded stroke may fall into a join and be the loudest of all: one in twenty does, by chance.
    return [int(at) for at in over[:8] if not is_out_of(audio, int(at), recordings_of(trained))]


def test_no_step_in_a_chunk_join_is_larger_than_those_outside(trained: TrainedOn):
    assert steps_over_the_rest(make(trained), trained) == []


def test_a_step_planted_in_a_chunk_join_is_found(trained: TrainedOn):
    audio = make(trained)
    largest = np.abs(np.diff(audio)).max()
    stride = MINUTE.chunk_samples - MINUTE.overlap_samples
    audio[30 * stride + 1200] += 2.5 * largest
    assert 30 * stride + 1200 in np.add(steps_over_the_rest(audio, trained), 1)


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_a_minute_has_no_more_clicks_than_the_recordings_have(mode: str, trained: TrainedOn):
    audio = make(trained, concat_mode=mode)
    assert len(find_clicks(audio)) <= allowed_clicks(trained, len(audio))


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_griffin_lim_joins_its_blocks_without_a_click(mode: str, trained: TrainedOn):
    assert len(find_clicks(make(trained, concat_mode=mode, vocoder="griffin_lim", duration_s=12.0))) == 0


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_hard_cuts_are_more_clicks_than_that(mode: str, trained: TrainedOn):
    audio = make(trained, concat_mode=mode)
    # Pieces of 0.2 s in another order: a cut, as a join without its fade would make it, five times a second.
    pieces = audio[: len(audio) // 9600 * 9600].reshape(-1, 9600)
    shuffled = apply_anti_alias_filter(np.random.default_rng(0).permutation(pieces).ravel())
    assert len(find_clicks(shuffled)) > allowed_clicks(trained, len(shuffled))
