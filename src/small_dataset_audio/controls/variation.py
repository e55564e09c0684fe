"""Variations of a take: the same walk, with some of its moments exchanged for ones that develop alike.

Which moments are exchanged follows from one number drawn for each, so a larger amount exchanges all that a smaller one does,
and more.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import Density, LatentDensity
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.walk import Walk

_MOMENT_STEPS: Final = 24
"""Of a long run, at most a second is exchanged at once: a drone is one run, and would be kept or lost whole."""


@dataclass(frozen=True)
class VariedDensity:
    """A density whose walks are those of another, varied.

    Parameters
    ----------
    density : Density
        Whose walks are varied; they lead over the latents of `corpus`.
    corpus : LatentDensity
    amount : float [0 to 1]
        Share of the moments that are exchanged.
    seed : int
        Says which, and for what.
    """

    density: Density = field(repr=False)
    corpus: LatentDensity = field(repr=False)
    amount: float
    seed: int

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,
    ) -> Walk:
        """Draw the trajectory of `num_steps` steps that the other density would, and vary it."""
        walk = self.density.walk(num_steps, generator, style, spread)
        return vary(walk, self.corpus.partners, self.amount, np.random.default_rng(self.seed))

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents as the other density does: they have no course to be varied."""
        return self.density.draw_anchors(num_anchors, generator)


def vary(walk: Walk, partners: NDArray[np.int64], amount: float, generator: np.random.Generator) -> Walk:
    """Exchange moments of a walk.

    Parameters
    ----------
    walk : Walk
    partners : ndarray [shape=(rows, num_partners), int64]
        Of each row of its table, those from which on it goes on alike.
    amount : float [0 to 1]
        Probability for each moment.
    generator : numpy.random.Generator

    Returns
    -------
    Walk
        As long; detuning, levels and rests stay as they are.
    """
    ends = np.cumsum(walk.path_lengths)
    sounding = _sounding(walk)
    rows = walk.rows.copy()
    for voice, heard in zip(rows, sounding, strict=True):
        for begin, end in _moments(voice, heard, ends):
            chance, rank = (
                generator.random(),
                int(generator.integers(partners.shape[1])),
            )  # drawn for each, exchanged or not
            if chance < amount:
                start, length = _fitting(np.roll(partners[voice[begin]], -rank), end - begin, ends)
                voice[begin : begin + length] = start + np.arange(length)
    # One that rests has the row of one that sounds.
    rows = np.where(sounding, rows, rows[0] if walk.levels is None else rows[::-1])
    return replace(walk, rows=rows)


def _sounding(walk: Walk) -> NDArray[np.bool_]:
    if walk.levels is not None:
        return walk.levels > 0.0
    return np.ones(walk.rows.shape, dtype=np.bool_) if walk.is_heard is None else walk.is_heard


def _moments(voice: NDArray[np.int64], heard: NDArray[np.bool_], ends: NDArray[np.int64]) -> Sequence[tuple[int, int]]:
    """Cut what is heard of a voice where it jumps, comes in or goes, and long runs into seconds."""
    breaks = (np.diff(voice) != 1) | np.isin(voice[1:], ends) | np.diff(heard)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(voice)]
    return [
        (at, min(at + _MOMENT_STEPS, end))
        for begin, end in itertools.pairwise(edges)
        if heard[begin]
        for at in range(begin, end, _MOMENT_STEPS)
    ]


def _fitting(candidates: NDArray[np.int64], length: int, ends: NDArray[np.int64]) -> tuple[int, int]:
    """Choose the first candidate whose recording goes on long enough, or the longest; and how much of it there is."""
    left = np.minimum(ends[np.searchsorted(ends, candidates, side="right")] - candidates, length)
    best = int(left.argmax())  # the first of the longest
    return int(candidates[best]), int(left[best])
