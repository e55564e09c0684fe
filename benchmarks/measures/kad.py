"""Kernel audio distance: how far the made blocks lie from the reference's, as two clouds of embeddings.

Unbiased squared maximum mean discrepancy with a Gaussian kernel ``exp(-|x - y|^2 / (2 bandwidth^2))``, bandwidth the
median distance between the reference's own blocks, times 1000 (Chung et al., "KAD: no more FAD!", 2025, arXiv
2502.15602; Gretton et al., "A kernel two-sample test", JMLR 2012, eq. 3). Lower is closer. About 0 cannot be told from
the reference, and as the estimator is unbiased it falls below 0 about half of the time then. A set against *itself* is
always a little below 0: the cross term holds the pairs of each block with itself, and the two other terms do not.

A figure from a dozen takes has noise, which its *standard error* tells: the jackknife over takes (Efron and Stein, "The
jackknife estimate of variance", Annals of Statistics 1981), which leaves out one take at a time. Whole takes and not blocks,
because blocks of one take are alike; and not the bootstrap, because a take drawn twice has blocks at no distance from
each other, which the estimator would count as closeness. It is the spread over seeds of one model; another training adds its
own, which no set of takes can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

SCALE = 1000.0


def kad(reference: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """Kernel audio distance of `made` to `reference`.

    Parameters
    ----------
    reference, made : ndarray [shape=(blocks, dimensions)]
        Embeddings; at least two blocks each.

    Returns
    -------
    float
        Lower is closer; about 0 is indistinguishable; a few hundred is another sound.

    Raises
    ------
    ValueError
        Under two blocks, or all of the reference's blocks alike.
    """
    return SCALE * unbiased_mmd2(reference, made, median_bandwidth(reference))


def kad_standard_error(reference: NDArray[np.float64], takes: Sequence[NDArray[np.float64]]) -> float | None:
    """Standard error of the kernel audio distance over the choice of takes.

    Parameters
    ----------
    reference : ndarray [shape=(blocks, dimensions)]
    takes : sequence of ndarray [shape=(blocks, dimensions)]
        The blocks of each take.

    Returns
    -------
    float or None
        None for a single take, or where leaving one out leaves under two blocks.
    """
    owner = np.repeat(np.arange(len(takes)), [len(take) for take in takes])
    if len(takes) < 2 or len(owner) - max(len(take) for take in takes) < 2:
        return None
    made = np.concatenate(takes)
    gamma = 1.0 / (2.0 * median_bandwidth(reference) ** 2)
    within = np.exp(-gamma * cdist(made, made, "sqeuclidean"))
    between = np.exp(-gamma * cdist(made, reference, "sqeuclidean")).mean(axis=1)
    values = []
    for left_out in range(len(takes)):
        kept = owner != left_out
        count = int(kept.sum())
        pairs = (within[np.ix_(kept, kept)].sum() - count) / (count * (count - 1))  # each block is at 1 from itself
        values.append(SCALE * (pairs - 2.0 * between[kept].mean()))  # the reference's own term never changes
    return float(np.sqrt((len(values) - 1) * np.var(values)))


def median_bandwidth(reference: NDArray[np.float64]) -> float:
    """Median distance between different blocks of the reference."""
    _check_count(reference, "reference")
    bandwidth = float(np.median(pdist(reference)))
    if bandwidth == 0.0:
        raise ValueError("the reference's blocks are all alike, so they have no spread to measure by; add recordings")
    return bandwidth


def unbiased_mmd2(x: NDArray[np.float64], y: NDArray[np.float64], bandwidth: float) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of two samples."""
    _check_count(x, "x")
    _check_count(y, "y")
    gamma = 1.0 / (2.0 * bandwidth**2)
    # pdist gives each pair of different points once, which is the mean over i != j.
    within_x = np.exp(-gamma * pdist(x, "sqeuclidean")).mean()
    within_y = np.exp(-gamma * pdist(y, "sqeuclidean")).mean()
    between = np.exp(-gamma * cdist(x, y, "sqeuclidean")).mean()
    return float(within_x + within_y - 2.0 * between)


def _check_count(blocks: NDArray[np.float64], name: str) -> None:
    if len(blocks) < 2:
        raise ValueError(f"{name} has {len(blocks)} blocks; at least 2 are needed, so measure longer audio")
