"""A model is analysed: what its controls do is measured on rendered takes, and stored with it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.calibration import TAKE_S, Calibrator
from small_dataset_audio.controls.descriptors import describe, describe_around
from small_dataset_audio.controls.moments import describe_steps
from small_dataset_audio.controls.report import ControlReport, report_controls
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.bundle import ModelBundle, load_bundle, read_analysis, save_bundle
from small_dataset_audio.models.density import Density
from small_dataset_audio.workflow.device import resolve_device

NUM_QUANTILES: Final = 21
_MOST_CORPUS_S: Final = 600.0  # of the recordings, for how descriptors are spread in them


@dataclass(frozen=True)
class AnalysisProgress:
    """News of an analysis: the stage (a word for people), and how much of it is done."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class ModelAnalysed:
    """The end: the model has its controls.

    Parameters
    ----------
    bundle : ModelBundle
        As it is saved now.
    analysis : Analysis
    elapsed_s : float [s]
    """

    bundle: ModelBundle = field(repr=False)
    analysis: Analysis = field(repr=False)
    elapsed_s: float


AnalysisEvent = AnalysisProgress | ModelAnalysed


def analyse(model: str, *, library: Library | None = None, device: str = "auto") -> Iterator[AnalysisEvent]:
    """Measure what the controls of a saved model do, and store it with the model.

    Parameters
    ----------
    model : str
        Name or folder.
    library : Library, optional
    device : {"auto", "cpu", "cuda", "mps"}

    Yields
    ------
    AnalysisProgress, ModelAnalysed
        The last one once.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidConfigError
        There is no such model; or it keeps no recordings, without which nothing can be steered.
    OutputError
        The model cannot be saved; it is as it was.
    """
    began = time.monotonic()
    folder = (library or Library()).find(model)
    bundle = load_bundle(folder, resolve_device(device), with_analysis=False)
    for event in analyse_bundle(bundle):
        if isinstance(event, Analysis):
            saved = save_bundle(folder, replace(bundle, analysis=event))
            yield ModelAnalysed(saved, event, time.monotonic() - began)
        else:
            yield event


def read_controls(model: str, *, library: Library | None = None) -> tuple[ControlReport, ...] | None:
    """Say what the controls of a saved model do; None where it was not analysed.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    analysis = read_analysis((library or Library()).find(model))
    return None if analysis is None else report_controls(analysis)


def analyse_bundle(bundle: ModelBundle) -> Iterator[AnalysisProgress | Analysis]:
    """Measure what controls do, without saving it; at last comes the :class:`Analysis`.

    Raises
    ------
    InvalidConfigError
        The model keeps no recordings.
    """
    if not bundle.clips:
        raise InvalidConfigError(
            f"model {bundle.metadata.name} keeps no recordings, and controls are measured on them; train it without "
            "--no-keep-audio"
        )
    density = bundle.density
    step_samples = bundle.model.config.frames_per_step * bundle.spectrogram.config.hop_length
    sums: list[NDArray[np.float32]] = []
    for clip, length in zip(bundle.clips, density.path_lengths.tolist(), strict=True):
        yield AnalysisProgress("listening to the recordings", len(sums), len(bundle.clips))
        sums.append(describe_steps(clip, length, step_samples, density.config.lead_steps))
    quantiles = corpus_quantiles(bundle.clips, step_samples)
    pipeline = GenerationPipeline.from_bundle(bundle, bundle.spectrogram.window.device)
    calibrator = Calibrator(
        density,
        np.concatenate(sums),
        quantiles,
        step_samples,
        math.ceil(TAKE_S * SAMPLE_RATE / step_samples),
        _Measuring(pipeline),
    )
    yield AnalysisProgress("measuring takes", 0, calibrator.most_takes)
    for event in calibrator.run():
        yield (
            event if isinstance(event, Analysis) else AnalysisProgress("measuring takes", event, calibrator.most_takes)
        )


def corpus_quantiles(clips: Sequence[NDArray[np.float32]], step_samples: int) -> NDArray[np.float32]:
    """Say how descriptors are spread over the moments of recordings [shape=(controls, quantiles), float32, rising].

    Of many recordings, every so many are listened to. What no moment has is 0 throughout.
    """
    total_s = sum(map(len, clips)) / SAMPLE_RATE
    every = max(round(total_s / _MOST_CORPUS_S), 1)
    moments = np.concatenate([describe_around(clip, 4 * step_samples) for clip in clips[::every]])
    quantiles = np.zeros((len(NAMES), NUM_QUANTILES), dtype=np.float32)
    for row, values in zip(quantiles, moments.T, strict=True):
        known = values[np.isfinite(values)]
        if known.size:
            row[:] = np.quantile(known, np.linspace(0.0, 1.0, NUM_QUANTILES))
    return quantiles


class _Measuring:
    """Renders takes of other densities with one pipeline's model, and describes them."""

    def __init__(self, pipeline: GenerationPipeline) -> None:
        self._pipeline = pipeline

    def __call__(self, density: Density, seed: int, level_lufs: float | None) -> NDArray[np.float64]:
        # As takes are made by default: bent in time and pitch, they scatter more than played as recorded.
        config = GenerationConfig(duration_s=TAKE_S, seed=seed)
        level = None if level_lufs is None else np.array([level_lufs])
        result = self._pipeline.drawing_from(density).generate(config, level_lufs=level)
        return np.array([np.nan if value is None else value for value in astuple(describe(result.audio))])
