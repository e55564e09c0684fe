"""What every vocoder does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Vocoder(Protocol):
    """Renders a log-mel spectrogram."""

    @property
    def name(self) -> str:
        """Name by which a user chooses it."""
        ...

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:
        """Render one spectrogram.

        Parameters
        ----------
        mel : Tensor [shape=(1, 1, n_mels, frames), log10 amplitude]
        num_samples : int [at most (frames - 1) * hop_length]
        generator : torch.Generator [CPU]
            Source of whatever is drawn.

        Returns
        -------
        ndarray [shape=(num_samples,), float32, 48 kHz]
        """
        ...
