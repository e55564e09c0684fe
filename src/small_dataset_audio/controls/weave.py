"""Turns a plan into a walk that can be played: two voices that take turns, one fading where the other comes in.

An attack begins at once, over what fades under it. A stretch that begins inside a held sound is faded in, while the one before
it goes on as it was recorded: a hard cut there would be an onset that nobody played.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.material import FADE_STEPS, FADED_DB, Material
from small_dataset_audio.controls.planner import Plan

_CLEAN_FADE_STEPS: Final = 3


def weave(plan: Plan, material: Material, num_steps: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Lay the stretches of a plan out in time.

    Parameters
    ----------
    plan : Plan
        Of `num_steps` or more.
    material : Material
    num_steps : int

    Returns
    -------
    rows : ndarray [shape=(2, num_steps), int64]
        Corpus step of each voice; one that rests has that of the other.
    levels : ndarray [shape=(2, num_steps), float32, 0 to 1]
    """
    lengths = plan.ends - plan.starts
    begins = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    rows = np.full((2, total), -1, dtype=np.int64)
    levels = np.zeros((2, total), dtype=np.float32)
    for number, (start, begin, length) in enumerate(zip(plan.starts, begins, lengths, strict=True)):
        voice = number % 2
        here = slice(begin, begin + length)
        rows[voice, here] = start + np.arange(length)
        levels[voice, here] = 1.0
        if number == 0:
            continue
        wanted = _CLEAN_FADE_STEPS if plan.is_clean[number] else FADE_STEPS
        before = int(plan.ends[number - 1])
        left = int(material.path_ends[np.searchsorted(material.path_ends, before - 1, side="right")]) - before
        faded = int(min(wanted, length))
        shares = (np.arange(faded) + 1.0) / (faded + 1.0)
        # What ended with its recording does not go on; what follows is faded in all the same.
        going_on = min(faded, left)
        fading = slice(begin, begin + going_on)
        rows[1 - voice, fading] = before + np.arange(going_on)
        levels[1 - voice, fading] = np.cos(shares[:going_on] * (np.pi / 2.0))
        if not plan.is_clean[number]:
            levels[voice, begin : begin + faded] = 10.0 ** (FADED_DB / 20.0 * (1.0 - shares))
    rows = np.where(rows < 0, rows[::-1], rows)
    return rows[:, :num_steps], levels[:, :num_steps]
