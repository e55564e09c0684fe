"""What generation, density and vocoders need of an autoencoder, whichever it is."""

from __future__ import annotations

from typing import Protocol, Self

import torch
from torch import Tensor


class AutoencoderSizes(Protocol):
    """Sizes that every autoencoder's configuration has."""

    @property
    def n_mels(self) -> int:
        """Mel bands, in and out."""
        ...

    @property
    def latent_dim(self) -> int:
        """Numbers for each step."""
        ...

    @property
    def frames_per_step(self) -> int:
        """Mel frames for each latent vector."""
        ...


class Autoencoder(Protocol):
    """Log mels to latent trajectories and back: a trained :class:`ConvVAE`, or a :class:`LinearAutoencoder`."""

    @property
    def config(self) -> AutoencoderSizes:
        """Its sizes."""
        ...

    @property
    def latent_dim(self) -> int:
        """Numbers in each latent vector."""
        ...

    def num_steps(self, num_frames: int) -> int:
        """Latent steps that cover `num_frames` mel frames."""
        ...

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode log mels to mean and log variance [shape=(batch, latent_dim, steps)]."""
        ...

    def decode(self, z: Tensor, target_shape: tuple[int, int] | None = None) -> Tensor:
        """Decode latents of any number of steps to log mels [shape=(batch, 1, n_mels, frames)]."""
        ...

    def encode_recording(self, mel: Tensor) -> Tensor:
        """Encode log mels of any length, in memory that does not depend on the length [shape as of `encode`'s mean]."""
        ...

    def autoencode(self, mel: Tensor) -> Tensor:
        """Encode and decode without noise [shape kept]."""
        ...

    def sample(self, num_samples: int, *, steps: int = 24, generator: torch.Generator | None = None) -> Tensor:
        """Decode single draws, each held still for `steps` steps."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """All numbers that a file must hold to make it again, by name."""
        ...

    def to(self, device: torch.device | str) -> Self:
        """Move it to a device."""
        ...

    def eval(self) -> Self:
        """Make it ready for use."""
        ...
