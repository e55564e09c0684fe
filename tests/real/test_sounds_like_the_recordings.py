"""Takes come from their recordings, and are not noise: a light check that needs no embedding. The benchmark measures more."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from real.likeness import Portrait, portray
from real.studio import CORPORA, Studio, TrainedOn
from small_dataset_audio.corpus import scan_corpus
from small_dataset_audio.inference.config import CONCAT_MODES, GenerationConfig

pytestmark = pytest.mark.real


def portrait_of_recordings(studio: Studio, name: str) -> Portrait:
    return _portrait_of(studio.recordings(name))


@cache
def _portrait_of(folder: Path) -> Portrait:
    return portray([clip.audio for clip in scan_corpus(folder).clips])


def portrait_of_takes(trained: TrainedOn, mode: str, vocoder: str = "auto") -> Portrait:
    configs = (GenerationConfig(duration_s=10.0, seed=seed, concat_mode=mode, vocoder=vocoder) for seed in (31, 32, 33))
    return portray([trained.take(config) for config in configs])


@cache
def white_noise() -> Portrait:
    return portray([0.2 * np.random.default_rng(0).standard_normal(480_000)])


# The distance that remains to the recordings, as a share of that of noise: measured 0.01 to 0.16, and 0.08 to 0.47.
@pytest.mark.parametrize(("vocoder", "share"), [("mosaic", 0.25), ("griffin_lim", 0.67)])
@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_takes_are_far_nearer_to_their_recordings_than_noise_is(
    mode: str, vocoder: str, share: float, trained: TrainedOn, studio: Studio
):
    recordings = portrait_of_recordings(studio, trained.name)
    takes = portrait_of_takes(trained, mode, vocoder)
    assert takes.distance_db(recordings) < share * white_noise().distance_db(recordings)


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_takes_are_nearer_to_their_own_recordings_than_to_the_others(mode: str, trained: TrainedOn, studio: Studio):
    takes = portrait_of_takes(trained, mode)
    (other,) = set(CORPORA) - {trained.name}
    own_db, other_db = (takes.distance_db(portrait_of_recordings(studio, name)) for name in (trained.name, other))
    assert own_db < 0.5 * other_db


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_takes_are_as_lively_as_their_recordings(mode: str, trained: TrainedOn, studio: Studio):
    recordings = portrait_of_recordings(studio, trained.name)
    takes = portrait_of_takes(trained, mode)
    assert takes.audible_share > 0.5 * recordings.audible_share
    assert 0.5 < takes.spread_db / recordings.spread_db < 2.0
