"""How large a model, in what batches: what this machine can train well enough in the time that there is.

A step is timed for some two seconds, on the user's own recordings, before training begins. A model that gets too few steps is
worse than a smaller one that gets enough, so on a slow machine, or with a short budget, a smaller one is trained; where there
is time for many thousands of steps, a larger one. Smaller sizes are not timed: a step takes about as long as its width times
its batch (on one machine 0.77 and 0.48 of the default's for widths of 192 and 128, where 0.75 and 0.5 are assumed). A choice,
once made, is part of the training: it is stored in the checkpoint and the model, and a resumed training never measures again.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import Trainer
from small_dataset_audio.training.recovery import TrainingSetback
from small_dataset_audio.training.state import new_state

ENOUGH_STEPS: Final = 300
_STEPS_FOR_A_LARGER: Final = 4000
_MEASURED_S: Final = 1.5
_FEWEST_TIMED: Final = 2  # after the first, which also warms up caches and allocators
_MOST_TIMED: Final = 50


@dataclass(frozen=True)
class TrainingSize:
    """Width of the autoencoder, and crops in a batch."""

    width: int = VAEConfig.width
    batch_size: int = TrainingConfig.batch_size

    @property
    def work(self) -> int:
        """What a step takes, in no unit."""
        return self.width * self.batch_size


DEFAULT_SIZE: Final = TrainingSize()
LARGER_SIZE: Final = TrainingSize(width=384)
SMALLER_SIZES: Final = (TrainingSize(width=192), TrainingSize(width=128), TrainingSize(width=128, batch_size=8))


def choose_size(left_s: float, step_time_s: Callable[[TrainingSize], float]) -> TrainingSize:
    """Choose the largest size that gets enough steps in the time that is left.

    Parameters
    ----------
    left_s : float [s]
        Until training has to be over.
    step_time_s : callable
        Times a step of a size [s], such as :func:`time_a_step`. Asked for the default, and for the larger one where that
        comes into question.

    Returns
    -------
    TrainingSize
        The smallest there is where none gets enough steps.
    """
    default_s = step_time_s(DEFAULT_SIZE)
    if left_s >= _STEPS_FOR_A_LARGER * default_s and left_s >= _STEPS_FOR_A_LARGER * step_time_s(LARGER_SIZE):
        return LARGER_SIZE
    if left_s >= ENOUGH_STEPS * default_s:
        return DEFAULT_SIZE
    for size in SMALLER_SIZES[:-1]:
        if left_s >= ENOUGH_STEPS * default_s * size.work / DEFAULT_SIZE.work:
            return size
    return SMALLER_SIZES[-1]


def time_a_step(
    size: TrainingSize,
    clips: Sequence[NDArray[np.float32]],
    spectrogram: AudioSpectrogram,
    device: torch.device,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Train a model of this size for a moment, and throw it away.

    Parameters
    ----------
    size : TrainingSize
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
    spectrogram : AudioSpectrogram
        On `device`.
    device : torch.device
    clock : callable
        Monotonic seconds; a test hands in its own.

    Returns
    -------
    float [s]
        Median over about a second and a half, at least two steps, without the first. Infinite where a step cannot be made:
        a size that finds no memory is none to train.
    """
    with torch.random.fork_rng(devices=[]):
        # Layers are initialised from the global generator; this gives it back as it was.
        torch.manual_seed(0)
        model = ConvVAE(VAEConfig(width=size.width)).to(device)
    config = replace(TrainingConfig(), batch_size=size.batch_size, max_steps=_MOST_TIMED + 1)
    ends_s: list[float] = []
    for progress in Trainer(new_state(model, config), clips, (), spectrogram, config, clock).run():
        if isinstance(progress, TrainingSetback):
            return math.inf
        ends_s.append(progress.elapsed_s)
        if len(ends_s) > _FEWEST_TIMED and ends_s[-1] - ends_s[0] >= _MEASURED_S:
            break
    return statistics.median(after - before for before, after in itertools.pairwise(ends_s))
