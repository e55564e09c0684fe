"""A recording in a few points: the centres of its moments in latent space.

K-means (S. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 1982), begun with points
that lie apart (D. Arthur and S. Vassilvitskii, "k-means++", SODA 2007).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.nearness import squared_distances

_ROUNDS: Final = 32

_Array = NDArray[np.float64]


def centroids_of(latents: NDArray[np.floating], most: int, generator: np.random.Generator) -> tuple[_Array, _Array]:
    """Find the centres of points.

    Parameters
    ----------
    latents : ndarray [shape=(points, latent_dim)]
        One or more.
    most : int [1 or more]
        Centres at most; fewer where there are fewer distinct points.
    generator : numpy.random.Generator

    Returns
    -------
    centres : ndarray [shape=(centres, latent_dim)]
        That of most points first.
    shares : ndarray [shape=(centres,)]
        Of the points, that belong to each.
    """
    points = np.asarray(latents, dtype=np.float64)
    centres = _far_apart(points, most, generator)
    for _ in range(_ROUNDS):
        nearest = squared_distances(points, centres).argmin(axis=1)
        members = np.bincount(nearest, minlength=len(centres))
        sums = np.stack([np.bincount(nearest, column, len(centres)) for column in points.T], axis=1)
        moved = np.where(members[:, None] > 0, sums / np.maximum(members, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    members = np.bincount(squared_distances(points, centres).argmin(axis=1), minlength=len(centres))
    order = np.argsort(-members, kind="stable")
    kept = order[members[order] > 0]
    return centres[kept], members[kept] / len(points)


def _far_apart(points: _Array, most: int, generator: np.random.Generator) -> _Array:
    """Begin with points that are drawn by their squared distance to those drawn before."""
    chosen = [points[generator.integers(len(points))]]
    away = np.square(points - chosen[0]).sum(axis=1)
    while len(chosen) < most and away.max() > 0.0:
        chosen.append(points[generator.choice(len(points), p=away / away.sum())])
        away = np.minimum(away, np.square(points - chosen[-1]).sum(axis=1))
    return np.stack(chosen)
