"""From a path of latents to mel levels, block by block."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.errors import InvalidAudioError
from small_dataset_audio.models.autoencoder import Autoencoder

_DECODE_BLOCK_STEPS = 256
_DECODE_CONTEXT_STEPS = 8  # the decoder sees under 6 steps to either side


def decode_trajectory(
    model: Autoencoder, trajectory: NDArray[np.float32], mel_shape: tuple[int, int], device: torch.device | str
) -> Tensor:
    """Decode a trajectory of any length block by block, with the decoder's context on both sides.

    Parameters
    ----------
    model : Autoencoder
    trajectory : ndarray [shape=(latent_dim, steps) or (voices, latent_dim, steps)]
    mel_shape : (n_mels, frames)
    device : torch.device or str

    Returns
    -------
    Tensor [shape=(voices, 1, n_mels, frames), log10 amplitude, on `device`]

    Raises
    ------
    InvalidAudioError
        The model decoded to numbers that are not finite. Found here, since the mosaic would render them as sound.
    """
    frames_per_step = model.config.frames_per_step
    z = torch.from_numpy(trajectory if trajectory.ndim == 3 else trajectory[None]).to(device)
    blocks = []
    with torch.inference_mode():
        for start in range(0, z.shape[-1], _DECODE_BLOCK_STEPS):
            before = min(start, _DECODE_CONTEXT_STEPS)
            block = z[..., start - before : start + _DECODE_BLOCK_STEPS + _DECODE_CONTEXT_STEPS]
            mel = model.decode(block)
            blocks.append(mel[..., before * frames_per_step :][..., : _DECODE_BLOCK_STEPS * frames_per_step])
    decoded = torch.cat(blocks, dim=-1)[..., : mel_shape[1]]
    if not torch.isfinite(decoded).all():
        raise InvalidAudioError("the model decoded to NaN or infinite mel levels; train it again or restore a backup")
    return decoded
