"""What an analysis found of a model: what its recordings bring step by step, and how far each control reaches.

Plain arrays, stored with the weights as tensors ``analysis.NAME``; :mod:`small_dataset_audio.controls` makes them and steers by
them. A model without one is whole: it just has no controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.errors import ModelDamagedError

ANALYSIS_VERSION: Final = 3
"""Stands for the order of controls and columns, and for how each is steered; an analysis of another version counts as none."""

NUM_CONTROLS: Final = 10
NUM_COLUMNS: Final = 12
MOST_NODES: Final = 64
MOST_QUANTILES: Final = 256

_Array = NDArray[np.float32]


@dataclass(frozen=True)
class Analysis:
    """Controls in the order of :data:`small_dataset_audio.controls.sliders.NAMES`; figures in the units of each.

    Parameters
    ----------
    sums : ndarray [shape=(steps, columns), float32]
        What each step of the latent density's paths brings to a take (:mod:`small_dataset_audio.controls.moments`).
    neutral : ndarray [shape=(controls,), float32]
        What takes measure that nothing is asked of, estimated from sums.
    spread : ndarray [shape=(controls,), float32]
        Standard deviation of that from take to take; the unit in which asks are made.
    asked : ndarray [shape=(controls, nodes), float32, deviations from neutral, rising]
        What was asked of the planner when rendered takes were measured.
    measured : ndarray [shape=(controls, nodes), float32, rising]
        What those takes measured, none of them rehearsed.
    crosstalk : ndarray [shape=(controls, controls), float32]
        By how many deviations each descriptor (column) moved in rehearsed takes while each control (row) went over its range.
    weights : ndarray [shape=(controls, controls), float32, over 0]
        How much each descriptor (column) counts while a control (row) is steered.
    leans : ndarray [shape=(controls, controls), float32, -1 to 1]
        By how many deviations each descriptor (column) shall go along with one of a control's own (row); 1 for itself.
    monotonicity : ndarray [shape=(controls,), float32, 0 to 1]
        Correlation to be expected of the slider with what rehearsed takes measure.
    is_live : ndarray [shape=(controls,), bool]
        Whether a control does what it says, and nothing else half as much.
    quantiles : ndarray [shape=(controls, quantiles), float32, rising]
        Evenly spaced quantiles of what stretches of the recordings measure.

    Raises
    ------
    ModelDamagedError
        The arrays do not fit one another, or hold non-finite numbers.
    """

    sums: _Array = field(repr=False)
    neutral: _Array = field(repr=False)
    spread: _Array = field(repr=False)
    asked: _Array = field(repr=False)
    measured: _Array = field(repr=False)
    crosstalk: _Array = field(repr=False)
    weights: _Array = field(repr=False)
    leans: _Array = field(repr=False)
    monotonicity: _Array = field(repr=False)
    is_live: NDArray[np.bool_] = field(repr=False)
    quantiles: _Array = field(repr=False)

    def __post_init__(self) -> None:
        nodes = self.asked.shape[-1] if self.asked.ndim == 2 else 0
        quantiles = self.quantiles.shape[-1] if self.quantiles.ndim == 2 else 0
        of_each = (NUM_CONTROLS,)
        shapes = {
            "neutral": of_each,
            "spread": of_each,
            "asked": (NUM_CONTROLS, nodes),
            "measured": (NUM_CONTROLS, nodes),
            "crosstalk": (NUM_CONTROLS, NUM_CONTROLS),
            "weights": (NUM_CONTROLS, NUM_CONTROLS),
            "leans": (NUM_CONTROLS, NUM_CONTROLS),
            "monotonicity": of_each,
            "is_live": of_each,
            "quantiles": (NUM_CONTROLS, quantiles),
        }
        fitting = all(getattr(self, name).shape == shape for name, shape in shapes.items())
        if not (fitting and self.sums.ndim == 2 and self.sums.shape[1] == NUM_COLUMNS and len(self.sums)):
            raise ModelDamagedError("the analysis's arrays do not fit one another; run sda analyze again")
        if not (2 <= nodes <= MOST_NODES and 2 <= quantiles <= MOST_QUANTILES):
            raise ModelDamagedError("the analysis has no nodes, or too many; run sda analyze again")
        if not all(np.isfinite(getattr(self, item.name)).all() for item in fields(self)):
            raise ModelDamagedError("the analysis holds non-finite numbers; run sda analyze again")
        rising = (np.diff(self.asked) > 0).all() and (np.diff(self.measured) >= 0).all()
        positive = (self.spread > 0).all() and (self.weights > 0).all() and (self.sums[:, -1] >= 0).all()
        leaning = np.abs(self.leans).max() <= 1.0
        if not (rising and positive and leaning):
            raise ModelDamagedError("the analysis holds figures that no measurement gives; run sda analyze again")


def analysis_from(arrays: Mapping[str, NDArray[Any]]) -> Analysis | None:
    """Take an analysis out of stored arrays by their names; None where there is none, or one of another version.

    Raises
    ------
    ModelDamagedError
        One is there, but not whole.
    """
    version = arrays.get("version")
    if version is None or version.shape != (1,) or version.dtype != np.int64 or int(version[0]) != ANALYSIS_VERSION:
        return None
    found: dict[str, NDArray[Any]] = {}
    for item in fields(Analysis):
        wanted = np.bool_ if item.name == "is_live" else np.float32
        value = arrays.get(item.name)
        if value is None or value.dtype != wanted:
            raise ModelDamagedError(f"analysis.{item.name} is missing or not {np.dtype(wanted)}; run sda analyze again")
        found[item.name] = value
    return Analysis(**found)


def arrays_of(analysis: Analysis) -> dict[str, NDArray[Any]]:
    """Give an analysis as arrays by name, its version among them."""
    version = np.array([ANALYSIS_VERSION], dtype=np.int64)
    return {"version": version, **{item.name: getattr(analysis, item.name) for item in fields(analysis)}}


STORED_NAMES: Final = ("version", *(item.name for item in fields(Analysis)))
"""Names of the arrays in a file."""
