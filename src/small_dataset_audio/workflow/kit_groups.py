"""Which sounds of a kit share a key: those that are alike take turns on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.workflow.hit_search import SAME_DB, FoundHit, apart_db, most_different

GROUP_DB: Final = 7.0
"""Bands of two sounds that take turns are no further apart, in the mean."""


def group_hits(pool: Sequence[FoundHit], count: int, round_robins: int) -> list[list[FoundHit]]:
    """Choose so many sounds and put those that are alike together.

    The most different sounds of the pool get a key each, so few of them that the sounds which resemble one of them, up to
    `round_robins` on each key, make up the number; where few are alike, there are more keys with fewer turns.

    Parameters
    ----------
    pool : sequence of FoundHit
    count : int [1 or more]
        Sounds in all; fewer come where the pool has no more that differ.
    round_robins : int [1 or more]
        At most, on each key.

    Returns
    -------
    list of list of FoundHit
        From dark to bright by the first of each key, which is the one that the others resemble.
    """
    centres = most_different(pool, count)
    groups: list[list[FoundHit]] = []
    for num_keys in range(min(-(-count // round_robins), len(centres)), len(centres) + 1):
        groups = _around(centres[:num_keys], pool, round_robins)
        if sum(map(len, groups)) >= count:
            break
    spare = sum(map(len, groups)) - count
    for group in reversed(groups):
        while spare > 0 and len(group) > 1:
            group.pop()
            spare -= 1
    return sorted(groups, key=lambda group: _brightness(group[0]))


def _around(centres: Sequence[FoundHit], pool: Sequence[FoundHit], most: int) -> list[list[FoundHit]]:
    """Each centre with the sounds nearest to it that are not one of its group again."""
    features = np.stack([hit.features for hit in centres])
    groups = [[centre] for centre in centres]
    near: list[tuple[float, int, FoundHit]] = []
    for hit in pool:
        distances = apart_db(features, hit.features)
        nearest = int(distances.argmin())
        if SAME_DB <= distances[nearest] <= GROUP_DB:
            near.append((float(distances[nearest]), nearest, hit))
    for _, nearest, hit in sorted(near, key=lambda entry: entry[0]):
        group = groups[nearest]
        if len(group) < most and all(apart_db(hit.features, other.features) >= SAME_DB for other in group):
            group.append(hit)
    return groups


def _brightness(hit: FoundHit) -> float:
    """Mean band of the first moments, weighted by amplitude."""
    levels: NDArray[np.float64] = 10.0 ** (hit.features.astype(np.float64) / 20.0)
    bands = np.arange(len(levels)) % hit.num_bands
    return float((levels * bands).sum() / levels.sum())
