"""A saved model is measured: how like its corpus it sounds, what it copies, and which stage costs what."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError, ModelError, OutputError
from small_dataset_audio.evaluation.stages import ModelEvaluation, StageReport, measure_corpus, measure_stage
from small_dataset_audio.evaluation.takes import CorpusReference
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.library import Library, keep_evaluation
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder
from small_dataset_audio.workflow.pipelines import ModelPipeline, load_pipeline

DEFAULT_DURATION_S: Final = 60.0
PIECE_S: Final = 10.0
MAX_DURATION_S: Final = 600.0
_SHORTEST_S: Final = 1.0
_SEED: Final = 0


@dataclass(frozen=True)
class StageStarted:
    """A stage is being measured: its name, its number from 1 on, and how many there are."""

    name: str
    number: int
    total: int


@dataclass(frozen=True)
class StageMeasured:
    """A stage was measured."""

    report: StageReport


@dataclass(frozen=True)
class EvaluationFinished:
    """All stages were measured; the last event."""

    evaluation: ModelEvaluation


EvaluationEvent: TypeAlias = StageStarted | StageMeasured | EvaluationFinished


def evaluate_model(
    model: str, *, duration_s: float = DEFAULT_DURATION_S, device: str = "auto", library: Library | None = None
) -> Iterator[EvaluationEvent]:
    """Measure a model, stage by stage: the corpus, the vocoder, the autoencoder, takes with default settings.

    The figures are kept in the model's folder, for its card.

    Parameters
    ----------
    model : str
        Name or folder.
    duration_s : float [s]
        How much audio goes through each stage, in pieces of 10 s, the last one shorter; takes have seeds 0, 1, ...
    device : {"auto", "cpu", "cuda", "mps"}
    library : Library, optional

    Yields
    ------
    StageStarted, StageMeasured
        For each of the four stages.
    EvaluationFinished

    Raises
    ------
    InvalidConfigError
        `duration_s` is not 1 to 600.
    ModelError
        The model keeps no recordings to compare with.
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    if not _SHORTEST_S <= duration_s <= MAX_DURATION_S:
        raise InvalidConfigError(f"duration_s is {duration_s}; it must be {_SHORTEST_S:g} to {MAX_DURATION_S:g}")
    pipeline = load_pipeline(model, device=device, library=library)
    if not pipeline.corpus:
        raise ModelError(f"{model} keeps no recordings to compare with; train it without --no-audio")
    names, clips = zip(*pipeline.corpus, strict=True)
    total = 4
    yield StageStarted("corpus", 1, total)
    reference = CorpusReference(clips, names)
    corpus_s = sum(len(clip) for clip in clips) / SAMPLE_RATE
    reports = [measure_corpus(reference, corpus_s)]
    yield StageMeasured(reports[0])
    pieces = _corpus_pieces(pipeline, duration_s)
    stages = {
        "vocoder": partial(_through_vocoder, pipeline, pieces),
        "autoencoder": partial(_through_both, pipeline, pieces),
        "generated": partial(_generate, pipeline, duration_s),
    }
    for number, (name, make) in enumerate(stages.items(), start=2):
        yield StageStarted(name, number, total)
        reports.append(measure_stage(reference, name, make()))
        yield StageMeasured(reports[-1])
    novelty = reference.novelty
    evaluation = ModelEvaluation(
        pipeline.model_name,
        pipeline.default_vocoder.name,
        tuple(reports),
        novelty.corpus_own_db,
        novelty.corpus_others_db,
    )
    folder = (library or Library()).find(model)
    with contextlib.suppress(OutputError):  # it is measured, and said, on a disk that is full too
        keep_evaluation(folder, str(pipeline.provenance["model_sha256"]), evaluation.to_json())
    yield EvaluationFinished(evaluation)


def _corpus_pieces(pipeline: ModelPipeline, duration_s: float) -> list[NDArray[np.float32]]:
    """Pieces of 10 s made of stretches from all over the corpus, `duration_s` together, or all there is."""
    length, wanted = round(PIECE_S * SAMPLE_RATE), round(duration_s * SAMPLE_RATE)
    stretches = [clip[start : start + length] for _, clip in pipeline.corpus for start in range(0, len(clip), length)]
    order = np.random.default_rng(_SEED).permutation(len(stretches))
    ends = np.cumsum([len(stretches[index]) for index in order])
    chosen = order[: int(np.searchsorted(ends, wanted)) + 1]
    row = np.concatenate([stretches[index] for index in chosen])[:wanted]
    pieces = np.split(row, range(length, len(row), length))
    return [piece for piece in pieces if piece.any()]


def _through_vocoder(pipeline: ModelPipeline, pieces: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Turn pieces into spectrograms and back. The pipeline's own vocoder knows the corpus as the autoencoder shows it."""
    vocoder = MosaicVocoder(pipeline.spectrogram, [clip for _, clip in pipeline.corpus])
    return _render(pipeline, vocoder, pieces, lambda mel: mel)


def _through_both(pipeline: ModelPipeline, pieces: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Turn pieces into spectrograms and back, through the autoencoder between."""
    return _render(pipeline, pipeline.default_vocoder, pieces, pipeline.model.autoencode)


def _render(
    pipeline: ModelPipeline,
    vocoder: Vocoder,
    pieces: list[NDArray[np.float32]],
    through: Callable[[torch.Tensor], torch.Tensor],
) -> list[NDArray[np.float32]]:
    made = []
    for number, piece in enumerate(pieces):
        with torch.inference_mode():
            mel = pipeline.spectrogram.waveform_to_mel(torch.from_numpy(piece).to(pipeline.device))
            made.append(vocoder.render(through(mel), len(piece), torch.Generator().manual_seed(number)))
    return made


def _generate(pipeline: ModelPipeline, duration_s: float) -> list[NDArray[np.float32]]:
    count = math.ceil(duration_s / PIECE_S)
    lengths_s = [min(PIECE_S, duration_s - PIECE_S * number) for number in range(count)]
    configs = [GenerationConfig(length_s, seed=seed) for seed, length_s in enumerate(lengths_s)]
    return [pipeline.generate(config).audio for config in configs if config.num_samples]
