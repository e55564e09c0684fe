"""Density and coverage: whether what is made lies where the corpus is, and whether it reaches all of it.

Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020. Around every corpus block lies a
ball that just reaches its k-th nearest corpus block (itself not counted). *Density*: how many balls a made block lies in,
over k: 1 is as dense as the corpus, more is crowding where the corpus is dense. *Coverage*: the share of balls that hold
a made block: 1 is all of the corpus.

The boundary belongs to the ball: a corpus with equal blocks (silence) has balls of radius 0, which an equal block reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

NEAREST = 5


@dataclass(frozen=True)
class DensityCoverage:
    """Density (0 up, 1 is the corpus's own) and coverage (0 to 1)."""

    density: float
    coverage: float


def density_coverage(
    reference: NDArray[np.float64], made: NDArray[np.float64], nearest: int = NEAREST
) -> DensityCoverage:
    """Measure how `made` lies among `reference`.

    Parameters
    ----------
    reference, made : ndarray [shape=(blocks, dimensions)]
    nearest : int
        k, the neighbours that a ball reaches.

    Raises
    ------
    ValueError
        Not more than `nearest` reference blocks, or none made.
    """
    if len(reference) <= nearest or len(made) == 0:
        raise ValueError(
            f"{len(reference)} reference and {len(made)} made blocks; over {nearest} and at least 1 are needed"
        )
    radii = _radii(reference, nearest)
    inside = cdist(reference, made) <= radii[:, None]
    return DensityCoverage(
        density=float(inside.sum(axis=0).mean() / nearest), coverage=float(inside.any(axis=1).mean())
    )


def _radii(reference: NDArray[np.float64], nearest: int) -> NDArray[np.float64]:
    """Distance of each block to its k-th nearest other block."""
    distances = cdist(reference, reference)
    np.fill_diagonal(distances, np.inf)
    return np.partition(distances, nearest - 1, axis=1)[:, nearest - 1]
