"""From recordings to a latent density: their paths through latent space, and which steps of them resemble each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import DensityConfig
from small_dataset_audio.models.density import NEVER, LatentDensity
from small_dataset_audio.models.neighbours import NeighbourIndex

LEAD_STEPS = 2
"""Silent steps before each recording (85 ms): an attack is walked into, and survives a crossfade over the lead."""

TAIL_STEPS = 1
"""Silent steps after each recording."""

_EXCLUDED_STEPS = 12  # half a second
_PARTNER_STEPS = 6  # a quarter of a second must develop alike


def fit_density(paths: Sequence[NDArray[np.float32]], config: DensityConfig | None = None) -> LatentDensity:
    """Store the corpus's latent paths and find the neighbours of each step.

    Parameters
    ----------
    paths : sequence of ndarray [shape=(steps, latent_dim), float32, one for each recording]
    config : DensityConfig, optional

    Returns
    -------
    LatentDensity

    Raises
    ------
    InvalidConfigError
        No path, or a field of `config` outside its range.
    """
    config = config or DensityConfig()
    config.validate()
    if not paths:
        raise InvalidConfigError("paths is empty; a density needs the latents of at least one recording")
    latents = np.concatenate(paths).astype(np.float32)
    lengths = np.array([len(path) for path in paths], dtype=np.int64)
    neighbours, distances = _find_neighbours(latents, lengths, config.num_neighbours)
    partners, _ = _find_neighbours(_developments(latents, lengths), lengths, config.num_partners)
    return LatentDensity(
        latents=latents,
        path_lengths=lengths,
        neighbours=neighbours,
        neighbour_distances=distances,
        partners=partners,
        config=config,
    )


def latent_path(model: Autoencoder, spectrogram: AudioSpectrogram, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode one recording, with the silence around it that a walk goes through.

    Parameters
    ----------
    model : Autoencoder
    spectrogram : AudioSpectrogram
        On the model's device.
    audio : ndarray [shape=(samples,), float32, 48 kHz]

    Returns
    -------
    ndarray [shape=(steps, latent_dim), float32]
    """
    step_samples = model.config.frames_per_step * spectrogram.config.hop_length
    padded = np.pad(audio, (LEAD_STEPS * step_samples, TAIL_STEPS * step_samples))
    with torch.inference_mode():
        mel = spectrogram.waveform_to_mel(torch.from_numpy(padded).to(spectrogram.window.device))
        mean = model.encode_recording(mel)
    path: NDArray[np.float32] = mean[0].T.cpu().numpy()
    return path


def _developments(latents: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Each step with those that follow it, the last of a recording held [shape=(steps, _PARTNER_STEPS * latent_dim)]."""
    last = np.repeat(np.cumsum(lengths) - 1, lengths)
    here = np.arange(len(latents))
    return np.concatenate([latents[np.minimum(here + ahead, last)] for ahead in range(_PARTNER_STEPS)], axis=1)


def _find_neighbours(
    points: NDArray[np.float32], lengths: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the nearest steps of each step, leaving out those close by in its own recording.

    A step resembles the one before and the one after it most of all; jumps there would only stutter. Where fewer than
    `count` are left, a step is its own neighbour at a distance that is never jumped over.
    """
    found, distances = NeighbourIndex(points).query(points, min(count + 2 * _EXCLUDED_STEPS + 1, len(points)))
    path = np.repeat(np.arange(len(lengths)), lengths)
    here = np.arange(len(points))[:, None]
    too_close = (np.abs(found - here) <= _EXCLUDED_STEPS) & (path[found] == path[:, None])
    found, distances = np.where(too_close, here, found), np.where(too_close, np.float32(NEVER), distances)
    missing = max(count - found.shape[1], 0)
    found = np.concatenate([found, np.repeat(here, missing, axis=1)], axis=1)
    distances = np.pad(distances, ((0, 0), (0, missing)), constant_values=np.float32(NEVER))
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(found, nearest, axis=1), np.take_along_axis(distances, nearest, axis=1)
