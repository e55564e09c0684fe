"""What an analysis says of each control, in units, for people and scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from small_dataset_audio.controls.sliders import NAMES, SLIDER_END, UNITS
from small_dataset_audio.controls.steering import slider_to_units
from small_dataset_audio.models.analysis import Analysis

_ROUNDED: Final = 4  # digits after the point


@dataclass(frozen=True)
class ControlReport:
    """One control of a model.

    Parameters
    ----------
    name, unit : str
    is_live : bool
        Whether it does what it says, and nothing else half as much.
    low, neutral, high : float [in `unit`]
        What takes measure at -10, 0 and +10.
    monotonicity : float [0 to 1]
        Correlation of the slider with what takes measure.
    moves : float [standard deviations of takes]
        By how much it moves its own descriptor, from end to end.
    drags : str
        The descriptor that moves most with it.
    drags_by : float [standard deviations of takes]
    corpus : tuple of float [in `unit`]
        Evenly spaced quantiles of the recordings' moments.
    """

    name: str
    unit: str
    is_live: bool
    low: float
    neutral: float
    high: float
    monotonicity: float
    moves: float
    drags: str
    drags_by: float
    corpus: tuple[float, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


def report_controls(analysis: Analysis) -> tuple[ControlReport, ...]:
    """Say what each control of a model does, in the order in which they are shown."""
    reports = []
    for number, name in enumerate(NAMES):
        low, neutral, high = slider_to_units(analysis, number, np.array([-SLIDER_END, 0.0, SLIDER_END])).tolist()
        others = np.abs(analysis.crosstalk[number])
        others[number] = -1.0
        reports.append(
            ControlReport(
                name=name,
                unit=UNITS[name],
                is_live=bool(analysis.is_live[number]),
                low=round(low, _ROUNDED),
                neutral=round(neutral, _ROUNDED),
                high=round(high, _ROUNDED),
                monotonicity=round(float(analysis.monotonicity[number]), _ROUNDED),
                moves=round(float(analysis.crosstalk[number, number]), _ROUNDED),
                drags=NAMES[int(others.argmax())],
                drags_by=round(float(others.max()), _ROUNDED),
                corpus=tuple(round(float(value), _ROUNDED) for value in analysis.quantiles[number]),
            )
        )
    return tuple(reports)
