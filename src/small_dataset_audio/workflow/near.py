"""Something to be near to: any recording becomes a target in the latent space of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from small_dataset_audio.audio.guarded_decoder import GuardedDecoder
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.centroids import centroids_of
from small_dataset_audio.controls.targets import MOST_POINTS, MOST_TARGETS, NearTarget, target_of
from small_dataset_audio.corpus.intake import take_in
from small_dataset_audio.corpus.levels import even_out
from small_dataset_audio.corpus.records import ScanConfig
from small_dataset_audio.errors import AudioFileError, InvalidConfigError
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.models.latent_paths import LEAD_STEPS, TAIL_STEPS, latent_path

_LONGEST_S: Final = 600.0  # of a recording; ten minutes of it say what it is like
_SOUNDING_DB: Final = -60.0  # under its loudest step


def near_of_recording(pipeline: GenerationPipeline, path: Path) -> NearTarget:
    """Make a target of a recording: it is read as one of a corpus is, and encoded by the model.

    Parameters
    ----------
    pipeline : GenerationPipeline
        Of the model that takes will be made with.
    path : Path
        Any file that can be read, of any rate and channels; only read. Its first ten minutes count.

    Returns
    -------
    NearTarget
        Named after the file.

    Raises
    ------
    AudioFileError
        Missing, not audio, or nothing to be heard in it; the message names the file.
    """
    with GuardedDecoder() as decoder:
        report, clip = take_in(path, path.name, ScanConfig(), decoder.decode)
    if clip is None:
        raise AudioFileError(
            f"{path} cannot be taken as an example: {report.reason}; give a recording with sound in it"
        )
    audio = even_out(replace(clip, side=None)).audio[: round(_LONGEST_S * SAMPLE_RATE)]
    latents = latent_path(pipeline.model, pipeline.spectrogram, audio)
    step_samples = pipeline.model.config.frames_per_step * pipeline.spectrogram.config.hop_length
    latents = latents[LEAD_STEPS : len(latents) - TAIL_STEPS]
    level = np.array(
        [float(np.square(audio[at : at + step_samples]).mean()) for at in range(0, len(audio), step_samples)]
    )
    heard = np.flatnonzero(level >= 10.0 ** (_SOUNDING_DB / 10.0) * level.max())
    latents = latents[
        heard[0] : heard[-1] + 1
    ]  # pauses inside it are part of what it is like, silence around it is not
    points, shares = centroids_of(latents, MOST_POINTS, np.random.default_rng(0))
    return target_of(path.name, points.tolist(), shares.tolist())


def near_recordings(pipeline: GenerationPipeline, paths: Sequence[Path]) -> tuple[NearTarget, ...]:
    """Make targets of recordings, to be gone through one after the other.

    Raises
    ------
    AudioFileError
        One cannot be used.
    InvalidConfigError
        None or too many.
    """
    if not 1 <= len(paths) <= MOST_TARGETS:
        raise InvalidConfigError(f"near has {len(paths)} recordings; give 1 to {MOST_TARGETS}")
    return tuple(near_of_recording(pipeline, path) for path in paths)
