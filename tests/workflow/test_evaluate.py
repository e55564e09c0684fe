from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.cli.take_view import describe, to_json
from small_dataset_audio.errors import InvalidConfigError, ModelError
from small_dataset_audio.evaluation import Copying, CorpusReference, Match, Novelty, TakeEvaluation
from small_dataset_audio.evaluation.takes import temper_rating
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import load_bundle, save_bundle
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.workflow import (
    EvaluationFinished,
    ModelPipeline,
    StageMeasured,
    StageStarted,
    evaluate_model,
    generate_takes,
    load_pipeline,
    rerender,
)
from small_dataset_audio.workflow.evaluate import _corpus_pieces

STAGES = ["corpus", "vocoder", "autoencoder", "generated"]


def test_four_stages_are_announced_measured_and_reported(trained_library: Library):
    events = list(evaluate_model("plucks", duration_s=2.0, library=trained_library))
    assert [event.name for event in events if isinstance(event, StageStarted)] == STAGES
    assert [event.report.name for event in events if isinstance(event, StageMeasured)] == STAGES
    finished = events[-1]
    assert isinstance(finished, EvaluationFinished)
    evaluation = finished.evaluation
    assert [stage.name for stage in evaluation.stages] == STAGES
    assert evaluation.vocoder == "mosaic"
    values = evaluation.to_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    corpus, vocoder, _, generated = evaluation.stages
    assert corpus.copied_share is None
    assert vocoder.similarity.similarity_percent > 80
    assert generated.duration_s == pytest.approx(2.0)


@pytest.mark.parametrize("duration_s", [1.5, 2.5, 4.0])
def test_every_stage_gets_the_whole_of_the_duration(
    trained_library: Library, monkeypatch: pytest.MonkeyPatch, duration_s: float
):
    monkeypatch.setattr("small_dataset_audio.workflow.evaluate.PIECE_S", 2.0)
    *_, finished = evaluate_model("plucks", duration_s=duration_s, library=trained_library)
    for stage in finished.evaluation.stages[1:]:
        assert stage.duration_s == pytest.approx(duration_s)
        assert len(stage.copying) == math.ceil(duration_s / 2.0)


def test_the_mosaic_of_recordings_is_these_recordings(trained_library: Library):
    pipeline = load_pipeline("plucks", library=trained_library)
    (row,) = _corpus_pieces(pipeline, 2.0)
    copied = pipeline.reference.evaluate(row).novelty.copying
    *_, finished = evaluate_model("plucks", duration_s=2.0, library=trained_library)
    (played,) = finished.evaluation.stages[1].copying
    assert played.windows == copied.windows
    assert played.copied_windows >= copied.copied_windows > 0  # a window over a seam is in no recording


def test_the_vocoder_alone_knows_nothing_of_the_autoencoder(trained_library: Library, monkeypatch: pytest.MonkeyPatch):
    autoencoded = []
    autoencode = ConvVAE.autoencode
    monkeypatch.setattr(ConvVAE, "autoencode", lambda *given: autoencoded.append(1) or autoencode(*given))
    before = {}
    for event in evaluate_model("plucks", duration_s=2.0, library=trained_library):
        if isinstance(event, StageMeasured):
            before[event.report.name] = len(autoencoded)
    assert before["vocoder"] == 0 < before["autoencoder"]


@pytest.mark.parametrize("duration_s", [0.5, 601.0, float("nan")])
def test_a_duration_out_of_range_is_refused(trained_library: Library, duration_s: float):
    with pytest.raises(InvalidConfigError, match="duration_s is"):
        next(evaluate_model("plucks", duration_s=duration_s, library=trained_library))


@pytest.fixture
def library_without_audio(tmp_path: Path, trained_library: Library) -> Library:
    library = Library(tmp_path / "silent")
    bundle = load_bundle(trained_library.find("plucks"))
    save_bundle(library.models_folder / "plucks", dataclasses.replace(bundle, clips=()))
    return library


def test_a_model_without_recordings_cannot_be_measured_and_says_so(library_without_audio: Library):
    with pytest.raises(ModelError, match="keeps no recordings"):
        next(evaluate_model("plucks", library=library_without_audio))


def test_takes_of_a_model_without_recordings_have_no_evaluation(tmp_path: Path, library_without_audio: Library):
    pipeline = load_pipeline("plucks", library=library_without_audio)
    (take,) = generate_takes(pipeline, GenerationConfig(1.0, seed=1), output_dir=tmp_path / "takes")
    assert take.evaluation is None
    assert "evaluation" not in json.loads(take.json_path.read_text())
    assert take.quality == take.result.quality


@pytest.fixture(scope="module")
def pipeline(trained_library: Library) -> ModelPipeline:
    return load_pipeline("plucks", library=trained_library)


def test_every_sidecar_tells_how_the_take_stands_to_the_corpus(tmp_path: Path, pipeline: ModelPipeline):
    takes = list(generate_takes(pipeline, GenerationConfig(2.0, seed=1), count=2, output_dir=tmp_path))
    for take in takes:
        section = json.loads(take.json_path.read_text())["evaluation"]
        assert section == take.evaluation.to_json()
        assert section["evaluated_s"] == 2.0
        assert 0.0 <= section["similarity_percent"] <= 100.0
        names = {name for name, _ in pipeline.corpus}
        assert section["nearest"]["file"] in names


def test_the_corpus_is_made_ready_once_for_all_takes_and_not_where_nobody_asks(
    tmp_path: Path, trained_library: Library, monkeypatch: pytest.MonkeyPatch
):
    made = []
    module = "small_dataset_audio.workflow.pipelines.CorpusReference"
    monkeypatch.setattr(module, lambda *given: made.append(1) or CorpusReference(*given))
    fresh = load_pipeline("plucks", library=trained_library)
    (take,) = generate_takes(fresh, GenerationConfig(1.0, seed=1), output_dir=tmp_path, evaluate=False)
    assert made == []
    assert take.evaluation is None
    assert "evaluation" not in json.loads(take.json_path.read_text())
    for _ in generate_takes(fresh, GenerationConfig(1.0, seed=1), count=3, output_dir=tmp_path):
        pass
    assert made == [1]


def test_of_a_long_take_the_first_minute_is_compared(
    tmp_path: Path, pipeline: ModelPipeline, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("small_dataset_audio.workflow.generate.LONGEST_EVALUATION_S", 1.5)
    (take,) = generate_takes(pipeline, GenerationConfig(3.0, seed=1), output_dir=tmp_path)
    assert json.loads(take.json_path.read_text())["evaluation"]["evaluated_s"] == 1.5
    assert to_json(take)["evaluation"]["evaluated_s"] == 1.5
    assert describe(take.evaluation, 3.0).startswith("(its first minute) ")
    assert "first minute" not in describe(take.evaluation, 1.5)


def copying(copied_windows: int, windows: int = 4) -> Copying:
    match = Match(take_s=0.0, duration_s=1.25, file="pluck 1.wav", file_s=62.5, correlation=0.95)
    return Copying(windows, copied_windows, match if copied_windows else None, match if windows else None)


@pytest.mark.parametrize(
    ("similarity", "found", "words"),
    [
        (93.2, copying(1), "sounds like the corpus: 93 %; 25 % copied, longest: 1.25 s of pluck 1.wav 1:02.5"),
        (93.2, copying(0), "sounds like the corpus: 93 %; nothing copied"),
        (None, copying(4), "100 % copied, longest: 1.25 s of pluck 1.wav 1:02.5"),
        (None, copying(0), "nothing copied"),
        (None, copying(0, windows=0), ""),
    ],
)
def test_whatever_was_measured_of_a_take_is_said(similarity: float | None, found: Copying, words: str):
    novelty = Novelty(found, resemblance_db=None, corpus_own_db=None, corpus_others_db=None)
    evaluation = TakeEvaluation(60.0, similarity, None, None, novelty)
    assert describe(evaluation, 60.0) == words
    assert describe(evaluation, 61.0) == (f"(its first minute) {words}" if words else "")


def test_of_a_take_under_a_second_the_copying_is_said(tmp_path: Path, pipeline: ModelPipeline):
    (take,) = generate_takes(pipeline, GenerationConfig(0.8, seed=1), output_dir=tmp_path)
    assert take.evaluation.similarity_percent is None
    assert "copied" in describe(take.evaluation, 0.8)


def test_evaluation_changes_no_bit_and_a_rerender_is_identical(
    tmp_path: Path, pipeline: ModelPipeline, trained_library: Library
):
    config = GenerationConfig(1.5, seed=7)
    (plain,) = generate_takes(pipeline, config, output_dir=tmp_path / "plain", evaluate=False)
    (take,) = generate_takes(pipeline, config, output_dir=tmp_path / "compared")
    assert take.wav_path.read_bytes() == plain.wav_path.read_bytes()
    assert rerender(take.json_path, library=trained_library).identical


@pytest.mark.parametrize(("similarity", "rating"), [(10.0, "yellow"), (90.0, "green")])
def test_a_take_far_from_the_corpus_is_no_longer_green_wherever_its_rating_stands(
    tmp_path: Path,
    pipeline: ModelPipeline,
    trained_library: Library,
    monkeypatch: pytest.MonkeyPatch,
    similarity: float,
    rating: str,
):
    evaluate = CorpusReference.evaluate

    def at_that_distance(*arguments: Any) -> TakeEvaluation:
        return dataclasses.replace(evaluate(*arguments), similarity_percent=similarity)

    green = {"rating": "green", "reason": "clean"}
    monkeypatch.setattr(CorpusReference, "evaluate", at_that_distance)
    monkeypatch.setattr("small_dataset_audio.inference.generation.score_stream", lambda *_, **__: dict(green))
    (take,) = generate_takes(pipeline, GenerationConfig(1.0, seed=7), output_dir=tmp_path)
    expected = temper_rating(green, similarity)
    assert expected["rating"] == rating
    again = rerender(take.json_path, library=trained_library)
    assert take.quality == take.result.quality == to_json(take)["quality"] == expected
    for sidecar in (take.json_path, again.json_path):
        assert json.loads(sidecar.read_text())["quality"] == expected
    (plain,) = generate_takes(pipeline, GenerationConfig(1.0, seed=7), output_dir=tmp_path, evaluate=False)
    assert json.loads(plain.json_path.read_text())["quality"] == green


@pytest.mark.parametrize("evaluate", [True, False])
def test_the_sidecar_of_a_rerender_says_as_much_as_the_first_one(
    tmp_path: Path, pipeline: ModelPipeline, trained_library: Library, evaluate: bool
):
    config = GenerationConfig(1.5, seed=7)
    (take,) = generate_takes(pipeline, config, output_dir=tmp_path, evaluate=evaluate)
    first, again = (
        json.loads(path.read_text())
        for path in (take.json_path, rerender(take.json_path, library=trained_library).json_path)
    )
    assert ("evaluation" in first) is evaluate
    assert again.get("evaluation") == first.get("evaluation")
    assert again["quality"] == first["quality"]


def test_the_corpus_has_the_names_of_the_recordings(pipeline: ModelPipeline):
    assert sorted(name for name, _ in pipeline.corpus) == [
        *(f"more/pluck {n}.wav" for n in (4,)),
        *(f"pluck {n}.wav" for n in range(4)),
    ]
    assert all(clip.dtype == np.float32 for _, clip in pipeline.corpus)
