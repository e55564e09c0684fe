"""Finds out what each control can do: first from sums, in milliseconds, then from rendered takes, then from rehearsed ones.

How far a slider goes is how far takes went: a shorter way that is clean is worth more than a longer one that drags everything
along. Which controls are live is decided by takes as they will be made, each rehearsed until it measures as its slider says, of
seeds that no way was chosen by: what those answer (:mod:`.response`) is no lucky find.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.material import Material, material_of
from small_dataset_audio.controls.moments import estimate
from small_dataset_audio.controls.planner import HEARD, Effort, Goal, plan_take
from small_dataset_audio.controls.response import Response
from small_dataset_audio.controls.sliders import LOUDNESS, NAMES
from small_dataset_audio.controls.steering import SteeredDensity, steer
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import Density, LatentDensity
from small_dataset_audio.models.draws import SpreadDraws

TAKE_S: Final = 10.0
"""Length of the takes that are measured."""

_DEFAULT_WALKS: Final = 64
_REACHES: Final = (2.5, 1.75, 1.25)  # deviations
_NODES: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the reach
_GAINS_LU: Final = (-18.0, -9.0, 0.0, 2.5, 5.0)  # up, peaks have to be limited; down, nothing is in the way
_PLANNED_SEEDS: Final = 3
_RENDERED_SEEDS: Final = 3
_NEUTRAL_SEEDS: Final = 4
_FIRST_SEED: Final = 7_000_000  # of takes that nobody asked for
_FIRST_REHEARSED_SEED: Final = 7_500_000
_TRIES: Final = 3
_TAKES_OF_A_TRY: Final = (len(_NODES) - 1) * _RENDERED_SEEDS
_TAKES_OF_LOUDNESS: Final = _NEUTRAL_SEEDS + len(_GAINS_LU) * _RENDERED_SEEDS
_ROUNDS: Final = 4
_PROMISING: Final = 0.7  # of what is only planned, and not with all effort; takes will show
_QUICK: Final = Effort(num_drawn=256, most_plans=4)  # for what is only planned, which is much
_HOPELESS: Final = 0.5  # what follows no better is not tried again
_PROMISED: Final = 0.85  # of a control: rehearsals make up for the rest
_REHEARSABLE: Final = 0.6  # that they may make up for
_SETTINGS: Final = (-10.0, -5.0, 0.0, 5.0, 10.0)  # of the slider, for rehearsed takes
_REHEARSED_SEEDS: Final = 2
_ROUNDS_REHEARSED: Final = 2
_TIMES_AS_LONG: Final = 7  # a take takes that is rehearsed, in the mean
_REHEARSED: Final = (
    len(_SETTINGS) * _REHEARSED_SEEDS * _TIMES_AS_LONG
)  # what a round of those takes, in takes that are not
_HARDEST: Final = 8.0  # harder, and one descriptor is all that counts
_LEAN: Final = 0.3  # of the own movement: a third more than what may go along is left for chance
_LOUDNESS, _PULSE = NAMES.index(LOUDNESS), NAMES.index("pulse")
_PLAYED: Final = tuple(number for number in range(len(NAMES)) if number != _LOUDNESS)
_HELD: Final = tuple({"pulse": 0.1, LOUDNESS: 0.1, "attack": 0.5}.get(name, 1.0) for name in NAMES)
"""Less for what sums tell less well, as a pulse needs seconds; and the loudness of a take is held by its gain."""

_Array = NDArray[np.float64]

Measure: TypeAlias = Callable[[Density, int, float | None], _Array]
"""Renders a take of :data:`TAKE_S` seconds by a density, a seed and a loudness (LUFS; None for a peak of -1 dBFS).

Gives its descriptors, NaN where it has none.
"""


@dataclass(frozen=True)
class Way:
    """A way to steer one descriptor.

    Parameters
    ----------
    asks : ndarray [shape=(nodes,), deviations, rising, 0 among them]
    weights : ndarray [shape=(controls,), over 0]
        How much each descriptor counts meanwhile.
    lean : ndarray [shape=(controls,), -1 to 1]
        By how many deviations each descriptor shall go along with one of the own: 1 for itself. Sounds that are brighter and
        nothing else are rare; those that are a little noisier too are many.
    """

    asks: _Array
    weights: _Array = field(repr=False)
    lean: _Array = field(repr=False)


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
        figures = self._default_figures()
        self._neutral, spread = figures.mean(axis=0), figures.std(axis=0)
        self._varies = np.isfinite(spread) & (spread > 1e-6 * (1.0 + np.abs(self._neutral)))
        self._spread = np.where(self._varies, spread, 1.0)
        apart = (figures - self._neutral) / self._spread
        self._together = apart.T @ apart / len(apart)

    @property
    def most_takes(self) -> int:
        """How long :meth:`run` takes at most, in takes that are not rehearsed."""
        return (
            _TAKES_OF_LOUDNESS
            + _NEUTRAL_SEEDS
            + len(_PLAYED) * (_TRIES * _TAKES_OF_A_TRY + _ROUNDS_REHEARSED * _REHEARSED)
        )

    def run(self) -> Iterator[int | Analysis]:
        """Try every control.

        Yields
        ------
        int
            How much is done, or turned out not to be needed; it rises to :attr:`most_takes`.
        Analysis
            At last.
        """
        found = {_LOUDNESS: (yield from self._by_gain())}
        _, loudness = found[_LOUDNESS]
        # All others are measured at one loudness, as they will be heard.
        level_lufs = self._in_units(loudness, np.zeros(1))[0] if loudness.is_clean() else None
        done = _TAKES_OF_LOUDNESS
        nothing = self._way(0, 0.0)
        neutral = yield from self._takes(0, nothing, np.zeros(1), _NEUTRAL_SEEDS, level_lufs, done)
        done += _NEUTRAL_SEEDS
        for number in _PLAYED:
            found[number] = yield from self._best(replace(neutral, number=number), level_lufs, done)
            done += _TRIES * _TAKES_OF_A_TRY
            yield done
        heard = {number: response for number, (_, response) in found.items()}
        planned = self._summary(found, heard)
        for number in _PLAYED:
            if heard[number].quality() >= _REHEARSABLE:
                way, open_response = found[number]
                weights, heard[number] = yield from self._best_rehearsed(planned, number, level_lufs, done)
                found[number] = replace(way, weights=weights), open_response
            done += _ROUNDS_REHEARSED * _REHEARSED
            yield done
        yield self._summary(found, heard)

    def _by_gain(self) -> Generator[int, None, tuple[Way, Response]]:
        """Make takes that nobody steers louder and quieter."""
        figures = []
        for seed in range(_FIRST_SEED, _FIRST_SEED + _NEUTRAL_SEEDS):
            figures.append(self._measure(self._density, seed, None))
            yield len(figures)
        found = np.array([figure[_LOUDNESS] for figure in figures])
        found = found[np.isfinite(found)]
        way = replace(self._way(_LOUDNESS, 0.0), asks=np.array(_GAINS_LU) / self._spread[_LOUDNESS])
        if not found.size:
            return way, Response(_LOUDNESS, np.zeros(len(figures)), np.stack(figures))
        figures = []
        for gain_lu in _GAINS_LU:
            for seed in range(_FIRST_SEED, _FIRST_SEED + _RENDERED_SEEDS):
                figures.append(self._measure(self._density, seed, float(found.mean()) + gain_lu))
                yield _NEUTRAL_SEEDS + len(figures)
        return way, Response(_LOUDNESS, np.repeat(way.asks, _RENDERED_SEEDS), np.stack(figures) / self._spread)

    def _best(
        self, neutral: Response, level_lufs: float | None, done: int
    ) -> Generator[int, None, tuple[Way, Response]]:
        """Look for a way whose rendered takes are nearly clean; else give the one that follows best."""
        number = neutral.number
        ways = self._planned_ways(number) if self._varies[number] else []
        best = self._way(number, _REACHES[-1]), neutral
        held = np.ones(len(NAMES))
        rest = iter(ways)
        way = next(rest, None)
        for _ in range(_TRIES):
            if way is None:
                break
            tried = replace(way, weights=way.weights * held, lean=way.lean / np.sqrt(held))
            response = neutral
            # The ends first: what they spoil, the middle does not mend.
            for asks in (way.asks[[0, -1]], way.asks[[1, -2]]):
                answer = yield from self._takes(number, tried, asks, _RENDERED_SEEDS, level_lufs, done)
                done += len(answer.asked)
                response = response.with_takes(answer)
                if response.quality() < _PROMISED:
                    break
            if response.quality() > best[1].quality():
                best = tried, response
            if response.quality() >= _PROMISED or response.monotonicity() < _HOPELESS:
                break
            # By how much each moves too far is what it is held harder by, in its cost a square.
            too_far = response.too_far()
            held = np.minimum(held * np.square(too_far), _HARDEST)
            if too_far.max() <= 1.0:  # it follows too loosely, or hardly moves
                way = next(rest, None)
        return best

    def _planned_ways(self, number: int) -> list[Way]:
        """Find by sums how to steer descriptor `number`: the best first, where several are good the furthest."""
        ways = []
        for reach in _REACHES:
            way = self._way(number, reach)
            for _ in range(_ROUNDS):
                response = self._planned(number, way)
                ways.append((min(response.quality(), 1.0), way))
                if response.is_clean():
                    break
                worst = np.arange(len(NAMES)) == int(response.surely().argmax())
                way = replace(
                    way, weights=np.where(worst, 2.0, 1.0) * way.weights, lean=np.where(worst, 0.5, 1.0) * way.lean
                )
        ways.sort(key=lambda found: -found[0])
        return [way for quality, way in ways if quality >= _PROMISING]

    def _way(self, number: int, reach: float) -> Way:
        """Start with one that goes as far down as up, and leans as takes do by themselves."""
        weights = np.array(_HELD)
        weights[number] = 1.0
        lean = np.clip(self._together[number], -_LEAN, _LEAN)
        lean[[_LOUDNESS, _PULSE]] = 0.0  # told too badly to be asked for along the way
        lean[number] = 1.0
        return Way(reach * np.array(_NODES), weights, lean)

    def _planned(self, number: int, way: Way) -> Response:
        asked = np.repeat(way.asks[[0, len(way.asks) // 2, -1]], _PLANNED_SEEDS)
        figures = []
        for place, ask in enumerate(asked.tolist()):
            generator = np.random.default_rng(place % _PLANNED_SEEDS)
            plan = plan_take(
                self._material, self._goal(ask, way), self._num_steps, self._step_samples, generator, _QUICK
            )
            figures.append(estimate(plan.heard, self._step_samples))
        told = np.stack(figures) / self._spread
        # Sums tell nothing of the loudness of a take, and little of its pulse.
        told[:, [other for other in (_LOUDNESS, _PULSE) if other != number]] = 0.0
        return Response(number, asked, told)

    def _takes(
        self, number: int, way: Way, asks: _Array, num_seeds: int, level_lufs: float | None, done: int
    ) -> Generator[int, None, Response]:
        """Render and measure takes, `num_seeds` for each ask."""
        figures = []
        for ask in asks.tolist():
            goal = self._goal(ask, way)
            steered = SteeredDensity(
                self._density, self._material, goal, self._step_samples, self._num_steps, effort=HEARD
            )
            for seed in range(_FIRST_SEED, _FIRST_SEED + num_seeds):
                figures.append(self._measure(steered, seed, level_lufs))
                yield done + len(figures)
        return Response(number, np.repeat(asks, num_seeds), np.stack(figures) / self._spread)

    def _best_rehearsed(
        self, planned: Analysis, number: int, level_lufs: float | None, done: int
    ) -> Generator[int, None, tuple[_Array, Response]]:
        """Measure rehearsed takes; where all they lack is that others are held, hold those and measure again, others.

        The last ones count, and not the best: of what was tried twice, the better is in part luck.
        """
        weights = planned.weights[number].astype(np.float64)
        for round_ in range(_ROUNDS_REHEARSED):
            tried = planned.weights.copy()
            tried[number] = weights
            first_seed = _FIRST_REHEARSED_SEED + round_ * _REHEARSED_SEEDS
            response = yield from self._rehearsed(replace(planned, weights=tried), number, level_lufs, done, first_seed)
            done += _REHEARSED
            if not response.only_drags() or round_ + 1 == _ROUNDS_REHEARSED:
                break
            weights = np.minimum(weights * np.square(response.too_far()), np.maximum(weights, _HARDEST))
        return weights, response

    def _rehearsed(
        self, planned: Analysis, number: int, level_lufs: float | None, done: int, first_seed: int
    ) -> Generator[int, None, Response]:
        """Render and measure takes as they are made once the model has its controls."""
        settings = np.repeat(_SETTINGS, _REHEARSED_SEEDS)
        figures = []
        for place, setting in enumerate(settings.tolist()):
            controls = {NAMES[number]: setting}
            steered = steer(self._density, planned, controls, self._step_samples, self._material)
            steered = replace(steered, heard_steps=self._num_steps)
            figures.append(self._measure(steered, first_seed + place % _REHEARSED_SEEDS, level_lufs))
            yield done + _TIMES_AS_LONG * len(figures)
        return Response(number, settings, np.stack(figures) / self._spread)

    def _goal(self, ask: float, way: Way) -> Goal:
        return Goal((self._neutral + ask * way.lean * self._spread)[None], self._spread, way.weights)

    def _default_figures(self) -> _Array:
        """Estimate what takes measure that nothing is asked of [shape=(takes, controls)]."""
        rows = [
            self._density.walk(self._num_steps, np.random.default_rng(seed), WalkStyle(), SpreadDraws(seed)).rows[0]
            for seed in range(_DEFAULT_WALKS)
        ]
        sums = np.stack([self._sums[row].sum(axis=0, dtype=np.float64) for row in rows])
        return estimate(sums, self._step_samples)

    def _in_units(self, response: Response, asks: _Array) -> _Array:
        """Say what takes measure for asks, in the unit of the control."""
        at, means = response.nodes()
        return np.asarray(np.interp(asks, at, means) * self._spread[response.number], dtype=np.float64)

    def _summary(self, found: Mapping[int, tuple[Way, Response]], heard: Mapping[int, Response]) -> Analysis:
        """Put together how each control is asked for (`found`), and what it then does (`heard`)."""
        ways, responses = zip(*(found[number] for number in range(len(NAMES))), strict=True)
        answers = [heard[number] for number in range(len(NAMES))]
        asked = [way.asks for way in ways]
        measured = [self._in_units(response, way.asks) for way, response in zip(ways, responses, strict=True)]
        crosstalk = np.stack([answer.others() for answer in answers])
        np.fill_diagonal(crosstalk, [answer.own_range() for answer in answers])

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
            leans=single([way.lean for way in ways]),
            monotonicity=single([answer.monotonicity() for answer in answers]),
            is_live=np.array([answer.is_clean() for answer in answers]),
            quantiles=self._quantiles,
        )
