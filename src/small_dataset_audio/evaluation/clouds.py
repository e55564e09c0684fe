"""Two clouds of points: how far apart, how much of one lies in the other.

With a Gaussian kernel every set of points is one mean in a large space (A. Gretton et al., "A kernel two-sample test", JMLR
2012), and sets are compared by the distance of their means:

- :func:`squared_distance`: the unbiased squared distance (MMD). It asks for the same proportions of everything.
- :func:`distance_to_nearest_mixture`: the distance to the nearest *mixture* of the reference's points, weights being free
  (kernel mean matching: J. Huang et al., "Correcting sample selection bias by unlabeled data", NIPS 2006). Ten seconds that
  stay in one recording are no farther from the corpus than ten that wander through all.

Density and coverage are those of M. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

NEAREST: Final = 5
"""k of density and coverage."""

_MIXTURE_STEPS: Final = 100
_MIXTURE_RATE: Final = 4.0
_MIXTURE_POINTS: Final = 512

_Points = NDArray[np.float64]


def median_distance(points: _Points) -> float:
    """Median distance between different points; 1 where all are alike (or there is one), so that it can be divided by."""
    return float(np.median(pdist(points)) if len(points) > 1 else 0.0) or 1.0


def gaussian_kernel(x: _Points, y: _Points, bandwidth: float) -> _Points:
    """``exp(-|x - y|^2 / (2 bandwidth^2))`` of each pair [shape=(len(x), len(y))]."""
    return np.asarray(np.exp(cdist(x, y, "sqeuclidean") / (-2.0 * bandwidth**2)))


def squared_distance(x: _Points, y: _Points, bandwidth: float) -> float | None:
    """Unbiased squared distance of the two sets' means; None where a set has fewer than two points."""
    if min(len(x), len(y)) < 2:
        return None
    within = sum(np.exp(pdist(z, "sqeuclidean") / (-2.0 * bandwidth**2)).mean() for z in (x, y))
    return float(within - 2.0 * gaussian_kernel(x, y, bandwidth).mean())


def distance_to_nearest_mixture(within: _Points, between: _Points, made: _Points) -> float:
    """Distance of a set's mean to the nearest mixture of the reference's points.

    Parameters
    ----------
    within : ndarray [shape=(reference, reference)]
        Kernel of the reference with itself.
    between : ndarray [shape=(reference, made)]
        Kernel of the reference with the set.
    made : ndarray [shape=(made, made)]
        Kernel of the set with itself.

    Returns
    -------
    float [0 to sqrt(2)]
    """
    nearness = between.mean(axis=1)
    if len(nearness) > _MIXTURE_POINTS:  # points far from all that was made have no share in the nearest mixture
        chosen = np.argpartition(-nearness, _MIXTURE_POINTS)[:_MIXTURE_POINTS]
        within, nearness = within[np.ix_(chosen, chosen)], nearness[chosen]
    # Exponentiated gradient: weights stay positive and sum to 1 (J. Kivinen and M. Warmuth, Information and Computation 1997).
    weights = np.full(len(nearness), 1.0 / len(nearness))
    for _ in range(_MIXTURE_STEPS):
        slope = within @ weights - nearness
        weights *= np.exp(-_MIXTURE_RATE * (slope - slope.min()))
        weights /= weights.sum()
    squared = weights @ within @ weights - 2.0 * weights @ nearness + made.mean()
    return float(np.sqrt(max(squared, 0.0)))


def density_coverage(reference: _Points, made: _Points, nearest: int = NEAREST) -> tuple[float, float] | None:
    """Whether what is made lies where the reference is, and reaches all of it.

    Parameters
    ----------
    reference, made : ndarray [shape=(points, dimensions)]
    nearest : int
        Around each reference point lies a ball that just reaches its so-many-th nearest other.

    Returns
    -------
    density, coverage : float
        How many balls a made point lies in, over `nearest` (1 is as dense as the reference); share of balls (0 to 1) that
        hold a made point. None where the reference has no more than `nearest` points, or nothing was made.
    """
    if len(reference) <= nearest or len(made) == 0:
        return None
    distances = cdist(reference, reference)
    np.fill_diagonal(distances, np.inf)
    radii = np.partition(distances, nearest - 1, axis=1)[:, nearest - 1]
    inside = cdist(reference, made) <= radii[:, None]
    return float(inside.sum(axis=0).mean() / nearest), float(inside.any(axis=1).mean())
