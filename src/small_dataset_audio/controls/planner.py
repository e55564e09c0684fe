"""Plans a take that measures as asked: stretches of the recordings, chosen one after the other.

Each next stretch is the one, of many drawn, that brings the take as planned so far closest to what it shall measure. What one
stretch does too much the next ones make up for: error diffusion, or herding (M. Welling, "Herding dynamical weights to learn",
ICML 2009). So means meet their targets with an error that falls with the length of a take, where stretches drawn by a
preference would meet them by chance, and what is not asked for is held where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.hearing import heard_sums, made_onsets
from small_dataset_audio.controls.material import Material, Stretches
from small_dataset_audio.controls.moments import COLUMNS, deviations

_KEPT: Final = 0.93  # of what is to be made up for; a target that cannot be met is not chased for ever
_NOMINAL_STEPS: Final = 120
"""Five seconds that are off by one deviation cost 1. Less patience measures no better, and cuts long sounds to pieces."""
_TRIED_STEPS: Final = 6_000  # of all plans of a take together: long ones even out by themselves
_FINAL_WEIGHT: Final = 4.0
_LIKE_STEPS: Final = 24  # a second: what a take is like is heard from moment to moment, not only in the mean
_SILENCE_SPREAD: Final = 0.15  # of what sounds in unsteered takes
_JOIN_COST: Final = 0.3
_FURTHEST: Final = 6.0  # medians; two sounds further apart are simply different
_CLEAN_SHARE: Final = 0.3  # of a join's cost where an attack covers it
_AGAIN_COST: Final = 0.3
_SAME_COST: Final = 0.8  # to come back to a recording, anywhere in it
_FORGOTTEN_STEPS: Final = 120.0  # 5 s
_CHANCE: Final = 0.03
_MADE_COST: Final = 0.3
_MADE_ATTACK: Final = 5.0  # octaves of ms
_FRAMES, _ONSETS, _ATTACKS = (COLUMNS.index(name) for name in ("frames", "onsets", "attack"))

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """Features of the corpus whose means over the take shall be met.

    Parameters
    ----------
    features : ndarray [shape=(steps, features)]
    means : ndarray [shape=(points, features)]
        Evenly over the take.
    weight : float
        A second that is off by 1 costs so much.
    """

    features: _Array = field(repr=False)
    means: _Array = field(repr=False)
    weight: float


@dataclass(frozen=True)
class Goal:
    """What a take shall measure.

    Parameters
    ----------
    targets : ndarray [shape=(points, controls), units of each]
        Evenly over the take, one point where it is the same all along.
    spread : ndarray [shape=(controls,), units of each]
        By how much takes differ: a deviation of that size costs the same in each.
    weights : ndarray [shape=(controls,), over 0]
    affinity : ndarray [shape=(steps, points), optional]
        What each step of the corpus costs beside that, at each of some points evenly over the take: how unlike something
        wanted it is.
    likeness : Likeness, optional
        What else shall be met in the mean.
    """

    targets: _Array = field(repr=False)
    spread: _Array = field(repr=False)
    weights: _Array = field(repr=False)
    affinity: _Array | None = field(default=None, repr=False)
    likeness: Likeness | None = None


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Parameters
    ----------
    num_drawn : int
        Stretches to choose each next one from.
    most_plans : int
        Plans to choose a take from.
    """

    num_drawn: int = 1024
    most_plans: int = 16


HEARD: Final = Effort(most_plans=2)
"""For plans that are rendered and measured: many quick ones of these find more than few good ones."""


@dataclass(frozen=True)
class Plan:
    """Stretches in the order in which they are played.

    Parameters
    ----------
    starts, ends : ndarray [shape=(stretches,)]
        Steps of the corpus.
    is_clean : ndarray [shape=(stretches,)]
        Whether an attack begins it.
    heard : ndarray [shape=(columns,)]
        Sums of what will be heard of them (:mod:`.hearing`).
    cost : float
        Tells plans of one take apart.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    is_clean: NDArray[np.bool_]
    heard: _Array = field(default_factory=lambda: np.zeros(len(COLUMNS)), repr=False)
    cost: float = 0.0

    @property
    def num_steps(self) -> int:
        """Steps of all stretches."""
        return int((self.ends - self.starts).sum())


def plan_take(
    material: Material,
    goal: Goal,
    num_steps: int,
    step_samples: int,
    generator: np.random.Generator,
    effort: Effort = Effort(),
    heard_steps: int | None = None,
) -> Plan:
    """Choose stretches until there are `num_steps` of them or a little more.

    Of several plans it is the one that costs least, all of it counted and what is still owed at the end most: chance leaves the
    last stretches too little to make up with, and sometimes less so.

    Parameters
    ----------
    material : Material
    goal : Goal
    num_steps : int [1 or more]
    step_samples : int
    generator : numpy.random.Generator
    effort : Effort
    heard_steps : int, optional
        Of `num_steps`, those at the beginning that will be heard: what comes after them counts nothing.

    Returns
    -------
    Plan
    """
    heard_steps = num_steps if heard_steps is None else min(heard_steps, num_steps)
    num_plans = min(max(_TRIED_STEPS // num_steps, 1), effort.most_plans)
    plans = (
        _plan_once(material, goal, num_steps, heard_steps, step_samples, generator, effort.num_drawn)
        for _ in range(num_plans)
    )
    return min(plans, key=lambda plan: plan.cost)


def _plan_once(
    material: Material,
    goal: Goal,
    num_steps: int,
    heard_steps: int,
    step_samples: int,
    generator: np.random.Generator,
    num_drawn: int,
) -> Plan:
    scale = np.sqrt(goal.weights) / (goal.spread * _NOMINAL_STEPS)
    typical = _typical_distance(material)
    unlikeness = None if goal.affinity is None else _running_totals(goal.affinity)
    like = None if goal.likeness is None else _Debt(goal.likeness)
    last_used = np.full(len(material.latents), -np.inf)
    last_visited = np.full(len(material.path_ends), -np.inf)
    # What shall be near to something may have only one recording that is.
    same_cost = _SAME_COST if unlikeness is None and like is None else 0.0
    silence_scale = 1.0 / (_SILENCE_SPREAD * max(material.sounding, 1e-9) * _NOMINAL_STEPS)
    owed, off = np.zeros((2, goal.targets.shape[1]))
    heard = np.zeros(len(COLUMNS))
    silent = spent = 0.0
    starts: list[int] = []
    ends: list[int] = []
    clean: list[bool] = []
    planned = 0
    while planned < num_steps:
        drawn = material.draw(num_drawn, generator)
        remaining = max(heard_steps - planned, 0)
        lengths = np.minimum(drawn.ends - drawn.starts, remaining)
        middles = np.minimum((planned + lengths / 2) / heard_steps, 1.0)
        sums = heard_sums(material, drawn, lengths, remaining)
        made = made_onsets(material, ends[-1] if ends else None, drawn) & (lengths > 0)
        sums[:, _ONSETS] += made
        sums[:, _ATTACKS] += made * _MADE_ATTACK
        away = owed + deviations(sums, _between(goal.targets, middles), step_samples)
        # What is owed when the take ends, nothing makes up for.
        cost = np.square(away * scale).sum(axis=1) * np.where(lengths < remaining, 1.0, _FINAL_WEIGHT)
        # Silence is off by nothing, and would be the answer to everything.
        silence = silent + material.sounding * lengths - sums[:, _FRAMES]
        cost += np.square(silence * silence_scale)
        if unlikeness is not None:
            cost += _unlikeness(unlikeness, drawn, middles)
        if like is not None:
            cost += like.costs(drawn, middles)
        cost += _MADE_COST * made
        recordings = np.searchsorted(material.path_ends, drawn.starts, side="right")
        cost += _AGAIN_COST * np.exp((last_used[drawn.starts] - planned) / _FORGOTTEN_STEPS)
        cost += same_cost * np.exp((last_visited[recordings] - planned) / _FORGOTTEN_STEPS)
        if ends:
            cost += _join_costs(material, ends[-1], drawn, typical)
        # Not always the very best: takes of other seeds shall be other takes.
        best = int((cost + _CHANCE * generator.gumbel(size=num_drawn)).argmin())
        if planned < heard_steps:
            heard += sums[best]
            off += away[best] - owed
            spent += float(cost[best]) * lengths[best] / heard_steps
        owed, silent = _KEPT * away[best], _KEPT * float(silence[best])
        if like is not None:
            like.choose(best, is_heard=planned < heard_steps)
        start, end = int(drawn.starts[best]), int(drawn.ends[best])
        starts.append(start)
        ends.append(end)
        clean.append(bool(drawn.is_clean[best]))
        planned += end - start
        # Stretches that overlap this one are heard again too.
        last_used[max(start - 2, 0) : end] = planned
        last_visited[recordings[best]] = planned
    final = float(np.square(off * scale).sum()) * (_NOMINAL_STEPS / heard_steps)
    if like is not None:
        final += like.missed() * (_LIKE_STEPS / heard_steps)
    return Plan(np.array(starts), np.array(ends), np.array(clean), heard, spent + _FINAL_WEIGHT * final)


class _Debt:
    """What a take has too much, or too little, of some features so far."""

    def __init__(self, likeness: Likeness) -> None:
        self._likeness = likeness
        self._totals = _running_totals(likeness.features)
        self._owed = np.zeros(likeness.features.shape[1])
        self._away = self._owed[None]
        self._off = self._owed

    def costs(self, drawn: Stretches, middles: _Array) -> _Array:
        lengths = (drawn.ends - drawn.starts)[:, None]
        wanted = lengths * _between(self._likeness.means, middles)
        self._away = self._owed + self._totals[drawn.ends] - self._totals[drawn.starts] - wanted
        costs: _Array = self._likeness.weight * np.square(self._away / _LIKE_STEPS).sum(axis=1)
        return costs

    def choose(self, number: int, *, is_heard: bool) -> None:
        if is_heard:
            self._off = self._off + self._away[number] - self._owed
        self._owed = _KEPT * self._away[number]

    def missed(self) -> float:
        """Cost of what all of it has too much or too little of."""
        return self._likeness.weight * float(np.square(self._off / _LIKE_STEPS).sum())


def _typical_distance(material: Material) -> float:
    """Distance from a step to the one after it: the scale of what a join may change (the median)."""
    steps = np.square(np.diff(material.latents, axis=0)).sum(axis=1)
    return max(float(np.sqrt(np.median(steps))), 1e-9) if len(steps) else 1.0


def _join_costs(material: Material, left_at: int, drawn: Stretches, typical: float) -> _Array:
    """Cost of going from where the last stretch ended to each of the drawn, by how unlike what would have come it begins."""
    expected = material.latents[min(left_at, len(material.latents) - 1)]
    apart = np.sqrt(np.square(material.latents[drawn.starts] - expected).sum(axis=1)) / typical
    costs: _Array = _JOIN_COST * np.minimum(apart, _FURTHEST) * np.where(drawn.is_clean, _CLEAN_SHARE, 1.0)
    return costs


def _between(points: _Array, shares: _Array) -> _Array:
    """Interpolate rows that lie evenly over a take [shape=(shares, columns)]."""
    if len(points) == 1:
        return points
    at = shares * (len(points) - 1)
    left = np.minimum(at.astype(np.int64), len(points) - 2)
    part = (at - left)[:, None]
    between: _Array = (1.0 - part) * points[left] + part * points[left + 1]
    return between


def _running_totals(affinity: _Array) -> _Array:
    return np.concatenate([np.zeros((1, affinity.shape[1])), np.cumsum(affinity, axis=0)])


def _unlikeness(totals: _Array, drawn: Stretches, middles: _Array) -> _Array:
    """Mean cost of the steps of each drawn stretch, at the time at which it would be heard."""
    means = (totals[drawn.ends] - totals[drawn.starts]) / (drawn.ends - drawn.starts)[:, None]
    if means.shape[1] == 1:
        return means[:, 0]
    at = middles * (means.shape[1] - 1)
    left = np.minimum(at.astype(np.int64), means.shape[1] - 2)
    rows = np.arange(len(means))
    part = at - left
    unlike: _Array = (1.0 - part) * means[rows, left] + part * means[rows, left + 1]
    return unlike
