"""Kernel audio distance: how far the made blocks lie from the reference's, as two clouds of embeddings.

Unbiased squared maximum mean discrepancy with a Gaussian kernel ``exp(-|x - y|^2 / (2 bandwidth^2))``, bandwidth the
median distance between the reference's own blocks, times 1000 (Chung et al., "KAD: no more FAD!", 2025, arXiv
2502.15602; Gretton et al., "A kernel two-sample test", JMLR 2012, eq. 3). Lower is closer. About 0 cannot be told from
the reference, and as the estimator is unbiased it falls below 0 about half of the time then. A set against *itself* is
always a little below 0: the cross term holds the pairs of each block with itself, and the two other terms do not.
"""

from __future__ import annotations

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
