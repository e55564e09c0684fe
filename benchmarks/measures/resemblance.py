"""Resemblance: how near each half second of a take comes to the corpus in its log-mel picture, whatever its phase.

Patches of 0.5 s by 128 bands, each floored 60 dB under its own loudest point and taken relative to it, so that a copy at
another gain is a copy. Root-mean-square difference in dB to the nearest patch of the corpus; the median over a take. Two
figures of the corpus itself stand beside it: each file against the *other* files (as far as two recordings of this
material are apart) and against *itself shifted by over 0.5 s* (as alike as one recording is to itself). A take is new
where it lies between the two. Silent patches, 60 dB under their file's peak, are left out on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measures.clips import Clip
from measures.logmel import FRAMES_PER_SECOND, RATE_HZ, mel_amplitude

N_MELS = 128
PATCH_FRAMES = round(0.5 * FRAMES_PER_SECOND)
HOP_FRAMES = PATCH_FRAMES // 2
RANGE_DB = 60.0
_RANGE = 10.0 ** (-RANGE_DB / 20.0)
_CHUNK_PATCHES = 512


@dataclass(frozen=True)
class Resemblance:
    """Distances to the nearest corpus patch [dB].

    Attributes
    ----------
    take_db : tuple of float
        Median over each take.
    own_db : float or None
        Median over the corpus files of each against itself, over 0.5 s away; None where all are too short.
    others_db : float or None
        Median over the corpus files of each against the others; None for a corpus of one.
    """

    take_db: tuple[float, ...]
    own_db: float | None
    others_db: float | None

    @property
    def median_db(self) -> float:
        """Median over the takes."""
        return float(np.median(self.take_db))


@dataclass(frozen=True)
class _Picture:
    """Mel amplitudes of a clip, and the frames at which a sounding patch starts."""

    amplitude: NDArray[np.float32]
    starts: NDArray[np.int64]

    def patches(self, starts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Patches relative to their own peak [shape=(starts, PATCH_FRAMES * N_MELS), -60 to 0 dB]."""
        cut = self.amplitude[starts[:, None] + np.arange(PATCH_FRAMES)].reshape(len(starts), -1)
        relative = cut / cut.max(axis=1, keepdims=True)
        return np.asarray(20.0 * np.log10(np.maximum(relative, _RANGE)), dtype=np.float32)

    def queries(self) -> NDArray[np.int64]:
        """Starts every quarter of a second."""
        return np.asarray(self.starts[self.starts % HOP_FRAMES == 0])


class ResemblanceMeter:
    """A corpus made ready for looking up its nearest patches.

    Parameters
    ----------
    corpus : sequence of Clip
        At least one, none of them silent.
    """

    def __init__(self, corpus: Sequence[Clip]) -> None:
        self._pictures = [_picture(clip) for clip in corpus]
        self.own_db, self.others_db = self._measure_corpus()

    def measure(self, takes: Sequence[Clip]) -> Resemblance:
        """Look up the nearest corpus patch of every patch of every take (at least one take, none silent)."""
        pictures = [_picture(take) for take in takes]
        patches = [picture.patches(picture.queries()) for picture in pictures]
        queries = np.concatenate(patches)
        nearest = np.full(len(queries), np.inf)
        for _, _, distances in self._distances(queries):
            np.minimum(nearest, distances.min(axis=1), out=nearest)
        parts = np.split(nearest, np.cumsum([len(own) for own in patches])[:-1])
        medians = tuple(float(np.median(part)) for part in parts if len(part))
        return Resemblance(take_db=medians, own_db=self.own_db, others_db=self.others_db)

    def _measure_corpus(self) -> tuple[float | None, float | None]:
        """Each file against itself shifted, and against the others: medians over the files."""
        starts = [picture.queries() for picture in self._pictures]
        query_start = np.concatenate(starts)
        query_file = np.repeat(np.arange(len(starts)), [len(own) for own in starts])
        queries = np.concatenate([picture.patches(own) for picture, own in zip(self._pictures, starts, strict=True)])
        own, others = np.full(len(queries), np.inf), np.full(len(queries), np.inf)
        for file, chunk, distances in self._distances(queries):
            same = query_file == file
            others[~same] = np.minimum(others[~same], distances[~same].min(axis=1))
            far = np.abs(query_start[same, None] - chunk) > PATCH_FRAMES
            shifted = np.where(far, distances[same], np.inf).min(axis=1)
            own[same] = np.minimum(own[same], shifted)
        return _median_of_medians(own, query_file), _median_of_medians(others, query_file)

    def _distances(self, queries: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
        """Root-mean-square dB from each query to some patches of one file, file by file in bounded memory."""
        query_energy = np.square(queries).sum(axis=1)[:, None]
        for file, picture in enumerate(self._pictures):
            for first in range(0, len(picture.starts), _CHUNK_PATCHES):
                chunk = picture.starts[first : first + _CHUNK_PATCHES]
                patches = picture.patches(chunk)
                squared = query_energy - 2.0 * queries @ patches.T + np.square(patches).sum(axis=1)
                yield file, chunk, np.sqrt(np.maximum(squared, 0.0) / queries.shape[1])


def _picture(clip: Clip) -> _Picture:
    amplitude = mel_amplitude(clip.at(RATE_HZ), N_MELS)
    amplitude = np.pad(amplitude, ((0, max(PATCH_FRAMES - len(amplitude), 0)), (0, 0)))
    loudest = amplitude.max(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(loudest, PATCH_FRAMES)
    return _Picture(amplitude, np.flatnonzero(windows.max(axis=1) > loudest.max() * _RANGE))


def _median_of_medians(distances: NDArray[np.float64], files: NDArray[np.int64]) -> float | None:
    """Median over the files of each file's median; files without any neighbour at all are left out."""
    reached = np.isfinite(distances)
    medians = [np.median(distances[reached & (files == file)]) for file in np.unique(files[reached])]
    return float(np.median(medians)) if medians else None
