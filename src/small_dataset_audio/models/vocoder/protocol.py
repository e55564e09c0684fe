"""What every vocoder does."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.models.vocoder.corpus_path import CorpusPath
from small_dataset_audio.models.walk import Walk


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
        mel : Tensor [shape=(voices, 1, n_mels, frames), log10 amplitude]
            What sounds together; in each band the loudest is heard.
        num_samples : int [at most (frames - 1) * hop_length]
        generator : torch.Generator [CPU]
            Source of whatever is drawn.

        Returns
        -------
        ndarray [shape=(num_samples,), float32, 48 kHz; in stereo (2, num_samples): mid, side]
        """
        ...


@runtime_checkable
class PlayingVocoder(Vocoder, Protocol):
    """Can also play a walk from the recordings that it goes along, with no spectrogram between."""

    def place(self, walk: Walk, frames_per_step: int, match_db: float) -> CorpusPath:
        """Find where in the corpus a walk is.

        Parameters
        ----------
        walk : Walk
            One that can be played.
        frames_per_step : int
        match_db : float [dB]
            How far a further voice is raised or lowered to be as loud as the first.
        """
        ...

    def play(self, path: CorpusPath, first: int, last: int, num_samples: int) -> NDArray[np.float32]:
        """Play the beginning of steps `first` to `last` [shape as :meth:`render`, float32, 48 kHz]."""
        ...


@runtime_checkable
class StereoVocoder(Vocoder, Protocol):
    """Can also give the stereo image that its recordings have."""

    def in_stereo(self) -> Vocoder:
        """Return a vocoder of the same name that gives mid and side: the mid as this one gives it, bit for bit.

        Left is mid plus side, right is mid less side. They stay apart until all is joined, so that one decision for both
        is taken at every join, and no join turns the image.
        """
        ...
