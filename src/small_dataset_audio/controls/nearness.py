"""Takes near to something wanted: their moments are distributed in latent space as those of what is wanted.

Two things are asked of the planner of the controls (:mod:`.planner`), so nearness and controls go together. Stretches that are
unlike everything wanted cost; and in the mean, a take shall be near each of the wanted points as often as the wanted recording
is. The first alone would find the one moment that fits best and stay there; the second is kernel herding (Y. Chen, M. Welling
and A. Smola, "Super-samples from kernel herding", UAI 2010): where the means of a kernel's features agree, so do distributions.
The features are those of the wanted points as landmarks (C. Williams and M. Seeger, "Using the Nystroem method to speed up
kernel machines", NIPS 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.material import material_of
from small_dataset_audio.controls.moments import COLUMNS
from small_dataset_audio.controls.planner import Goal, Likeness
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.steering import SteeredDensity
from small_dataset_audio.controls.targets import NearTarget
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.density import LatentDensity

_HEAVIEST: Final = 0.3
"""Cost at full strength of a stretch that is as unlike as the middle one; a join that is heard costs 0.6 at most."""

_HEAVIEST_MEAN: Final = 16.0
"""Cost at full strength of a second that is all wrong."""

_NEAREST_SHARE: Final = 0.02  # of steps counts as near as can be
_DEAREST: Final = 4.0  # times the middle cost: further away is simply away
_KERNEL_SHARE: Final = 0.25  # of the corpus's steps lie within the kernel's width of a wanted point
_LEAST_EIGENVALUE: Final = 1e-3  # of the largest
_ATTACK_SHARE: Final = 0.08  # of the way from silence to the loudest, within a step, is an attack
_LOUDEST_SHARE: Final = 0.95
_TINY: Final = 1e-12

_Array = NDArray[np.float64]


def bend_towards(goal: Goal, density: LatentDensity, targets: Sequence[NearTarget], strength: float) -> Goal:
    """Ask for nearness beside what a goal asks for already.

    Parameters
    ----------
    goal : Goal
    density : LatentDensity
    targets : sequence of NearTarget [1 or more]
        One after the other, evenly over the take.
    strength : float [0 to 1]

    Raises
    ------
    InvalidConfigError
        The points are of another latent space.
    """
    latents = density.latents.astype(np.float64)
    groups = [_points_of(target, density.latent_dim) for target in targets]
    weight = strength**2
    return replace(
        goal,
        affinity=_HEAVIEST * weight * np.stack([_unlikeness(latents, points) for points in groups], axis=1),
        likeness=_likeness(latents, groups, targets, _HEAVIEST_MEAN * weight),
    )


def draw_near(
    density: LatentDensity, targets: Sequence[NearTarget], strength: float, step_samples: int
) -> SteeredDensity:
    """Make a density whose walks keep near to targets, one after the other; nothing else is asked of them.

    It needs no analysis: where a take may change over, the latents say.

    Parameters
    ----------
    density : LatentDensity
    targets : sequence of NearTarget [1 or more]
    strength : float [0 to 1]
    step_samples : int

    Raises
    ------
    InvalidConfigError
        The points are of another latent space.
    """
    sums = np.zeros((len(density.latents), len(COLUMNS)), dtype=np.float32)
    sums[attacks_of(density), COLUMNS.index("onsets")] = 1.0
    nothing = Goal(np.zeros((1, len(NAMES))), np.ones(len(NAMES)), np.zeros(len(NAMES)))
    goal = bend_towards(nothing, density, targets, strength)
    return SteeredDensity(density, material_of(density, sums), goal, step_samples)


def attacks_of(density: LatentDensity) -> NDArray[np.int64]:
    """Find the steps at which something begins: the latents go away from silence, fast.

    Every path begins with silence where it has lead steps; how far from there a step is says how much sounds.
    """
    starts = np.cumsum(density.path_lengths) - density.path_lengths
    latents = density.latents.astype(np.float64)
    sounding = np.sqrt(np.square(latents - latents[starts].mean(axis=0)).sum(axis=1))
    rise = np.diff(sounding, prepend=sounding[:1])
    rise[starts] = 0.0
    least = _ATTACK_SHARE * np.quantile(sounding, _LOUDEST_SHARE)
    follows = np.append(rise[1:], 0.0)
    is_peak = (rise >= np.roll(rise, 1)) & (rise > follows)
    return np.flatnonzero((rise > least) & is_peak).astype(np.int64)


def squared_distances(x: _Array, y: _Array) -> _Array:
    """Squared distance of each row of `x` to each of `y` [shape=(len(x), len(y))]."""
    squared = np.square(x).sum(axis=1)[:, None] - 2.0 * x @ y.T + np.square(y).sum(axis=1)
    positive: _Array = np.maximum(squared, 0.0)
    return positive


def _points_of(target: NearTarget, latent_dim: int) -> _Array:
    points = np.array(target.points, dtype=np.float64)
    if points.shape[1] != latent_dim:
        raise InvalidConfigError(
            f"near ({target.name}) has points of {points.shape[1]} numbers, this model's have {latent_dim}; they were made "
            "with another model: make them again with this one"
        )
    return points


def _unlikeness(latents: _Array, points: _Array) -> _Array:
    """Say how unlike every step is [shape=(steps,)]: 0 is among the nearest 2 %, 1 in the middle."""
    away = squared_distances(latents, points).min(axis=1)
    near, middle = np.quantile(away, [_NEAREST_SHARE, 0.5])
    return np.asarray(((away - near) / max(middle - near, _TINY)).clip(0.0, _DEAREST))


def _likeness(latents: _Array, groups: Sequence[_Array], targets: Sequence[NearTarget], weight: float) -> Likeness:
    points = np.concatenate(groups)
    away, apart = squared_distances(latents, points), squared_distances(points, points)
    # Wide enough that the points see the corpus, however far it lies, and one another.
    width = max(float(np.quantile(away.min(axis=1), _KERNEL_SHARE)), float(np.median(apart)), _TINY)
    kernel = np.exp(-apart / (2.0 * width))
    values, vectors = np.linalg.eigh(kernel)
    kept = values > _LEAST_EIGENVALUE * values[-1]
    whitened = vectors[:, kept] / np.sqrt(values[kept])
    at_points, means, first = kernel @ whitened, [], 0
    for target in targets:
        shares = np.array(target.shares, dtype=np.float64)
        means.append(shares @ at_points[first : first + len(shares)] / shares.sum())
        first += len(shares)
    return Likeness(np.exp(-away / (2.0 * width)) @ whitened, np.stack(means), weight)
