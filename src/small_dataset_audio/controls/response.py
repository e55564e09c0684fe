"""How takes answer a control, and whether that makes it one.

A control is live where rendered takes follow it, where it moves its own descriptor far more than any other, and where it moves
it at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

_LEAST_RATIO: Final = 2.2  # 2 is promised, of takes that are not these
_LEAST_MONOTONICITY: Final = 0.9
_LEAST_RANGE: Final = 1.0  # deviations from end to end
_SAFE_SHARE: Final = 0.9  # of what may move along
_MUCH_TOO_FAR: Final = 1.6

_Array = NDArray[np.float64]


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
        return self.quality() >= 1.0

    def only_drags(self) -> bool:
        """Whether all that it lacks is that others stay where they are."""
        follows = self.monotonicity() >= _LEAST_MONOTONICITY and self.own_range() >= _LEAST_RANGE
        return follows and not self.is_clean()

    def quality(self) -> float:
        """Say how good a control that is, by what it lacks most: from 1 on it is one."""
        own, worst = self.own_range(), float(self.surely().max())
        shares = (self.monotonicity() / _LEAST_MONOTONICITY, own / _LEAST_RANGE, own / max(_LEAST_RATIO * worst, 1e-9))
        return min(shares)

    def too_far(self) -> _Array:
        """By how many times each other descriptor moves further than it may [shape=(controls,), 1 to 1.6]."""
        own = max(self.own_range(), _LEAST_RANGE)
        return np.clip(_LEAST_RATIO * self.surely() / (_SAFE_SHARE * own), 1.0, _MUCH_TOO_FAR)

    def with_takes(self, more: Response) -> Response:
        """Add what other takes answered."""
        return replace(
            self,
            asked=np.concatenate([self.asked, more.asked]),
            measured=np.concatenate([self.measured, more.measured]),
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
