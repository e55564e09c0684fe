"""Loudness and silence: whether a set is as loud, as quiet and as silent as its corpus, for as much of its time.

Level is the root mean square of 50 ms every 25 ms, in dB relative to the clip's own loudest 50 ms: normalising a clip
changes nothing. The corpus is heard as :mod:`measures.programme` plays it. Levels under -60 dB count as -60 dB, which is
*silence*; its share of the time is given by itself, since silence is learnt like any sound. The distance of two sets is
Wasserstein's (earth mover's), the mean change in level that turns one distribution into the other, in dB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from measures.clips import Clip
from measures.logmel import RATE_HZ

WINDOW_S = 0.05
SILENCE_DB = -60.0

_WINDOW = round(WINDOW_S * RATE_HZ)
_HOP = _WINDOW // 2


def loudness_distance_db(corpus: NDArray[np.float64], takes: NDArray[np.float64]) -> float:
    """Wasserstein distance of two sets of levels taken by :func:`levels_db` [dB]."""
    return float(wasserstein_distance(corpus, takes))


def silent_share(levels: NDArray[np.float64]) -> float:
    """Share of the time at the floor [0 to 1]."""
    return float((levels <= SILENCE_DB).mean())


def levels_db(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Levels of all windows of all clips (at least one clip, none silent) [-60 to 0 dB]."""
    return np.concatenate([_levels_db(clip) for clip in clips])


def _levels_db(clip: Clip) -> NDArray[np.float64]:
    samples = clip.at(RATE_HZ)
    samples = np.pad(samples, (0, max(_WINDOW - len(samples), 0)))
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    energy = np.concatenate([[0.0], energy])
    starts = np.arange(0, len(samples) - _WINDOW + 1, _HOP)
    power = (energy[starts + _WINDOW] - energy[starts]) / _WINDOW
    power = np.maximum(power / power.max(), 10.0 ** (SILENCE_DB / 10.0))
    return np.asarray(10.0 * np.log10(power))
