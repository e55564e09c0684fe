"""Corpora of steps whose figures are known: no audio, no model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from small_dataset_audio.controls.moments import COLUMNS
from small_dataset_audio.models.config import DensityConfig
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.latent_paths import fit_density

STEP_SAMPLES = 2048
LENGTH = 60


def corpus_of(
    brightness: Sequence[float], *, onsets_every: int = 20, noise: float = 0.0, seed: int = 0
) -> tuple[LatentDensity, np.ndarray]:
    """Recordings of 60 steps: each as bright as given, with an onset every so many steps.

    Of the other figures warmth, noisiness and pitch are drawn anew for every recording; what is left is the same in all.
    """
    generator = np.random.default_rng(seed)
    density = fit_density(
        [generator.standard_normal((LENGTH, 3)).cumsum(axis=0).astype(np.float32) for _ in brightness],
        DensityConfig(lead_steps=2, tail_steps=1),
    )
    sums = np.zeros((LENGTH * len(brightness), len(COLUMNS)), dtype=np.float32)
    for number, bright in enumerate(brightness):
        here = slice(number * LENGTH + 2, (number + 1) * LENGTH - 1)
        rows = sums[here]
        rows[:, COLUMNS.index("frames")] = 2.0
        rows[:, COLUMNS.index("brightness")] = 2.0 * (bright + noise * generator.standard_normal(len(rows)))
        for name in ("warmth", "noisiness", "pitch"):
            rows[:, COLUMNS.index(name)] = 2.0 * generator.standard_normal()
        rows[::onsets_every, COLUMNS.index("onsets")] = 1.0
        rows[::onsets_every, COLUMNS.index("attack")] = 3.0
        rows[:, COLUMNS.index("power")] = 0.01
    sums[:, COLUMNS.index("steps")] = 1.0
    return density, sums
