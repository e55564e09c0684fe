"""How a training went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from small_dataset_audio.plots.style import ACCENT, INK, LINE, WAVE, calm, new_figure, save, write_title

if TYPE_CHECKING:
    from small_dataset_audio.training.state import LossPoint


def plot_losses(history: Sequence[LossPoint], path: Path, *, title: str) -> Path:
    """Draw the training loss, plain and smoothed, and the held-out loss where it was measured.

    Parameters
    ----------
    history : sequence of LossPoint
        May be empty.
    path : Path
        Of the PNG; its folder must exist. A picture of that name is replaced.
    title : str

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    figure = new_figure(8.0, 4.2)
    axes = figure.add_axes((0.1, 0.12, 0.86, 0.76))
    held_out = [(point.step, point.held_out) for point in history if point.held_out is not None]
    last = f"held-out loss {held_out[-1][1]:.3f}" if held_out else "no recordings held out"
    write_title(figure, title, f"{len(history)} step{'' if len(history) == 1 else 's'}, {last}", left=0.1, right=0.96)
    calm(axes)
    axes.grid(color=LINE, linewidth=0.7)
    if history:
        steps = [point.step for point in history]
        losses = np.array([point.reconstruction for point in history])
        marker = "o" if len(history) == 1 else ""
        axes.plot(steps, losses, color=WAVE, alpha=0.25, linewidth=0.8, marker=marker)
        axes.plot(steps, _smooth(losses), color=WAVE, linewidth=1.8, label="recordings trained on")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), color=ACCENT, linewidth=1.4, marker="o", markersize=4, label="held out")
    if history:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # a loss seldom spans a decade
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("training step", color=INK, fontsize=8.5)
    axes.set_ylabel("reconstruction error (standard deviations, log scale)", color=INK, fontsize=8.5)
    return save(figure, path)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running mean over a twentieth of the curve, over what there is of it at both ends."""
    half = max(1, len(values) // 40)
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, end = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    smooth: NDArray[np.float64] = (total[end] - total[first]) / (end - first)
    return smooth
