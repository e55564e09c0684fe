"""The corpus as material for a plan: where a take may go from one place to another, and what each stretch brings.

A take may change over at the beginning of a recording, right before an onset, and now and then where a sound is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.moments import COLUMNS
from small_dataset_audio.models.density import LatentDensity

FADE_STEPS: Final = 12
"""Half a second: as long as a stretch goes on under one that is faded in."""

FADED_DB: Final = -24.0
"""From where a stretch that begins inside a held sound is faded in, straight in decibels: no step of it is an onset."""

_HELD_STEPS: Final = 6  # a quarter of a second
_APART_STEPS: Final = 4  # from any other place to one in a held sound
_SHORTEST: Final = (1 / 3, 12, 120)  # share of a recording of middling length, at least half a second, at most 5 s
_LONGEST: Final = (8 / 5, 96, 600)  # likewise, from 4 s to 25 s
_FEWEST: Final = 12  # stretches that fit into a take, where it asks for that
_LEAST_REST: Final = 4
_CUT_OFF_STEPS: Final = 4  # an attack of which less is heard is none
_WHOLE_SHARE: Final = 0.3  # of stretches go on to the end of their recording: endings belong to a sound as attacks do
_ONSETS: Final = COLUMNS.index("onsets")
_FRAMES: Final = COLUMNS.index("frames")
_POWER: Final = COLUMNS.index("power")
_LOUD_SHARE: Final = 0.995


@dataclass(frozen=True)
class Stretches:
    """Candidates of the next stretch of a take: of each, where it begins and ends, and whether an attack begins it."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    is_clean: NDArray[np.bool_]


@dataclass(frozen=True)
class Material:
    """Made by :func:`material_of`.

    Parameters
    ----------
    latents : ndarray [shape=(steps, latent_dim)]
    totals : ndarray [shape=(steps + 1, columns)]
        Running totals of the sums.
    starts : ndarray [shape=(places,)]
        Steps at which a stretch may begin.
    is_clean : ndarray [shape=(places,)]
        Whether what was there before is silent or drowned by what begins.
    ends : ndarray [shape=(places,)]
        Where the recording of each place ends.
    chances : ndarray [shape=(places,)]
        Cumulated probabilities of the places.
    path_ends : ndarray [shape=(paths,)]
    uncut_ends : ndarray [shape=(steps + 1,)]
        Where a stretch that would end at a step ends: before an attack that it would cut short.
    lengths : (int, int)
        Of the shortest and the longest stretch, in steps: a corpus of long sounds is not cut into short ones.
    sounding : float
        Frames that sound, of each step, as walks that nobody steers have them.
    loudest : float
        Power of the loudest steps.
    """

    latents: NDArray[np.float32] = field(repr=False)
    totals: NDArray[np.float64] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    is_clean: NDArray[np.bool_] = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)
    chances: NDArray[np.float64] = field(repr=False)
    path_ends: NDArray[np.int64] = field(repr=False)
    uncut_ends: NDArray[np.int64] = field(repr=False)
    lengths: tuple[int, int]
    sounding: float
    loudest: float

    def draw(self, count: int, generator: np.random.Generator) -> Stretches:
        """Draw stretches: a recording by its weight, a place in it, a length."""
        places = np.searchsorted(self.chances, generator.random(count), side="right").clip(max=len(self.starts) - 1)
        starts, path_ends = self.starts[places], self.ends[places]
        shortest, longest = self.lengths
        lengths = np.exp(generator.uniform(np.log(shortest), np.log(longest), count)).astype(np.int64)
        lengths = np.where(generator.random(count) < _WHOLE_SHARE, longest, lengths)
        ends = np.minimum(starts + lengths, path_ends)
        heard = np.maximum(self.uncut_ends[ends], np.minimum(starts + shortest // 2, ends))
        ends = np.where(path_ends - ends < _LEAST_REST, path_ends, heard)
        return Stretches(starts, ends, self.is_clean[places])

    def cut_for(self, num_steps: int) -> Material:
        """Return the same, in stretches of which a take of so many steps has at least some."""
        shortest, longest = self.lengths
        shortest = min(shortest, max(num_steps // _FEWEST, _SHORTEST[1]))
        return replace(self, lengths=(shortest, min(longest, max(num_steps, 2 * shortest))))


def material_of(density: LatentDensity, sums: NDArray[np.float32]) -> Material:
    """Find the places of a corpus where a take may change over.

    Parameters
    ----------
    density : LatentDensity
    sums : ndarray [shape=(steps, columns)]
        Of :func:`~small_dataset_audio.controls.moments.describe_steps`, of all paths end to end.
    """
    path_ends = np.cumsum(density.path_lengths)
    starts, clean, ends, weights = [], [], [], []
    for end, length in zip(path_ends.tolist(), density.path_lengths.tolist(), strict=True):
        # One step before it sounds, so that the attack is whole.
        begin = end - length + min(max(density.config.lead_steps - 1, 0), length - 1)
        last = max(end - density.config.tail_steps - _LEAST_REST, begin + 1)
        onsets = begin + np.flatnonzero(sums[begin:last, _ONSETS] > 0) - 1
        attacks = np.unique(np.concatenate([[begin], onsets[onsets > begin + 1]]))
        held = np.arange(begin + _HELD_STEPS, last, _HELD_STEPS)
        held = held[np.abs(held[:, None] - attacks).min(axis=1) >= _APART_STEPS]
        places = np.concatenate([attacks, held])
        starts.append(places)
        clean.append(np.arange(len(places)) < len(attacks))
        ends.append(np.full(len(places), end))
        weights.append(np.full(len(places), length**density.config.recording_weight / len(places)))
    chances = np.cumsum(np.concatenate(weights))
    of_steps = np.repeat(
        density.path_lengths.astype(np.float64) ** density.config.recording_weight, density.path_lengths
    )
    totals = np.zeros((len(sums) + 1, sums.shape[1]))
    np.cumsum(sums, axis=0, dtype=np.float64, out=totals[1:])
    return Material(
        latents=density.latents,
        totals=totals,
        starts=np.concatenate(starts).astype(np.int64),
        is_clean=np.concatenate(clean),
        ends=np.concatenate(ends).astype(np.int64),
        chances=chances / chances[-1],
        path_ends=path_ends,
        uncut_ends=_before_attacks(sums[:, _ONSETS] > 0),
        lengths=(_length(density.path_lengths, _SHORTEST), _length(density.path_lengths, _LONGEST)),
        loudest=float(np.quantile(sums[:, _POWER], _LOUD_SHARE)),
        sounding=float(np.average(sums[:, _FRAMES], weights=of_steps)),
    )


def _before_attacks(is_onset: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Say for each place between steps where to stop instead, so that no attack is begun and cut off [shape=(steps + 1,)]."""
    places = np.arange(len(is_onset) + 1)
    onsets = np.flatnonzero(is_onset)
    latest = np.searchsorted(onsets, places, side="right") - 1  # the last onset at or before a place
    onset = np.where(latest >= 0, onsets[np.maximum(latest, 0)] if len(onsets) else 0, -_CUT_OFF_STEPS - 1)
    return np.where(places - onset <= _CUT_OFF_STEPS, np.maximum(onset - 1, 0), places)


def _length(path_lengths: NDArray[np.int64], bounds: tuple[float, int, int]) -> int:
    share, least, most = bounds
    return round(min(max(share * float(np.median(path_lengths)), least), most))
