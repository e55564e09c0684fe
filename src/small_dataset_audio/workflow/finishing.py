"""How long it takes to make a model of what was learnt: a training with a budget has to leave that much of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus import Corpus
from small_dataset_audio.models.latent_paths import fit_density, latent_path
from small_dataset_audio.models.neighbours import NeighbourConfig
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.workflow.describe import DENSITY

_TRIAL_S: Final = 120.0  # of audio, on which the time that a latent density takes is measured


def time_of_a_fit_s(model: ConvVAE, spectrogram: AudioSpectrogram, clips: Sequence[NDArray[np.float32]]) -> float:
    """Estimate how long a latent density of the whole corpus takes, from one of its first minutes.

    Paths take time by their length. So does the search for neighbours, once it is no longer exact
    (:mod:`small_dataset_audio.models.neighbours`): it is timed with as many steps as that, the same ones over again.
    """
    ends_s = np.cumsum([len(clip) for clip in clips]) / SAMPLE_RATE
    num_tried = max(int(np.searchsorted(ends_s, _TRIAL_S, side="right")), 1)
    times_longer = float(ends_s[-1] / ends_s[num_tried - 1])
    latent_path(model, spectrogram, clips[0])  # the first time, all is slower
    began = time.monotonic()
    paths = [latent_path(model, spectrogram, clip) for clip in clips[:num_tried]]
    encoded = time.monotonic()
    times_searched = math.ceil(min(times_longer, NeighbourConfig.exact_points / sum(map(len, paths))))
    fit_density(paths * times_searched, DENSITY)
    return (encoded - began) * times_longer + (time.monotonic() - encoded) * times_longer / times_searched


def finishing_time_s(corpus: Corpus, fit_s: float) -> float:
    """Reserve for what comes after the last step: density, corpus audio, picture."""
    return 1.0 + corpus.duration_s / 300.0 + fit_s
