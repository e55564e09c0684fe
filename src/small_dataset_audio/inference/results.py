"""What a generation gives: a take, or what is said of one that went to disk, and who has the last word on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.pieces import Stream

Sections: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Extra keys of a sidecar."""


@dataclass(frozen=True)
class Appraisal:
    """What is to be said of a finished take, by someone who knows more than its samples.

    Parameters
    ----------
    quality : mapping
        Its score, perhaps with another rating and reason.
    sections : mapping of str to mapping
        Extra keys of the sidecar, beside its own.
    """

    quality: Mapping[str, Any]
    sections: Sections = field(default_factory=dict)


Appraise: TypeAlias = Callable[[Stream, Mapping[str, Any]], Appraisal]
"""Given a finished take, which it may go through as often as it likes, and its score."""


@dataclass(frozen=True)
class GenerationResult:
    """A take, before it is written.

    Parameters
    ----------
    audio : ndarray [shape=(samples,) or (2, samples), float32, peak at most 0.891]
    sample_rate : int [Hz]
    quality : dict
        See :func:`~small_dataset_audio.inference.quality.compute_quality_score`.
    config : GenerationConfig
        As given.
    seed_used : int
    duration_s : float [s]
        Of `audio`, exactly.
    channels : int
    vocoder : str
        Which one rendered it.
    blended_in : str
        Where two models became one: "audio" or "mel"; empty where one alone is heard.
    """

    audio: NDArray[np.float32] = field(repr=False)
    sample_rate: int
    quality: dict[str, Any]
    config: GenerationConfig
    seed_used: int
    duration_s: float
    channels: int
    vocoder: str = "griffin_lim"
    blended_in: str = ""


@dataclass(frozen=True)
class TakeSummary:
    """A take that went to disk as it was made, without its samples.

    Parameters
    ----------
    sample_rate, quality, config, seed_used, duration_s, channels, vocoder, blended_in
        As of a :class:`GenerationResult`.
    audio_sha256 : str
        Of the samples as float32, as the sidecar has it.
    """

    sample_rate: int
    quality: dict[str, Any]
    config: GenerationConfig
    seed_used: int
    duration_s: float
    channels: int
    vocoder: str
    audio_sha256: str
    blended_in: str = ""
