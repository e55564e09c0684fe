from __future__ import annotations

import numpy as np
import pytest
from measures.clips import Clip
from measures.copying import CopyDetector

from evaluation.sounds import drone, noise_of, stroke
from small_dataset_audio.audio.io import resample
from small_dataset_audio.evaluation import Copying, CorpusReference
from small_dataset_audio.evaluation.copying import CopyFinder
from tiny import RATE, pluck


def examine(reference: CorpusReference, take: np.ndarray) -> Copying:
    return reference.novelty.examine(take).copying


def test_a_literal_piece_is_copied_whole_with_its_file_and_time_stamp(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    found = examine(reference, corpus["drone 2.wav"][RATE : 3 * RATE])
    assert found.share == 1.0
    assert found.longest is not None
    assert found.longest.file == "drone 2.wav"
    assert found.longest.file_s == pytest.approx(1.0, abs=0.001)
    assert found.longest.take_s == 0.0
    assert found.longest.duration_s == 2.0
    assert found.nearest is not None
    assert found.nearest.correlation > 0.99


@pytest.mark.parametrize("gain", [0.01, -1.0, 2.5])
@pytest.mark.parametrize("offset", [0, 1, 2, 777])
def test_gain_polarity_and_a_place_between_two_samples_make_no_difference(
    reference: CorpusReference, corpus: dict[str, np.ndarray], gain: float, offset: int
):
    start = 24_000 + offset
    found = examine(reference, np.float32(gain) * corpus["pluck 4.wav"][start : start + 30_000])
    assert found.share == 1.0
    assert found.nearest is not None
    assert np.sign(found.nearest.correlation) == np.sign(gain)
    assert found.nearest.file_s - found.nearest.take_s == pytest.approx(start / RATE, abs=0.001)


def test_noise_and_new_sounds_are_not_copied(reference: CorpusReference, corpus: dict[str, np.ndarray]):
    assert examine(reference, noise_of(corpus)).share == 0.0
    new = examine(reference, drone(93.0, 4.0, 99))
    assert new.share == 0.0
    assert new.longest is None


def test_the_longest_stretch_ends_where_the_take_leaves_the_recording(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    other = drone(93.0, 2.0, 99)
    take = np.concatenate([other, corpus["drone 0.wav"][12_000 : 12_000 + round(1.75 * RATE)], other])
    found = examine(reference, take)
    assert found.longest is not None
    assert found.longest.duration_s == pytest.approx(1.75, abs=0.251)
    assert found.longest.take_s == pytest.approx(2.0, abs=0.251)
    assert found.longest.file_s - found.longest.take_s == pytest.approx(0.25 - 2.0, abs=0.001)
    assert 0.2 < found.share < 0.5


def test_a_single_stroke_shorter_than_a_window_is_found(reference: CorpusReference, corpus: dict[str, np.ndarray]):
    take = np.zeros(RATE, np.float32)
    take[9_000 : 9_000 + len(corpus["stroke 7.wav"])] = corpus["stroke 7.wav"]
    found = examine(reference, take)
    assert found.copied_windows >= 1
    assert found.nearest is not None
    assert found.nearest.file == "stroke 7.wav"
    assert found.nearest.file_s - found.nearest.take_s == pytest.approx(-9_000 / RATE, abs=0.001)


def test_silence_has_no_share(reference: CorpusReference):
    found = examine(reference, np.zeros(2 * RATE, np.float32))
    assert found.windows == 0
    assert found.share is None
    assert found.nearest is None


def test_a_corpus_of_silence_or_of_one_click_copies_nothing_and_does_not_fail():
    for clip in (np.zeros(RATE, np.float32), np.ones(1, np.float32)):
        finder = CopyFinder([clip], ["x.wav"], np.random.default_rng(0))
        assert finder.examine(resample(pluck(200.0, 1.0), RATE, 16_000)).copied_windows in {0, 1, 2, 3}


def collage(corpus: dict[str, np.ndarray], seed: int) -> np.ndarray:
    """Pieces of recordings from anywhere, of 0.1 to 1.5 s, some over others, at other gains: hard to trace."""
    rng = np.random.default_rng(seed)
    clips = list(corpus.values())
    take = np.zeros(8 * RATE, np.float32)
    position = 0
    while position < len(take) - RATE // 2:
        clip = clips[rng.integers(len(clips))]
        length = min(int(rng.uniform(0.1, 1.5) * RATE), len(clip), len(take) - position)
        start = int(rng.integers(len(clip) - length + 1))
        take[position : position + length] += np.float32(rng.uniform(0.1, 1.0)) * clip[start : start + length]
        position += int(length * rng.uniform(0.6, 1.1))
    return take


def test_the_coarse_search_finds_what_an_exhaustive_one_does(reference: CorpusReference, corpus: dict[str, np.ndarray]):
    detector = CopyDetector([Clip(name, samples, RATE) for name, samples in corpus.items()])
    found = missed = 0
    for seed in range(6):
        take = collage(corpus, seed)
        (expected,) = detector.examine([Clip("take", take, RATE)]).takes
        here = examine(reference, take)
        assert here.windows == expected.windows
        found += here.copied_windows
        missed += max(expected.copied_windows - here.copied_windows, 0)
        longest_s = 0.0 if here.longest is None else here.longest.duration_s
        assert longest_s == pytest.approx(expected.longest_s, abs=0.251)
    assert found > 40
    assert missed <= 0.05 * found


def test_a_hit_in_another_order_of_recordings_is_the_same_hit(corpus: dict[str, np.ndarray]):
    names = list(corpus)[::-1]
    finder = CopyFinder([corpus[name] for name in names], names, np.random.default_rng(5))
    take = np.concatenate([corpus["pluck 2.wav"][:RATE], stroke(77)])
    found = finder.examine(resample(take, RATE, 16_000))
    assert found.longest is not None
    assert found.longest.file == "pluck 2.wav"
    assert found.longest.file_s == pytest.approx(0.0, abs=0.001)
