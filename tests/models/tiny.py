"""The smallest complete model: everything that a model folder holds, in a few kilobytes, the same bits every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.models import (
    ConvVAE,
    DensityConfig,
    LatentDensity,
    LinearAutoencoder,
    LinearConfig,
    ModelBundle,
    VAEConfig,
)
from small_dataset_audio.models.metadata import FORMAT_VERSION, ClipEntry, CorpusEntry, ModelMetadata, TrainingEntry

CLIP_LENGTHS = (1000, 1, 2500)


def tiny_clips() -> tuple[np.ndarray, ...]:
    """Ramps of 24-bit steps: FLAC stores them as they are."""
    steps = np.arange(sum(CLIP_LENGTHS)) * 1237 % 65_536 - 32_768
    return tuple(np.split((steps / 2**16).astype(np.float32), np.cumsum(CLIP_LENGTHS)[:-1]))


def tiny_density() -> LatentDensity:
    """Three recordings of 5, 1 and 4 steps; the two longer ones meet in their middles."""
    numbers = np.arange(10, dtype=np.float32)
    latents = np.stack([numbers, numbers**2 / 16, -numbers], axis=1)
    neighbours = (np.arange(10)[:, None] + np.array([5, 3])) % 10
    distances = np.tile(np.array([0.25, 0.5], np.float32), (10, 1))
    # Settings are given here, so that tuned defaults change nothing.
    config = DensityConfig(num_neighbours=2, num_partners=1, min_run_steps=2, recording_weight=0.5)
    return LatentDensity(latents, np.array([5, 1, 4]), neighbours, distances, neighbours[:, :1].copy(), config)


def tiny_bundle(clips: tuple[np.ndarray, ...] | None = None) -> ModelBundle:
    """A model whose weights are a ramp, not a draw: no library's generator decides what they are."""
    vae = VAEConfig(n_mels=8, latent_dim=3, width=8, frames_per_step=2, mel_mean=-3.5, mel_std=0.75)
    spectrogram = SpectrogramConfig(n_mels=8, n_fft=512, hop_length=128)
    model = ConvVAE(vae)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_((torch.arange(parameter.numel()) % (7 + number) / 8 - 0.5).reshape(parameter.shape))
    corpus = CorpusEntry(
        folder_name="Glöckchen 🔔",
        content_hash="c0" * 32,
        licence="CC0-1.0",
        clips=tuple(
            ClipEntry(name=f"clip {i}.wav", num_samples=length, content_hash=f"{i:064x}")
            for i, length in enumerate(CLIP_LENGTHS)
        ),
    )
    training = TrainingEntry(
        seed=7, steps=420, elapsed_s=61.5, budget_s=60.0, stop_reason="budget", loss=0.25, held_out_loss=None
    )
    density = tiny_density()
    metadata = ModelMetadata(
        format_version=FORMAT_VERSION,
        name="tiny",
        created="2026-11-22T10:00:00+00:00",
        sda_version="0.1.0",
        torch_version="2.13.0",
        corpus=corpus,
        training=training,
        spectrogram=spectrogram,
        vae=vae,
        density=density.config,
    )
    return ModelBundle(
        metadata=metadata,
        model=model.eval(),
        spectrogram=AudioSpectrogram(spectrogram),
        density=density,
        clips=tiny_clips() if clips is None else clips,
    )


def tiny_linear_bundle(clips: tuple[np.ndarray, ...] | None = None) -> ModelBundle:
    """The same with an autoencoder that was not trained; its numbers are ramps as well."""
    trained = tiny_bundle(clips)
    sizes = LinearConfig(n_mels=8, latent_dim=3, frames_per_step=2, bands_pooled=2)
    model = LinearAutoencoder(sizes)
    for number, value in enumerate(model.state_dict().values()):
        value.copy_((torch.arange(value.numel()) % (7 + number) / 8 - 0.5).reshape(value.shape))
    return replace(trained, metadata=replace(trained.metadata, vae=None, linear=sizes), model=model.eval())
