from __future__ import annotations

import itertools

import numpy as np
import pytest

from evaluation.sounds import drone, noise_of, stroke
from small_dataset_audio.evaluation import CorpusReference, SimilarityReference
from small_dataset_audio.evaluation import similarity as similarity_module
from tiny import RATE, pluck


def percent(reference: CorpusReference, samples: np.ndarray) -> float:
    found = reference.similarity.similarity_percent(reference.similarity.locate(samples))
    assert found is not None
    return found


def shuffled_spectra(corpus: dict[str, np.ndarray], seconds: float = 6.0) -> np.ndarray:
    """Frames of all recordings in any order and with any phase: the corpus's timbres, and none of its course in time."""
    rng = np.random.default_rng(0)
    row = np.concatenate(list(corpus.values()))
    frames = np.lib.stride_tricks.sliding_window_view(row, 2048)[::512]
    window = np.hanning(2048)
    out = np.zeros(round(seconds * RATE) + 2048)
    for start in range(0, len(out) - 2048, 512):
        magnitude = np.abs(np.fft.rfft(frames[rng.integers(len(frames))] * window))
        out[start : start + 2048] += window * np.fft.irfft(magnitude * np.exp(2j * np.pi * rng.random(1025)))
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def more_of_the_same() -> np.ndarray:
    """Sounds of the corpus's kinds at other pitches and with other noises: new, and alike."""
    return np.concatenate(
        [
            pluck(121.0, 2.0, seed=50),
            drone(77.0, 2.0, 51),
            *(stroke(60 + n) for n in range(4)),
            pluck(180.0, 2.0, seed=52),
        ]
    )


def test_the_corpus_is_like_itself_and_noise_of_its_colour_is_not(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    row = np.concatenate(list(corpus.values()))
    assert percent(reference, row) > 95
    assert percent(reference, noise_of(corpus)) < 5
    white = 0.2 * np.random.default_rng(2).standard_normal(6 * RATE).astype(np.float32)
    assert percent(reference, white) < 20


def test_noise_then_shuffled_spectra_then_new_sounds_of_the_kind_then_the_corpus(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    ranked = [
        percent(reference, noise_of(corpus)),
        percent(reference, shuffled_spectra(corpus)),
        percent(reference, more_of_the_same()),
        percent(reference, np.concatenate(list(corpus.values())[:8])),
    ]
    assert ranked == sorted(ranked)
    assert ranked[1] < 60 < 70 < ranked[2]


def test_ten_seconds_of_one_recording_are_like_the_corpus_but_reach_little_of_it(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    points = reference.similarity.locate(corpus["drone 1.wav"])
    found = reference.similarity.compare(points)
    assert found.similarity_percent > 90
    assert found.coverage < 0.5
    everything = reference.similarity.compare(reference.similarity.points)
    assert everything.coverage == 1.0
    assert everything.distance < 1.0 < found.distance


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_gain_changes_nothing(reference: CorpusReference, gain: float):
    sound = more_of_the_same()
    assert percent(reference, np.float32(gain) * sound) == pytest.approx(percent(reference, sound), abs=2.0)


def test_silence_and_less_than_a_block_are_no_trouble(reference: CorpusReference):
    silence = reference.similarity.locate(np.zeros(RATE, np.float32))
    assert len(silence) == 0
    assert reference.similarity.similarity_percent(silence) is None
    assert reference.similarity.compare(silence).distance is None
    for samples in (stroke(3), np.ones(1, np.float32)):
        assert len(reference.similarity.locate(samples)) == 0


@pytest.mark.parametrize(
    "clips",
    [
        [stroke(1, 0.04)],
        [stroke(n, 0.04) for n in range(5)],
        [drone(100.0, 3.0, 1)],
        [np.zeros(RATE, np.float32), pluck(200.0, 1.0)],
        [np.tile(drone(100.0, 1.0, 1), 3)],
    ],
    ids=["one stroke", "strokes of 0.04 s", "one drone", "one silent", "always the same"],
)
def test_every_small_corpus_can_be_measured_against(clips: list[np.ndarray]):
    reference = SimilarityReference(clips, np.random.default_rng(0))
    found = reference.compare(reference.locate(clips[-1]))
    assert found.similarity_percent is None or 0.0 <= found.similarity_percent <= 100.0
    assert reference.compare_halves().similarity_percent == 100.0


def test_of_a_long_corpus_pieces_from_all_over_it_are_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(similarity_module, "MAX_CORPUS_S", 25.0)
    clips = [drone(80.0 * 1.1**n, 12.0, n) for n in range(5)]
    reference = SimilarityReference(clips, np.random.default_rng(0))
    assert 60 <= len(reference.points) <= 100  # four blocks a second
    other = SimilarityReference(clips, np.random.default_rng(1))
    assert not np.array_equal(reference.points[:20, :3], other.points[:20, :3])


def test_the_same_generator_gives_the_same_reference(corpus: dict[str, np.ndarray]):
    first, second = (SimilarityReference(list(corpus.values()), np.random.default_rng(4)) for _ in "ab")
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.noise_points, second.noise_points)


def test_average_noise_has_the_spectrum_of_the_recordings(corpus: dict[str, np.ndarray]):
    made = noise_of(corpus, 20.0).astype(np.float64)
    row = np.concatenate(list(corpus.values())).astype(np.float64)

    def bands_db(samples: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(samples)))
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        edges = np.geomspace(100, 12_800, 8)
        found = [power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)]
        return 10 * np.log10(np.array(found) / sum(found))

    np.testing.assert_allclose(bands_db(made), bands_db(row), atol=1.5)
