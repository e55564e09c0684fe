"""No join is heard: neither where chunks meet, nor where pieces of recordings meet inside them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from real.clicks import RATE, find_clicks, is_at_an_attack, is_out_of, join_mask
from real.studio import TrainedOn
from small_dataset_audio.audio import apply_anti_alias_filter
from small_dataset_audio.corpus import scan_corpus
from small_dataset_audio.inference.config import CONCAT_MODES, GenerationConfig

pytestmark = pytest.mark.real

MINUTE = GenerationConfig(duration_s=60.0, seed=20, novelty="low")
"""With low novelty, time runs as recorded, so that positions in a take are positions in its chunks."""


def recordings_of(trained: TrainedOn) -> tuple[np.ndarray, ...]:
    """The recordings as a take would hold them: low-passed, at full level, set between silence."""
    return _recordings_in(trained.recordings)


@cache
def _recordings_in(folder: Path) -> tuple[np.ndarray, ...]:
    clips = [np.pad(clip.audio, RATE // 20) for clip in scan_corpus(folder).clips]
    return tuple(apply_anti_alias_filter(clip) * (0.891 / np.abs(clip).max()) for clip in clips)


def allowed_clicks(trained: TrainedOn, num_samples: int) -> float:
    """Twice as many as the recordings have in the same time, since a walk may come by more attacks than the recordings do.

    Smooth recordings have none, and allow none.
    """
    recordings = recordings_of(trained)
    return 2 * sum(len(find_clicks(clip)) for clip in recordings) * num_samples / sum(map(len, recordings))


def make(trained: TrainedOn, **settings: Any) -> np.ndarray:
    """A minute, mono, 48 kHz."""
    return trained.take(replace(MINUTE, **settings)).copy()


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


@pytest.mark.parametrize(
    ("mode", "novelty"), [(mode, "low") for mode in CONCAT_MODES] + [("crossfade", "medium"), ("crossfade", "high")]
)
def test_a_minute_has_no_more_clicks_than_the_recordings_have(mode: str, novelty: str, trained: TrainedOn):
    audio = make(trained, concat_mode=mode, novelty=novelty)
    assert len(find_clicks(audio)) <= allowed_clicks(trained, len(audio))


def clicks_at_no_attack(audio: np.ndarray, played: np.ndarray, trained: TrainedOn) -> list[int]:
    """Positions of clicks where no stroke begins in the same walk, played from the recordings; of smooth recordings, all."""
    clicks = [int(at) for at in find_clicks(audio)]
    if allowed_clicks(trained, len(audio)) == 0.0:
        return clicks
    return [at for at in clicks if not is_at_an_attack(played, at)]


def test_griffin_lim_joins_its_chunks_without_a_click(trained: TrainedOn):
    rendered = make(trained, vocoder="griffin_lim", duration_s=12.0)
    assert clicks_at_no_attack(rendered, make(trained, duration_s=12.0), trained) == []


def test_a_click_planted_in_a_chunk_join_of_griffin_lim_is_found(trained: TrainedOn):
    rendered, played = make(trained, vocoder="griffin_lim", duration_s=12.0), make(trained, duration_s=12.0)
    stride = MINUTE.chunk_samples - MINUTE.overlap_samples
    joins = [number * stride + 1200 for number in range(1, 12)]
    at = next(join for join in joins if not is_at_an_attack(played, join))
    rendered[at] += 0.5
    assert min(abs(click - at) for click in clicks_at_no_attack(rendered, played, trained)) <= 2


def test_griffin_lim_joins_its_blocks_without_a_click(trained: TrainedOn):
    rendered = make(trained, concat_mode="latent_interpolation", vocoder="griffin_lim", duration_s=12.0)
    assert len(find_clicks(rendered)) == 0


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_hard_cuts_are_more_clicks_than_that(mode: str, trained: TrainedOn):
    audio = make(trained, concat_mode=mode)
    # Pieces of 0.2 s in another order: a cut, as a join without its fade would make it, five times a second.
    pieces = audio[: len(audio) // 9600 * 9600].reshape(-1, 9600)
    shuffled = apply_anti_alias_filter(np.random.default_rng(0).permutation(pieces).ravel())
    assert len(find_clicks(shuffled)) > allowed_clicks(trained, len(shuffled))


def share_of_dips(audio: np.ndarray, centres: np.ndarray) -> float:
    """Share of places where 20 ms are over 3 dB quieter than what lies 40 to 80 ms before and behind."""

    def level(centre: int) -> float:
        return float(np.sqrt(np.mean(np.square(audio[centre - 480 : centre + 480], dtype=np.float64))))

    dips, heard = 0, 0
    for centre in centres:
        around = float(np.median([level(centre + shift) for shift in (-3840, -2880, -1920, 1920, 2880, 3840)]))
        if around > 1e-3:  # -60 dBFS: in a pause there is nothing to dip
            heard += 1
            dips += min(level(centre + shift) for shift in range(-1200, 1201, 240)) < around * 10 ** (-3 / 20)
    return dips / max(heard, 1)


def places(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles of all chunk joins, and places half-way between them."""
    stride = MINUTE.chunk_samples - MINUTE.overlap_samples
    joins = np.arange(stride, len(audio) - stride, stride) + MINUTE.overlap_samples // 2
    return joins, joins + stride // 2


@pytest.mark.parametrize("vocoder", ["mosaic", "griffin_lim"])
def test_the_level_dips_no_more_often_in_joins_than_between_them(vocoder: str, trained: TrainedOn):
    joins, between = places(make(trained))
    takes = [make(trained, seed=seed, vocoder=vocoder) for seed in (20, 21)]
    in_joins = np.mean([share_of_dips(take, joins) for take in takes])
    elsewhere = np.mean([share_of_dips(take, between) for take in takes])
    assert in_joins <= elsewhere + 0.1


def test_dips_planted_in_the_joins_are_found(trained: TrainedOn):
    audio = make(trained)
    joins, _ = places(audio)
    for centre in joins:
        audio[centre - 960 : centre + 960] *= 0.5
    assert share_of_dips(audio, joins) > 0.9
