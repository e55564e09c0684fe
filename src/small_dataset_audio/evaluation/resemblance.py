"""Resemblance: how near each half second comes to the corpus in its spectrogram, whatever its phase.

Patches of 0.5 s by 40 mel bands, each floored 60 dB under its own loudest point and taken relative to it, so that a copy at
another gain is a copy. Root-mean-square difference in dB to the nearest patch of the corpus; the median over a sound. A take
is new where it lies between two figures of the corpus itself: each recording against itself over half a second away, and
against the other recordings. Silent patches are left out.

Nearest patches are looked up by a coarse picture of each (20 bands by 8 times), and only the most alike
are compared in full. So a figure may lie a little over the true one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.evaluation.frames import FRAMES_PER_SECOND, Frames

PATCH_FRAMES: Final = round(0.5 * FRAMES_PER_SECOND)
HOP_FRAMES: Final = PATCH_FRAMES // 2
RANGE_DB: Final = 60.0

_STEP: Final = 2
"""The corpus is looked up every so many frames."""
_TIMES: Final = 8
_COARSE_BANDS: Final = 20
_COMPARED: Final = 32
_QUERIES_OF_CORPUS: Final = 200
_QUERIES_AT_ONCE: Final = 64
_PICTURES_AT_ONCE: Final = 4096

_Array = NDArray[np.float32]
_Allowed = Callable[[slice], NDArray[np.bool_]]
"""Of some of the patches looked up, which of the corpus's may be found."""


class ResemblanceMeter:
    """A corpus made ready for looking up its nearest patches.

    Parameters
    ----------
    sounds : sequence of Frames
        The recordings; at least one.
    generator : numpy.random.Generator
        Chooses the patches of a long corpus that it is compared with itself by.

    Attributes
    ----------
    own_db : float or None
        Of the corpus's recordings, each against itself over half a second away; None where all are too short.
    others_db : float or None
        Each against the others; None for a corpus of one.
    """

    def __init__(self, sounds: Sequence[Frames], generator: np.random.Generator) -> None:
        padded = [_padded(sound.bands_db) for sound in sounds]
        self._bands_db = np.concatenate(padded)
        begins = np.cumsum([0, *(len(each) for each in padded)])
        starts = [begin + _sounding(each)[::_STEP] for begin, each in zip(begins, padded, strict=False)]
        self._starts = np.concatenate(starts)
        self._file = np.repeat(np.arange(len(starts)), [len(own) for own in starts])
        self._coarse = _coarse(self._bands_db, self._starts)
        self._squares = np.square(self._coarse).sum(axis=1)
        self.own_db, self.others_db = self._measure_corpus(generator)

    def median_db(self, sound: Frames) -> float | None:
        """Median distance of a sound's patches to their nearest in the corpus [dB]; None for silence."""
        bands_db = _padded(sound.bands_db)
        starts = _sounding(bands_db)
        starts = starts[starts % HOP_FRAMES == 0]
        if len(starts) == 0 or len(self._starts) == 0:
            return None
        nearest = self._nearest(bands_db, starts, None)
        return float(np.median(nearest))

    def _measure_corpus(self, generator: np.random.Generator) -> tuple[float | None, float | None]:
        if len(self._starts) == 0:
            return None, None
        every = max(HOP_FRAMES // _STEP, len(self._starts) // _QUERIES_OF_CORPUS)
        queries = np.arange(int(generator.integers(every)) % len(self._starts), len(self._starts), every)
        starts = self._starts[queries]

        def is_own(part: slice) -> NDArray[np.bool_]:
            return np.asarray(self._file[queries[part], None] == self._file)

        def is_own_and_far(part: slice) -> NDArray[np.bool_]:
            is_far = np.abs(starts[part, None] - self._starts) > PATCH_FRAMES
            return np.asarray(is_own(part) & is_far)

        own = self._nearest(self._bands_db, starts, is_own_and_far)
        others = self._nearest(self._bands_db, starts, lambda part: ~is_own(part))
        return _median_of_medians(own, self._file[queries]), _median_of_medians(others, self._file[queries])

    def _nearest(self, bands_db: _Array, starts: NDArray[np.int64], allowed: _Allowed | None) -> _Array:
        """Distance [dB] of each patch to its nearest allowed one in the corpus; infinite where none is allowed."""
        coarse = _coarse(bands_db, starts)
        patches = _patches(bands_db, starts)
        nearest = np.full(len(starts), np.inf, np.float32)
        count = min(_COMPARED, len(self._starts))
        for first in range(0, len(starts), _QUERIES_AT_ONCE):
            part = slice(first, first + _QUERIES_AT_ONCE)
            distances = self._squares - 2.0 * coarse[part] @ self._coarse.T
            if allowed is not None:
                distances[~allowed(part)] = np.inf
            chosen = np.argpartition(distances, count - 1, axis=1)[:, :count]
            found = _patches(self._bands_db, self._starts[chosen.ravel()]).reshape(*chosen.shape, -1)
            exact = np.sqrt(np.square(found - patches[part, None]).mean(axis=2))
            exact[np.isinf(np.take_along_axis(distances, chosen, axis=1))] = np.inf
            nearest[part] = exact.min(axis=1)
        return nearest


def _padded(bands_db: _Array) -> _Array:
    lacking = max(PATCH_FRAMES - len(bands_db), 0)
    return np.pad(bands_db, ((0, lacking), (0, 0)), constant_values=bands_db.min())


def _sounding(bands_db: _Array) -> NDArray[np.int64]:
    """Starts of the patches that reach to within 60 dB of the loudest point."""
    loudest = bands_db.max(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(loudest, PATCH_FRAMES)
    return np.flatnonzero(windows.max(axis=1) > loudest.max() - RANGE_DB)


def _patches(bands_db: _Array, starts: NDArray[np.int64]) -> _Array:
    """Patches relative to their own peak [shape=(starts, PATCH_FRAMES * N_BANDS), -60 to 0 dB]."""
    cut = bands_db[starts[:, None] + np.arange(PATCH_FRAMES)].reshape(len(starts), -1)
    return np.asarray(np.maximum(cut - cut.max(axis=1, keepdims=True), -RANGE_DB), dtype=np.float32)


def _coarse(bands_db: _Array, starts: NDArray[np.int64]) -> _Array:
    """Small pictures of the patches, floored and taken relative to their peak as patches are [shape=(starts, 160)]."""
    pooled = bands_db.reshape(len(bands_db), _COARSE_BANDS, -1).mean(axis=2)
    width = PATCH_FRAMES // _TIMES
    total = np.cumsum(np.pad(pooled, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    peaks = np.lib.stride_tricks.sliding_window_view(bands_db.max(axis=1), PATCH_FRAMES)
    pictures = np.empty((len(starts), _TIMES * _COARSE_BANDS), np.float32)
    for first in range(0, len(starts), _PICTURES_AT_ONCE):
        part = slice(first, first + _PICTURES_AT_ONCE)
        begins = starts[part, None] + width * np.arange(_TIMES)
        means = ((total[begins + width] - total[begins]) / width).reshape(len(begins), -1)
        pictures[part] = np.maximum(means - peaks[starts[part]].max(axis=1)[:, None], -RANGE_DB)
    return pictures


def _median_of_medians(distances: _Array, files: NDArray[np.int64]) -> float | None:
    """Median over the recordings of each one's median; those without any neighbour are left out."""
    reached = np.isfinite(distances)
    medians = [np.median(distances[reached & (files == file)]) for file in np.unique(files[reached])]
    return float(np.median(medians)) if medians else None
