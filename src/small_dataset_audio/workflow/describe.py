"""What a model made here says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
import torch

from small_dataset_audio._version import __version__
from small_dataset_audio.audio.config import SpectrogramConfig
from small_dataset_audio.corpus import Corpus
from small_dataset_audio.models.config import DensityConfig, LinearConfig, VAEConfig
from small_dataset_audio.models.latent_paths import LEAD_STEPS, TAIL_STEPS
from small_dataset_audio.models.metadata import FORMAT_VERSION, ClipEntry, CorpusEntry, ModelMetadata, TrainingEntry
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.state import TrainingState

NO_LICENCE: Final = "unspecified"

DENSITY: Final = DensityConfig(lead_steps=LEAD_STEPS, tail_steps=TAIL_STEPS)
"""Of every model: as :func:`~small_dataset_audio.models.latent_paths.latent_path` lays silence around recordings."""


def describe_model(
    name: str,
    corpus: Corpus,
    training: TrainingEntry,
    autoencoder: VAEConfig | LinearConfig,
    *,
    spectrogram: SpectrogramConfig,
    density: DensityConfig,
    licence: str,
) -> ModelMetadata:
    """Write the metadata of a model that is made now, by this release.

    Parameters
    ----------
    name : str
        As the user wrote it.
    corpus : Corpus
        What it was made from.
    training : TrainingEntry
    autoencoder : VAEConfig or LinearConfig
        Decides of which kind the model is.
    spectrogram : SpectrogramConfig
    density : DensityConfig
    licence : str
        Of the recordings.
    """
    return ModelMetadata(
        format_version=FORMAT_VERSION,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sda_version=__version__,
        torch_version=torch.__version__,
        corpus=CorpusEntry(
            folder_name=corpus.folder.resolve().name,
            content_hash=corpus.content_hash,
            licence=licence,
            clips=describe_clips(corpus),
        ),
        training=training,
        spectrogram=spectrogram,
        vae=autoencoder if isinstance(autoencoder, VAEConfig) else None,
        linear=autoencoder if isinstance(autoencoder, LinearConfig) else None,
        density=density,
    )


def describe_clips(corpus: Corpus) -> tuple[ClipEntry, ...]:
    """Write what metadata say of each recording."""
    return tuple(
        ClipEntry(clip.name, len(clip.audio), clip.content_hash, round(clip.level_db, 3)) for clip in corpus.clips
    )


def describe_training(state: TrainingState, config: TrainingConfig, stop_reason: str) -> TrainingEntry:
    """Write how a training went so far: its loss is the mean of the last 20 steps."""
    held_out = [point.held_out for point in state.history if point.held_out is not None]
    recent = [point.reconstruction for point in state.history[-20:]]
    return TrainingEntry(
        seed=config.seed,
        steps=state.step,
        elapsed_s=round(state.elapsed_s, 2),
        budget_s=round(config.budget_s, 2),
        stop_reason=stop_reason,
        loss=float(np.mean(recent)) if recent else 0.0,
        held_out_loss=held_out[-1] if held_out else None,
        batch_size=state.batch_size,
    )
