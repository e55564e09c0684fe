"""A coarse index of the corpus's half seconds, for where a window of a take could come from.

A copy has its energy in the same cells of time and frequency. Each half second of the corpus, every 16 ms, becomes a short
vector: amplitudes of a spectrogram with fine bins in the bass (partials of a drone) and wide bands above, pooled over
eighths of the window (strokes and decays), scaled to unit length (gain does not matter), seen from the corpus's mean along
its principal axes (what all of the corpus shares tells no places apart). A window is compared with all of them by one matrix
product; the best places are then checked sample by sample (:mod:`.copying`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.evaluation.row import RATE_HZ, WINDOW, CorpusRow

CELL: Final = 1024
"""Samples of the row that one candidate stands for."""

_HOP: Final = 256
_N_FFT: Final = 1024
_LOWEST_BIN: Final = 6
_FINE_BINS: Final = 20
_WIDE_BANDS: Final = 12
_TIME_CELLS: Final = 8
_AXES: Final = 48
_MAX_FITTED: Final = 8192
_FRAMES_AT_ONCE: Final = 8192
_WINDOWS_AT_ONCE: Final = 16

_Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class StretchIndex:
    """Vectors of the corpus's half seconds.

    Parameters
    ----------
    vectors : ndarray [shape=(stretches, axes), float32, unit length]
    cells : ndarray [shape=(stretches,), int64, increasing]
        Which stretch of `CELL` samples of the row each begins in.
    mean, axes : ndarray [shape=(features,), (features, axes), float32]
        From features to vectors.
    """

    vectors: _Vectors = field(repr=False)
    cells: NDArray[np.int64] = field(repr=False)
    mean: _Vectors = field(repr=False)
    axes: _Vectors = field(repr=False)

    def find(self, windows: _Vectors, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the cells that each window most probably begins in.

        Parameters
        ----------
        windows : ndarray [shape=(windows, WINDOW), float32]
        count : int
            Cells for each window, at most.

        Returns
        -------
        owners : ndarray [shape=(candidates,), int64]
            Which window each candidate is for.
        places : ndarray [shape=(candidates,), int64]
            Where its cell begins in the row.
        """
        padded = np.pad(windows, ((0, 0), (_N_FFT // 2, _N_FFT // 2)))
        cut = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT, axis=1)[:, ::_HOP]
        frames = np.stack([_bands(window) for window in cut])
        wanted = _project(np.stack([_patches(each)[0] for each in frames]), self.mean, self.axes)
        firsts = np.flatnonzero(np.diff(self.cells, prepend=-1))
        count = min(count, len(firsts))
        owners, places = [], []
        for first in range(0, len(wanted), _WINDOWS_AT_ONCE):
            likeness = wanted[first : first + _WINDOWS_AT_ONCE] @ self.vectors.T
            best = np.maximum.reduceat(likeness, firsts, axis=1)
            chosen = np.argpartition(-best, count - 1, axis=1)[:, :count]
            owners.append(np.repeat(np.arange(first, first + len(best)), count))
            places.append(self.cells[firsts[chosen]].ravel() * CELL)
        return np.concatenate(owners), np.concatenate(places)


def build_index(row: CorpusRow, generator: np.random.Generator) -> StretchIndex:
    """Index every place of a row.

    Parameters
    ----------
    row : CorpusRow
    generator : numpy.random.Generator
        Chooses the stretches that the axes are fitted on, where they are many.
    """
    bands = np.concatenate(list(_row_bands(row.samples)))
    # A cell is worth a look where any place in it is one, be it between two frames.
    near_a_place = np.logical_or.reduceat(row.is_place, np.arange(0, len(row.is_place), _HOP))
    stretches = np.flatnonzero(near_a_place)
    stretches = stretches[stretches <= len(bands) - _num_frames()]
    sample = stretches
    if len(stretches) > _MAX_FITTED:
        sample = np.sort(generator.choice(stretches, _MAX_FITTED, replace=False))
    features = _patches(bands, sample)
    mean = features.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(features, rowvar=False, dtype=np.float64))
    axes = np.ascontiguousarray(axes[:, ::-1][:, :_AXES], dtype=np.float32)
    parts = np.array_split(stretches, -(-len(stretches) // _FRAMES_AT_ONCE))
    vectors = np.concatenate([_project(_patches(bands, part), mean, axes) for part in parts])
    return StretchIndex(vectors, stretches * _HOP // CELL, mean, axes)


def _row_bands(samples: _Vectors) -> Iterator[_Vectors]:
    padded = np.pad(samples, (_N_FFT // 2, _N_FFT // 2))
    cut = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP]
    for first in range(0, len(cut), _FRAMES_AT_ONCE):
        yield _bands(cut[first : first + _FRAMES_AT_ONCE])


def _bands(cut: _Vectors) -> _Vectors:
    """Amplitudes of fine bins and wide bands [shape=(frames, bands)]."""
    amplitude = np.abs(scipy.fft.rfft(cut * _taper(), axis=1))
    fine = amplitude[:, _LOWEST_BIN : _LOWEST_BIN + _FINE_BINS]
    edges = _wide_edges()
    power = np.square(amplitude[:, : edges[-1]])
    wide = np.sqrt(np.add.reduceat(power, edges[:-1], axis=1))
    return np.concatenate([fine, wide], axis=1).astype(np.float32)


def _patches(bands: _Vectors, starts: NDArray[np.int64] | None = None) -> _Vectors:
    """Unit vectors of half seconds from the frames on [shape=(starts, features)]."""
    starts = np.zeros(1, np.int64) if starts is None else starts
    size = _num_frames() // _TIME_CELLS
    total = np.zeros((len(starts), _TIME_CELLS, bands.shape[1]), np.float32)
    for cell in range(_TIME_CELLS):
        for step in range(size):
            total[:, cell] += bands[starts + cell * size + step]
    flat = total.reshape(len(starts), -1)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


def _project(features: _Vectors, mean: _Vectors, axes: _Vectors) -> _Vectors:
    seen = (features - mean) @ axes
    norms = np.linalg.norm(seen, axis=1, keepdims=True)
    return np.asarray(seen / np.maximum(norms, 1e-12), dtype=np.float32)


def _num_frames() -> int:
    return WINDOW // _HOP + 1


@cache
def _taper() -> _Vectors:
    return np.hanning(_N_FFT).astype(np.float32)


@cache
def _wide_edges() -> NDArray[np.int64]:
    first = _LOWEST_BIN + _FINE_BINS
    last = 8000 * _N_FFT // RATE_HZ
    return np.unique(np.round(np.geomspace(first, last, _WIDE_BANDS + 1)).astype(np.int64))
