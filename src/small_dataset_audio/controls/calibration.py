"""Finds out what each control can do: first from sums, in milliseconds, then from rendered takes.

A control is live where rendered takes follow it, where it moves its own descriptor far more than any other, and where it moves
it at all. How far a slider goes is the furthest ask at which that holds: a shorter way that is clean is worth more than a
longer one that drags everything along.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from small_dataset_audio.controls.material import Material, material_of
from small_dataset_audio.controls.moments import estimate
from small_dataset_audio.controls.planner import Goal, plan_take
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.steering import SteeredDensity
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.draws import SpreadDraws

TAKE_S: Final = 10.0
"""Length of the takes that are measured."""

_DEFAULT_WALKS: Final = 64
_REACHES: Final = (2.5, 1.75, 1.25)  # deviations
_NODES: Final = (-1.0, -0.5, 0.5, 1.0)  # of the reach
_PLANNED_SEEDS: Final = 3
_RENDERED_SEEDS: Final = 3
_NEUTRAL_SEEDS: Final = 4
_FIRST_SEED: Final = 7_000_000  # of takes that nobody asked for
_TRIES: Final = 3
_TAKES_OF_A_CONTROL: Final = _TRIES * len(_NODES) * _RENDERED_SEEDS
_ROUNDS: Final = 6
_DRAWN: Final = 256  # for what is only planned, which is much
_LEAST_RATIO: Final = 2.2  # 2 is promised, of takes that are not these
_LEAST_MONOTONICITY: Final = 0.9
_LEAST_RANGE: Final = 1.0  # deviations from end to end
_HOPELESS: Final = 0.5  # what follows no better is not tried again
_SUSPICIOUS: Final = 0.4  # of the own movement: what moves so far is held harder
_HELD: Final = tuple({"pulse": 0.1, "loudness": 0.3, "attack": 0.5}.get(name, 1.0) for name in NAMES)
"""Less for what sums tell less well: a pulse needs seconds, a level is that of the recordings, not of the finished take."""

_Array = NDArray[np.float64]

Measure: TypeAlias = Callable[[SteeredDensity, int], _Array]
"""Renders a take of :data:`TAKE_S` seconds by a density and a seed; gives its descriptors, NaN where it has none."""


@dataclass(frozen=True)
class Response:
    """How takes answer one control.

    Parameters
    ----------
    number : int
        Of the control, in :data:`~small_dataset_audio.controls.sliders.NAMES`.
    asked : ndarray [shape=(takes,), deviations]
    measured : ndarray [shape=(takes, controls), deviations]
        NaN where a take has none.
    """

    number: int
    asked: _Array
    measured: _Array

    def nodes(self) -> tuple[_Array, _Array]:
        """Give each ask once, and the means of the own descriptor there, made rising (isotonic regression)."""
        known = np.isfinite(self.measured[:, self.number])
        asks, place, counts = np.unique(self.asked[known], return_inverse=True, return_counts=True)
        if len(asks) < 2:
            return np.array([-1.0, 1.0]), np.zeros(2)
        means = np.bincount(place, self.measured[known, self.number]) / counts
        return asks, scipy.optimize.isotonic_regression(means, weights=counts).x

    def own_range(self) -> float:
        """By how many deviations the own descriptor moves from end to end."""
        means = self.nodes()[1]
        return float(means[-1] - means[0])

    def others(self) -> _Array:
        """By how many deviations the other descriptors move meanwhile [shape=(controls,), signed]; 0 for the own."""
        return self._lines()[0]

    def surely(self) -> _Array:
        """Size of that, less one standard error: the largest of nine guesses is a guess too high."""
        moved, error = self._lines()
        return np.maximum(np.abs(moved) - error, 0.0)

    def monotonicity(self) -> float:
        """Correlation to be expected between the slider and the own descriptor, from the scatter of takes around the nodes.

        A slider goes evenly through the range R, so its variance is R^2 / 12; takes scatter around it. From few takes this is
        told better than by ranking them.
        """
        asks, means = self.nodes()
        known = np.isfinite(self.measured[:, self.number])
        scatter = self.measured[known, self.number] - np.interp(self.asked[known], asks, means)
        variance = float(np.square(scatter).sum()) / max(known.sum() - len(asks), 1)
        signal = self.own_range() ** 2 / 12.0
        return float(np.sqrt(signal / (signal + variance))) if signal > 0.0 else 0.0

    def is_clean(self) -> bool:
        """Whether that is a control."""
        own = self.own_range()
        return (
            self.monotonicity() >= _LEAST_MONOTONICITY
            and own >= _LEAST_RANGE
            and own >= _LEAST_RATIO * float(self.surely().max())
        )

    def _lines(self) -> tuple[_Array, _Array]:
        """Slope of a straight line through each other descriptor, and its standard error, both times the range."""
        moved, error = np.zeros((2, self.measured.shape[1]))
        for column, values in enumerate(self.measured.T):
            known = np.isfinite(values)
            asks = self.asked[known] - self.asked[known].mean() if known.any() else np.zeros(0)
            width = float(np.square(asks).sum())
            if column == self.number or known.sum() < 3 or width == 0.0:
                continue
            moved[column] = float(asks @ values[known]) / width
            left = values[known] - values[known].mean() - moved[column] * asks
            error[column] = np.sqrt(np.square(left).sum() / (len(asks) - 2) / width)
        return moved * np.ptp(self.asked), error * np.ptp(self.asked)


@dataclass(frozen=True)
class Way:
    """A way to steer one descriptor: how far, and how hard each is held meanwhile."""

    reach: float
    weights: _Array = field(repr=False)


class Calibrator:
    """Measures what every control does.

    Parameters
    ----------
    density : LatentDensity
    sums : ndarray [shape=(steps, columns), float32]
        Of :func:`~small_dataset_audio.controls.moments.describe_steps`.
    quantiles : ndarray [shape=(controls, quantiles), float32]
        Of what the recordings measure; kept as they are.
    step_samples : int
    num_steps : int
        Of a take of :data:`TAKE_S`.
    measure : Measure
    """

    def __init__(
        self,
        density: LatentDensity,
        sums: NDArray[np.float32],
        quantiles: NDArray[np.float32],
        step_samples: int,
        num_steps: int,
        measure: Measure,
    ) -> None:
        self._density = density
        self._sums = sums
        self._quantiles = quantiles
        self._step_samples = step_samples
        self._num_steps = num_steps
        self._measure = measure
        self._material: Material = material_of(density, sums)
        self._neutral, spread = self._default_figures()
        self._varies = np.isfinite(spread) & (spread > 1e-6 * (1.0 + np.abs(self._neutral)))
        self._spread = np.where(self._varies, spread, 1.0)

    @property
    def most_takes(self) -> int:
        """Takes that :meth:`run` renders at most."""
        return _NEUTRAL_SEEDS + len(NAMES) * _TAKES_OF_A_CONTROL

    def run(self) -> Iterator[int | Analysis]:
        """Try every control.

        Yields
        ------
        int
            Takes that are rendered, or turned out not to be needed; it rises to :attr:`most_takes`.
        Analysis
            At last.
        """
        neutral = yield from self._takes(0, (0.0,), Way(0.0, np.array(_HELD)), _NEUTRAL_SEEDS, 0)
        found: list[tuple[Way, Response]] = []
        for number in range(len(NAMES)):
            done = _NEUTRAL_SEEDS + number * _TAKES_OF_A_CONTROL
            found.append((yield from self._best(replace(neutral, number=number), done)))
            yield done + _TAKES_OF_A_CONTROL
        yield self._summary([way for way, _ in found], [response for _, response in found])

    def _best(self, neutral: Response, done: int) -> Generator[int, None, tuple[Way, Response]]:
        """Look for a way whose rendered takes are clean; else give the one that follows best."""
        number = neutral.number
        ways = self._planned_ways(number) if self._varies[number] else []
        best = Way(_REACHES[-1], np.array(_HELD)), neutral
        held = np.ones(len(NAMES))
        # The furthest; the same again, what moved along held harder; then less far, so held.
        for way in (ways[:1] * 2 + ways[1:2])[:_TRIES]:
            tried = replace(way, weights=way.weights * held)
            asked = tuple(node * way.reach for node in _NODES)
            answer = yield from self._takes(number, asked, tried, _RENDERED_SEEDS, done)
            done += len(answer.asked)
            response = _together(answer, neutral)
            if response.is_clean():
                return tried, response
            if response.monotonicity() > best[1].monotonicity():
                best = tried, response
            if response.monotonicity() < _HOPELESS:
                break
            held = held * np.where(response.surely() > _SUSPICIOUS * response.own_range(), 3.0, 1.0)
        return best

    def _planned_ways(self, number: int) -> list[Way]:
        """Find by sums how to steer descriptor `number`: the furthest clean ways first; none where there is no clean one."""
        ways = []
        for reach in _REACHES:
            weights = np.array(_HELD)
            weights[number] = 1.0
            for _ in range(_ROUNDS):
                response = self._planned(number, Way(reach, weights))
                if response.is_clean():
                    ways.append(Way(reach, weights))
                    break
                weights = weights.copy()
                weights[int(response.surely().argmax())] *= 2.0
        return ways

    def _planned(self, number: int, way: Way) -> Response:
        asked = np.repeat([-way.reach, 0.0, way.reach], _PLANNED_SEEDS)
        figures = []
        for place, ask in enumerate(asked.tolist()):
            generator = np.random.default_rng(place % _PLANNED_SEEDS)
            goal = self._goal(number, ask, way.weights)
            plan = plan_take(self._material, goal, self._num_steps, self._step_samples, generator, _DRAWN)
            sums = (self._material.totals[plan.ends] - self._material.totals[plan.starts]).sum(axis=0)
            figures.append(estimate(sums, self._step_samples))
        return Response(number, asked, np.stack(figures) / self._spread)

    def _takes(
        self, number: int, asked: Sequence[float], way: Way, num_seeds: int, done: int
    ) -> Generator[int, None, Response]:
        """Render and measure takes, `num_seeds` for each ask."""
        figures = []
        for ask in asked:
            goal = self._goal(number, ask, way.weights)
            steered = SteeredDensity(self._density, self._material, goal, self._step_samples)
            for seed in range(_FIRST_SEED, _FIRST_SEED + num_seeds):
                figures.append(self._measure(steered, seed))
                yield done + len(figures)
        return Response(number, np.repeat(asked, num_seeds), np.stack(figures) / self._spread)

    def _goal(self, number: int, ask: float, weights: _Array) -> Goal:
        target = self._neutral.copy()
        target[number] += ask * self._spread[number]
        return Goal(target[None], self._spread, weights)

    def _default_figures(self) -> tuple[_Array, _Array]:
        """Estimate what takes measure that nothing is asked of, and by how much they differ [each shape=(controls,)]."""
        rows = [
            self._density.walk(self._num_steps, np.random.default_rng(seed), WalkStyle(), SpreadDraws(seed)).rows[0]
            for seed in range(_DEFAULT_WALKS)
        ]
        figures = estimate(
            np.stack([self._sums[row].sum(axis=0, dtype=np.float64) for row in rows]), self._step_samples
        )
        return figures.mean(axis=0), figures.std(axis=0)

    def _summary(self, ways: list[Way], responses: list[Response]) -> Analysis:
        asked, measured = [], []
        for way, response in zip(ways, responses, strict=True):
            asks, means = response.nodes()
            nodes = np.array([node * way.reach for node in (-1.0, -0.5, 0.0, 0.5, 1.0)])
            asked.append(nodes)
            measured.append(np.interp(nodes, asks, means) * self._spread[response.number])
        crosstalk = np.stack([response.others() for response in responses])
        np.fill_diagonal(crosstalk, [response.own_range() for response in responses])

        def single(values: Sequence[float] | Sequence[_Array] | _Array) -> NDArray[np.float32]:
            return np.asarray(values, dtype=np.float32)

        return Analysis(
            sums=self._sums,
            neutral=single(self._neutral),
            spread=single(self._spread),
            asked=single(asked),
            measured=np.maximum.accumulate(single(measured), axis=1),
            crosstalk=single(crosstalk),
            weights=single([way.weights for way in ways]),
            monotonicity=single([response.monotonicity() for response in responses]),
            is_live=np.array([response.is_clean() for response in responses]),
            quantiles=self._quantiles,
        )


def _together(first: Response, second: Response) -> Response:
    return replace(
        first,
        asked=np.concatenate([first.asked, second.asked]),
        measured=np.concatenate([first.measured, second.measured]),
    )
