from __future__ import annotations

import numpy as np
import pytest

from evaluation.sounds import drone, noise_of
from small_dataset_audio.evaluation import CorpusReference, ResemblanceMeter
from small_dataset_audio.evaluation.frames import Frames, analyse
from small_dataset_audio.evaluation.resemblance import PATCH_FRAMES, RANGE_DB
from tiny import RATE, pluck


def exhaustive_db(corpus: list[Frames], sound: Frames) -> float:
    """The definition, patch by patch and without any index."""

    def patches(bands_db: np.ndarray, step: int) -> np.ndarray:
        loudest = bands_db.max()
        cut = [bands_db[start : start + PATCH_FRAMES] for start in range(0, len(bands_db) - PATCH_FRAMES + 1, step)]
        kept = [np.maximum(patch - patch.max(), -RANGE_DB).ravel() for patch in cut if patch.max() > loudest - RANGE_DB]
        return np.array(kept)

    known = np.concatenate([patches(each.bands_db, 2) for each in corpus])
    wanted = patches(sound.bands_db, PATCH_FRAMES // 2)
    return float(np.median([np.sqrt(np.square(known - patch).mean(axis=1)).min() for patch in wanted]))


def test_a_literal_piece_is_as_near_as_can_be_and_noise_is_far(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    literal = reference.novelty.examine(corpus["drone 0.wav"][: 2 * RATE]).resemblance_db
    new = reference.novelty.examine(pluck(131.0, 2.0, seed=33)).resemblance_db
    noise = reference.novelty.examine(noise_of(corpus)).resemblance_db
    assert literal < 0.1 < new < noise


def test_the_index_finds_nearly_the_nearest_patch(corpus: dict[str, np.ndarray]):
    sounds = [analyse(clip) for clip in corpus.values() if len(clip) > RATE]
    meter = ResemblanceMeter(sounds, np.random.default_rng(0))
    for take in (pluck(131.0, 3.0, seed=33), drone(90.0, 3.0, 44), noise_of(corpus, 3.0)):
        expected = exhaustive_db(sounds, analyse(take))
        assert expected - 1e-3 <= meter.median_db(analyse(take)) <= 1.1 * expected + 0.2


def test_a_corpus_of_steady_sounds_is_nearer_to_itself_than_to_its_other_files():
    sounds = [analyse(drone(80.0 * 1.7**n, 3.0, n)) for n in range(4)]
    meter = ResemblanceMeter(sounds, np.random.default_rng(0))
    assert 0.0 < meter.own_db < meter.others_db


def test_a_single_short_recording_has_neither_others_nor_itself_shifted():
    single = ResemblanceMeter([analyse(pluck(200.0, 0.4))], np.random.default_rng(0))
    assert (single.own_db, single.others_db) == (None, None)


@pytest.mark.parametrize("samples", [np.zeros(RATE, np.float32), np.ones(3, np.float32)])
def test_silence_and_three_samples_do_not_fail(reference: CorpusReference, samples: np.ndarray):
    found = reference.novelty.examine(samples).resemblance_db
    assert found is None or found >= 0.0
