"""Copying: which half seconds of a take are in the corpus word for word, and where.

A take is cut into windows of 0.5 s every 0.25 s; silent ones are left out. A window is *copied* where its normalised
cross-correlation with a stretch of the corpus is over 0.90 in either polarity, to the fraction of a sample: then at least
81 % of its energy is a scaled version of that stretch. At another speed, reversed or filtered, nothing is a copy; gain and
polarity do not matter; below 100 Hz and above 8 kHz is not looked at.

Comparing with *every* place of the corpus takes half a second for a minute of it. So a coarse index
(:mod:`.stretch_index`) names a few cells of 64 ms for each window, only these are correlated, and what continues the match of
the window before or after is tried as well: copies go on. The benchmark compares with every place, and the tests hold this
search to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.evaluation.row import (
    RATE_HZ,
    REACH,
    WINDOW,
    WINDOW_HOP,
    CorpusRow,
    lay_in_a_row,
    sounding_windows,
)
from small_dataset_audio.evaluation.stretch_index import CELL, StretchIndex, build_index

THRESHOLD: Final = 0.90

_CANDIDATES: Final = 12
_CONTINUED: Final = 128
"""A continuation is looked for so many samples around its place."""
_FINENESS: Final = 8
"""Steps per sample in which the largest correlation is looked for."""
_BATCH: Final = 128
_SILENCE_POWER: Final = 1e-20


@dataclass(frozen=True)
class Match:
    """A stretch of a take, and the stretch of the corpus that it is most like.

    Parameters
    ----------
    take_s : float [s]
        Where it starts in the take.
    duration_s : float [s]
    file : str
        The recording.
    file_s : float [s]
        Where it starts in that; negative where it begins in the silence before a short one.
    correlation : float [-1 to 1]
        Of its first half second; negative where the polarity is inverted.
    """

    take_s: float
    duration_s: float
    file: str
    file_s: float
    correlation: float


@dataclass(frozen=True)
class Copying:
    """What a take repeats.

    Parameters
    ----------
    windows, copied_windows : int
        Sounding ones, and those over the threshold.
    longest : Match or None
        Longest part that follows one part of one recording without leaving it.
    nearest : Match or None
        The most alike window of those that were compared; None for a silent take.
    """

    windows: int
    copied_windows: int
    longest: Match | None
    nearest: Match | None

    @property
    def share(self) -> float | None:
        """Copied windows over sounding ones (0 to 1); None for silence."""
        return self.copied_windows / self.windows if self.windows else None


@dataclass(frozen=True)
class _Found:
    """The best place of each window."""

    correlations: NDArray[np.float64] = field(repr=False)
    places: NDArray[np.int64] = field(repr=False)


class CopyFinder:
    """A corpus made ready for finding windows of takes in it.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    names : sequence of str
        As many.
    generator : numpy.random.Generator
        See :func:`~small_dataset_audio.evaluation.stretch_index.build_index`.
    """

    def __init__(
        self, clips: Sequence[NDArray[np.float32]], names: Sequence[str], generator: np.random.Generator
    ) -> None:
        self._row: CorpusRow = lay_in_a_row(clips, names)
        self._index: StretchIndex | None = build_index(self._row, generator) if self._row.is_place.any() else None

    def examine(self, take: NDArray[np.float32]) -> Copying:
        """Find what a take repeats.

        Parameters
        ----------
        take : ndarray [shape=(samples,), float32, 16 kHz]
        """
        starts, windows = sounding_windows(take)
        if len(windows) == 0 or self._index is None:
            return Copying(len(windows), 0, None, None)
        found = self._search(starts, windows, self._index)
        matches = [
            Match(int(start) / RATE_HZ, WINDOW / RATE_HZ, *self._row.locate(int(place)), float(correlation))
            for start, place, correlation in zip(starts, found.places, found.correlations, strict=True)
        ]
        copied = [number for number, match in enumerate(matches) if abs(match.correlation) > THRESHOLD]
        return Copying(
            windows=len(matches),
            copied_windows=len(copied),
            longest=self._longest(starts, windows, found, matches, copied),
            nearest=max(matches, key=lambda match: abs(match.correlation)),
        )

    def _search(self, starts: NDArray[np.int64], windows: NDArray[np.float32], index: StretchIndex) -> _Found:
        owners, places = index.find(windows, _CANDIDATES)
        best = self._best_of(windows, owners, places, CELL)
        # A copy found in one window shows where its neighbours are to be looked for: twice, for what the second finds.
        for _ in range(2):
            for step in (1, -1):
                best = self._continue(starts, windows, best, step)
        return best

    def _continue(self, starts: NDArray[np.int64], windows: NDArray[np.float32], best: _Found, step: int) -> _Found:
        """Try for each window what continues its neighbour's copy."""
        owners = np.arange(len(starts))[max(step, 0) : len(starts) + min(step, 0)]
        sources = owners - step
        adjacent = starts[owners] - starts[sources] == step * WINDOW_HOP
        wanted = best.places[sources] + step * WINDOW_HOP
        is_new = np.abs(wanted - best.places[owners]) > 1
        chosen = adjacent & is_new & (np.abs(best.correlations[sources]) > THRESHOLD)
        if not chosen.any():
            return best
        found = self._best_of(windows, owners[chosen], wanted[chosen] - _CONTINUED // 2, _CONTINUED)
        better = np.abs(found.correlations) > np.abs(best.correlations)
        return _Found(
            np.where(better, found.correlations, best.correlations), np.where(better, found.places, best.places)
        )

    def _best_of(
        self, windows: NDArray[np.float32], owners: NDArray[np.int64], places: NDArray[np.int64], length: int
    ) -> _Found:
        """Best place of each window among the `length` samples from each of its candidates on."""
        correlations, exact = np.zeros(len(owners)), np.zeros(len(owners), np.int64)
        for first in range(0, len(owners), _BATCH):
            batch = slice(first, first + _BATCH)
            correlations[batch], exact[batch] = self._correlate(windows[owners[batch]], places[batch], length)
        order = np.lexsort((np.abs(correlations), owners))
        last = order[np.append(np.flatnonzero(np.diff(owners[order])), len(order) - 1)]
        best = _Found(np.zeros(len(windows)), np.zeros(len(windows), np.int64))
        best.correlations[owners[last]], best.places[owners[last]] = correlations[last], exact[last]
        return best

    def _correlate(
        self, windows: NDArray[np.float32], places: NDArray[np.int64], length: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Largest normalised correlation of each window from its place on, and where it is."""
        width = WINDOW + length + 2 * REACH
        # Cells at the very ends of the row begin earlier: what is compared stays inside it.
        places = np.clip(places, REACH, len(self._row.samples) - width + REACH)
        stretches = np.lib.stride_tricks.sliding_window_view(self._row.samples, width)[places - REACH]
        size = scipy.fft.next_fast_len(width, real=True)
        spectra = scipy.fft.rfft(stretches, size, axis=1) * np.conj(scipy.fft.rfft(windows, size, axis=1))
        product = scipy.fft.irfft(spectra, size, axis=1)[:, : length + 2 * REACH]
        norms = np.sqrt(_local_energy(stretches[:, REACH : REACH + WINDOW + length]))
        allowed = np.lib.stride_tricks.sliding_window_view(self._row.is_place, length)[
            np.minimum(places, len(self._row.is_place) - length)
        ]
        inverse = np.where(allowed, 1.0 / norms, 0.0)
        coarse = np.abs(product[:, REACH : REACH + length] * inverse).argmax(axis=1)
        columns = coarse[:, None] + np.arange(2 * REACH + 1)
        fine = np.take_along_axis(product, columns, axis=1) @ _interpolator()
        strongest = np.take_along_axis(fine, np.abs(fine).argmax(axis=1)[:, None], axis=1)[:, 0]
        scale = np.take_along_axis(inverse, coarse[:, None], axis=1)[:, 0]
        return np.clip(strongest * scale, -1.0, 1.0), places + coarse

    def _longest(
        self,
        starts: NDArray[np.int64],
        windows: NDArray[np.float32],
        found: _Found,
        matches: Sequence[Match],
        copied: Sequence[int],
    ) -> Match | None:
        number_of = {int(start): number for number, start in enumerate(starts)}
        steps: dict[tuple[int, int], int] = {}
        for number in reversed(copied):
            chain = []
            here = (number, int(found.places[number]))
            while here not in steps:
                chain.append(here)
                following = number_of.get(int(starts[here[0]]) + WINDOW_HOP)
                place = here[1] + WINDOW_HOP
                if following is None or not self._is_same(windows[following], place):
                    steps[chain.pop()] = 0
                    break
                here = (following, place)
            # What was known already, or has just been found to end, is counted back to the beginning of the chain.
            known = steps.get(here, 0)
            for back, link in enumerate(reversed(chain), start=1):
                steps[link] = known + back
        if not copied:
            return None
        lengths = [steps[number, int(found.places[number])] for number in copied]
        best = int(np.argmax(lengths))
        match = matches[copied[best]]
        duration_s = (WINDOW + lengths[best] * WINDOW_HOP) / RATE_HZ
        return Match(match.take_s, duration_s, match.file, match.file_s, match.correlation)

    def _is_same(self, window: NDArray[np.float32], place: int) -> bool:
        """Whether a window is copied from just there."""
        if not (0 <= place < len(self._row.is_place) and self._row.is_place[place]):
            return False
        correlation, _ = self._correlate(window[None], np.array([place]), 1)
        return bool(abs(correlation[0]) > THRESHOLD)


def _local_energy(stretches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energy of a window's length from each sample on [shape=(stretches, samples - WINDOW)]; never zero."""
    num_places = stretches.shape[1] - WINDOW
    first = np.einsum("ij,ij->i", stretches[:, :WINDOW], stretches[:, :WINDOW], dtype=np.float64)
    entering = np.square(stretches[:, WINDOW : WINDOW + num_places - 1], dtype=np.float64)
    leaving = np.square(stretches[:, : num_places - 1], dtype=np.float64)
    gained = np.cumsum(entering - leaving, axis=1)
    return np.asarray(np.maximum(first[:, None] + np.pad(gained, ((0, 0), (1, 0))), _SILENCE_POWER))


@cache
def _interpolator() -> NDArray[np.float64]:
    """Windowed sinc from the whole samples -16..16 to steps of 1/8 in -1..1 [shape=(33, 17)]."""
    whole = np.arange(-REACH, REACH + 1)[:, None]
    offset = whole - np.arange(-_FINENESS, _FINENESS + 1) / _FINENESS
    return np.asarray(np.sinc(offset) * np.cos(np.pi / 2 * offset / (REACH + 1)) ** 2)
