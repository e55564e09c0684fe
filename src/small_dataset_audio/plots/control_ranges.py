"""What each control of a model can do: its range in its unit over the corpus's own distribution, and what it drags along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from small_dataset_audio.controls.report import ControlReport
from small_dataset_audio.plots.style import (
    ACCENT,
    INK,
    LINE,
    QUIET_INK,
    WAVE,
    calm,
    new_figure,
    printable,
    save,
    write_title,
)

_CORPUS: Final = "#c3ccd4"
_ROW_IN: Final = 0.62
_MARGIN: Final = 0.06


def plot_controls(model_name: str, reports: Sequence[ControlReport], path: Path) -> Path:
    """Draw the controls of a model, one row each.

    Parameters
    ----------
    model_name : str
    reports : sequence of ControlReport
    path : Path
        Of the PNG; its folder must exist. A picture of that name is replaced.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    height = 1.25 + _ROW_IN * len(reports)
    figure = new_figure(9.0, height)
    live = sum(report.is_live for report in reports)
    write_title(
        figure, f"{model_name}: what its controls reach", f"{live} of {len(reports)} live", left=0.03, right=0.97
    )
    for number, report in enumerate(reports):
        bottom = (0.6 + _ROW_IN * (len(reports) - 1 - number)) / height
        ink = INK if report.is_live else QUIET_INK
        figure.text(
            0.03, bottom + 0.27 / height, printable(report.name), color=ink, fontsize=10, weight="bold", va="center"
        )
        figure.text(0.03, bottom + 0.08 / height, _words(report), color=QUIET_INK, fontsize=7.5, va="center")
        _draw(figure.add_axes((0.36, bottom, 0.61, 0.36 / height)), report)
    key = "grey: half of the corpus's moments lie in the dark part, all but a twentieth in the pale; colour: from -10 to +10"
    figure.text(0.97, 0.22 / height, key, color=QUIET_INK, fontsize=8, va="center", ha="right")
    return save(figure, path)


def _draw(axes: Axes, report: ControlReport) -> None:
    calm(axes)
    corpus = np.array(report.corpus)
    tail, lower, middle, upper, head = np.quantile(corpus, (0.025, 0.25, 0.5, 0.75, 0.975))
    axes.barh(0.0, head - tail, left=tail, height=0.7, color=LINE)
    axes.barh(0.0, upper - lower, left=lower, height=0.7, color=_CORPUS)
    axes.plot([middle, middle], [-0.35, 0.35], color="white", linewidth=1.5)
    shown = [tail, head]
    if report.is_live:
        axes.plot([report.low, report.high], [0.0, 0.0], color=WAVE, linewidth=4.0, solid_capstyle="round")
        axes.plot([report.neutral], [0.0], marker="o", markersize=7, color=ACCENT, markeredgecolor="white")
        shown += [report.low, report.high]
    margin = _MARGIN * max(max(shown) - min(shown), 1e-6)
    axes.set(xlim=(min(shown) - margin, max(shown) + margin), ylim=(-0.6, 0.6), yticks=[])
    axes.tick_params(axis="x", labelsize=7, colors=QUIET_INK, pad=1)


def _words(report: ControlReport) -> str:
    if not report.is_live:
        return "not live with these recordings"
    unit = f" {report.unit}" if report.unit else ""
    return f"{report.low:.3g} to {report.high:.3g}{unit}; drags {report.drags} {report.drags_by / report.moves:.0%}"
