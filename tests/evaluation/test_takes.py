from __future__ import annotations

import json

import numpy as np
import pytest

from edges import UNUSABLE, USABLE
from evaluation.sounds import noise_of, stroke
from small_dataset_audio.audio.io import resample
from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.evaluation import CorpusReference, temper_rating
from small_dataset_audio.inference.quality import compute_quality_score
from tiny import RATE, pluck

GREEN = {"rating": "green", "reason": "clean", "snr_db": 40.0}


def test_a_report_is_strict_json_with_every_key(reference: CorpusReference, corpus: dict[str, np.ndarray]):
    report = reference.evaluate(corpus["pluck 1.wav"], RATE).to_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report) == {
        "evaluated_s",
        "density",
        "coverage",
        "similarity_percent",
        "copied_share",
        "longest_copied_s",
        "longest_copied",
        "nearest",
        "resemblance_db",
        "corpus_own_resemblance_db",
        "corpus_others_resemblance_db",
    }
    assert report["copied_share"] == 1.0
    assert report["evaluated_s"] == len(corpus["pluck 1.wav"]) / RATE
    assert report["nearest"]["file"] == "pluck 1.wav"
    assert set(report["nearest"]) == {"take_s", "duration_s", "file", "file_s", "correlation"}


def test_what_cannot_be_measured_is_null(reference: CorpusReference):
    report = reference.evaluate(np.zeros(RATE, np.float32), RATE).to_json()
    assert report["similarity_percent"] is None
    assert report["density"] is None
    assert report["coverage"] is None
    assert report["copied_share"] is None
    assert report["nearest"] is None
    assert report["longest_copied_s"] == 0.0


def test_density_and_coverage_of_a_take_are_those_of_its_points(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    everything, one = np.concatenate(list(corpus.values())), corpus["drone 1.wav"]
    for audio in (everything, one):
        found = reference.evaluate(audio, RATE)
        compared = reference.similarity.compare(reference.similarity.locate(audio))
        assert (found.density, found.coverage) == (compared.density, compared.coverage)
        assert found.similarity_percent == compared.similarity_percent
    assert reference.evaluate(everything, RATE).coverage > 0.8 > 0.5 > reference.evaluate(one, RATE).coverage


@pytest.mark.parametrize("audio", USABLE.values(), ids=USABLE.keys())
def test_every_usable_edge_has_a_report(reference: CorpusReference, audio: np.ndarray):
    json.dumps(reference.evaluate(audio, RATE).to_json(), allow_nan=False)


@pytest.mark.parametrize("audio", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_audio_is_refused(reference: CorpusReference, audio: np.ndarray):
    with pytest.raises(InvalidAudioError):
        reference.evaluate(audio, RATE)


def test_rate_and_channels_make_hardly_a_difference(reference: CorpusReference):
    mono = np.concatenate([pluck(130.0, 2.0, seed=9), stroke(40)])
    expected = reference.evaluate(mono, RATE)
    stereo = reference.evaluate(np.stack([mono, mono]), RATE)
    assert stereo.to_json() == expected.to_json()
    other = reference.evaluate(resample(mono, RATE, 96_000), 96_000)
    assert other.similarity_percent == pytest.approx(expected.similarity_percent, abs=1.0)


def test_a_take_far_from_its_corpus_has_no_green_and_is_told_why():
    tempered = temper_rating(GREEN, 12.3)
    assert tempered["rating"] == "yellow"
    assert tempered["reason"] == "far from the corpus: 12 % like it, under 50 %"
    assert tempered["snr_db"] == 40.0
    assert GREEN["rating"] == "green"


@pytest.mark.parametrize("similarity", [None, 50.0, 100.0])
def test_a_take_near_its_corpus_or_never_compared_keeps_its_rating(similarity: float | None):
    assert temper_rating(GREEN, similarity) == GREEN


def test_a_red_take_stays_red_and_both_reasons_are_given():
    tempered = temper_rating({"rating": "red", "reason": "noisy"}, 3.0)
    assert tempered["rating"] == "red"
    assert tempered["reason"] == "noisy; far from the corpus: 3 % like it, under 50 %"


def test_pulsed_noise_that_the_score_alone_calls_green_is_not_green_beside_a_corpus(
    reference: CorpusReference, corpus: dict[str, np.ndarray]
):
    hiss = noise_of(corpus, 4.0)
    fading = hiss * np.repeat(np.tile([1.0, 0.3, 0.0, 0.6], 4), len(hiss) // 16).astype(np.float32)
    score = compute_quality_score(fading)
    assert score["rating"] == "green"
    assert temper_rating(score, reference.evaluate(fading, RATE).similarity_percent)["rating"] == "yellow"
