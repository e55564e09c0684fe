"""A steered take is rehearsed: rendered, heard, asked for anew by what it missed, and made as it measured best.

A plan is made of sums, and sums do not tell all: how joins, pace and detuning come out, only the sound says. What a rehearsal
measures too much of, the next one is asked for less of: a proportional controller around the planner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.descriptors import describe
from small_dataset_audio.controls.planner import HEARD
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.steering import SteeredDensity, Wish

_MOST: Final = 8
_MOST_S: Final = 80.0  # of all rehearsals of a take together: long takes even out by themselves
_GAIN: Final = 0.6
_FURTHEST: Final = 3.0  # deviations that are made up for at once
_MET: Final = 0.15  # deviations of what a slider says
_CALM: Final = 0.25  # others are off by half a deviation in the mean, as a square
_NEAR_SHARE: Final = 0.5  # of rehearsals, where each costs twice as much
_PUSH: Final = 4.0  # by which what a slider says counts more, once it is known what a plan makes of it

Hear = Callable[[SteeredDensity], NDArray[np.float32]]
"""Renders a take [shape=(1, samples), 48 kHz]."""

OnRehearsed = Callable[[int, int], None]
"""Called before the first rehearsal and after each with how many are over, and how many there may be."""


def rehearsals_of(duration_s: float) -> int:
    """How often a take of so many seconds is rehearsed: not at all, or at least twice, for the first one corrects nothing."""
    times = min(_MOST, int(_MOST_S / duration_s))
    return times if times > 1 else 0


def rehearse(
    density: SteeredDensity, hear: Hear, times: int, on_rehearsed: OnRehearsed | None = None
) -> tuple[SteeredDensity, NDArray[np.float32] | None]:
    """Find what to ask for, so that a take measures as it shall.

    Parameters
    ----------
    density : SteeredDensity
        With a wish.
    hear : callable
    times : int
        At most; 0 leaves `density` as it is.
    on_rehearsed : callable, optional

    Returns
    -------
    SteeredDensity
        The one whose take came nearest to the wish.
    ndarray [shape=(1, samples), 48 kHz] or None
        That take, as it was heard; None where nothing was.
    """
    wish = density.wish
    if wish is None or times < 2:
        return density, None
    weights = density.goal.weights * np.where(wish.is_own, _PUSH, 1.0)
    if _is_near(density):
        tried, times = density, max(round(_NEAR_SHARE * times), 2)
    else:
        tried = replace(density, effort=HEARD)
    best, take, least = tried, None, np.inf
    if on_rehearsed is not None:
        on_rehearsed(0, times)
    for number in range(times):
        heard = hear(tried)
        measured = measured_of(heard[0])
        missed = wish.missed(measured)
        # Without a figure of its own a take says nothing: no correction follows from that, and it is none to be content with.
        lacking = np.where(wish.is_own & ~np.isfinite(measured), _FURTHEST, missed)
        cost = float((wish.weights * np.square(lacking)).sum())
        if on_rehearsed is not None:
            on_rehearsed(number + 1, times)
        if cost < least:
            best, take, least = tried, heard, cost
            if _is_enough(wish, lacking):
                break
        less = _GAIN * np.clip(missed, -_FURTHEST, _FURTHEST) * wish.spread
        tried = replace(tried, goal=replace(tried.goal, targets=tried.goal.targets - less, weights=weights))
    return best, take


def _is_enough(wish: Wish, missed: NDArray[np.float64]) -> bool:
    others = np.where(wish.is_own, 0.0, wish.weights)
    off = float((others * np.square(missed)).sum()) / max(float(others.sum()), 1e-9)
    return bool(np.abs(missed[wish.is_own]).max(initial=0.0) <= _MET and off <= _CALM)


def measured_of(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """Describe a take [shape=(controls,), units of each]; NaN where it has none."""
    # What is shorter than a block of the loudness meter has nothing that could be corrected.
    found = describe(np.pad(audio, (0, max(0, SAMPLE_RATE // 2 - len(audio)))))
    values = [getattr(found, name) for name in NAMES]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _is_near(density: SteeredDensity) -> bool:
    """Whether a take shall be near to something too, which no rehearsal measures."""
    return density.goal.affinity is not None or density.goal.likeness is not None
