"""Where a sound comes back to itself: the place at which one stretch can best go on as another.

Two things are asked of a place. The two sides must sound alike, from some time before it to some time after it: the difference
of their band levels in dB. And they must lie in phase where one is faded into the other: their correlation there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_N_FFT: Final = 2048
_HOP: Final = 256
_AROUND_HOPS: Final = 12  # 64 ms to either side of a place
_FLOOR_DB: Final = -70.0  # under the loudest band: what is quieter is silence
_PHASE_DB: Final = 6.0  # what two sides that do not correlate are thought to be apart, beside their levels
_BAND_EDGES: Final = np.unique(np.round(np.geomspace(2, _N_FFT // 2, 40)).astype(np.int64))
_TINY: Final = 1e-12


def best_return(heads: NDArray[np.float32], tails: NDArray[np.float32], overlap: int) -> int:
    """Find the sample from which on `tails` can best be faded into `heads`.

    Parameters
    ----------
    heads, tails : ndarray [shape=(channels, samples), float32, 48 kHz]
        Two stretches, sample beside sample.
    overlap : int [at most `samples`]
        Length of the fade.

    Returns
    -------
    int [0 to samples - overlap]
    """
    places = heads.shape[1] - overlap + 1
    if places <= 1 or overlap == 0:
        return 0
    levels = _levels_db(heads), _levels_db(tails)
    loudest = max(float(side.max()) for side in levels)
    head_db, tail_db = (np.maximum(side - loudest, _FLOOR_DB) for side in levels)
    apart_db = np.sqrt(((head_db - tail_db) ** 2).mean(axis=(0, 2)))
    around = np.ones(2 * _AROUND_HOPS + 1)
    smooth = np.convolve(apart_db, around, mode="same") / np.convolve(np.ones_like(apart_db), around, mode="same")
    # Of a fade that begins at a place, the middle is what counts.
    middles = (np.arange(places) + overlap / 2) / _HOP
    unlike_db = np.interp(middles, np.arange(len(smooth)), smooth)
    return int((unlike_db + _PHASE_DB * (1.0 - _correlation(heads, tails, overlap))).argmin())


def _levels_db(channels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Band levels around every hop [shape=(channels, hops, bands)]."""
    padded = np.pad(channels, ((0, 0), (_N_FFT // 2, _N_FFT // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT, axis=1)[:, ::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_N_FFT).astype(np.float32), axis=2)) ** 2
    bands = np.add.reduceat(power, _BAND_EDGES[:-1], axis=2) / np.diff(_BAND_EDGES)
    levels: NDArray[np.float64] = 10.0 * np.log10(bands + _TINY)
    return levels


def _correlation(heads: NDArray[np.float32], tails: NDArray[np.float32], overlap: int) -> NDArray[np.float64]:
    """Correlation of the two sides over `overlap` samples from each place on [shape=(places,), 0 to 1]."""
    first, second = heads.astype(np.float64), tails.astype(np.float64)

    def over(products: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.concatenate([[0.0], np.cumsum(products.sum(axis=0))])
        moving: NDArray[np.float64] = sums[overlap:] - sums[: len(sums) - overlap]
        return moving

    power = np.sqrt(np.maximum(over(first**2) * over(second**2), 0.0))
    # Of silence nothing is out of phase.
    likeness = np.where(power > _TINY, over(first * second) / np.maximum(power, _TINY), 1.0)
    return np.asarray(np.clip(likeness, 0.0, 1.0), dtype=np.float64)
