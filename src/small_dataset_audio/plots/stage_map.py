"""A map of what a model makes: the corpus's seconds in grey, and what each stage makes of them in colour.

The two axes are those along which the corpus varies most; how like the corpus a stage is, is measured in all of them. One panel
a stage, all on one scale, so that it is seen where something is lost and what part of the corpus is not reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from small_dataset_audio.evaluation.stages import ModelEvaluation, StageReport
from small_dataset_audio.plots.style import INK, LINE, QUIET_INK, calm, new_figure, printable, save, write_title

_CORPUS: Final = "#c3ccd4"
_COLOURS: Final = {"vocoder": "#2c6e8f", "autoencoder": "#8a5a9e", "generated": "#d9653b"}
_TITLES: Final = {"vocoder": "vocoder alone", "autoencoder": "autoencoder", "generated": "generated"}
_SHOWN_PERCENT: Final = (1.0, 99.0)
_MARGIN: Final = 0.05


def plot_evaluation(evaluation: ModelEvaluation, path: Path) -> Path:
    """Draw the map of a model, one panel a stage.

    Parameters
    ----------
    evaluation : ModelEvaluation
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
    corpus, *stages = evaluation.stages
    figure = new_figure(11.0, 4.9)
    remark = f"{evaluation.vocoder}, each dot a second of sound"
    write_title(figure, f"{evaluation.model_name}: how near to its corpus", remark, left=0.03, right=0.97)
    width, gap = 0.94 / max(len(stages), 1), 0.014
    limits = _limits(_flat(corpus.points), [_flat(stage.points) for stage in stages])
    for number, stage in enumerate(stages):
        axes = figure.add_axes((0.03 + number * width + gap / 2, 0.1, width - gap, 0.66))
        _draw_stage(axes, _flat(corpus.points), stage, limits)
    figure.text(0.03 + gap / 2, 0.045, "grey: the corpus", color=QUIET_INK, fontsize=8.5, va="center")
    figure.text(
        0.97 - gap / 2,
        0.045,
        "axes: the two directions in which the corpus varies most",
        color=QUIET_INK,
        fontsize=8.5,
        va="center",
        ha="right",
    )
    return save(figure, path)


def _draw_stage(
    axes: Axes, corpus: NDArray[np.float64], stage: StageReport, limits: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    calm(axes)
    colour = _COLOURS.get(stage.name, INK)
    for spine in axes.spines.values():
        spine.set(visible=True, color=LINE, linewidth=1.0)
    made = _flat(stage.points)
    axes.scatter(corpus[:, 0], corpus[:, 1], s=26, color=_CORPUS, linewidths=0, zorder=1)
    axes.scatter(made[:, 0], made[:, 1], s=15, color=colour, alpha=0.65, linewidths=0, zorder=2)
    low, high = limits
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
    name = printable(_TITLES.get(stage.name, stage.name))
    axes.text(0.0, 1.115, name, transform=axes.transAxes, color=colour, fontsize=11, weight="bold", va="bottom")
    axes.text(0.0, 1.03, _words(stage), transform=axes.transAxes, color=INK, fontsize=8.8, va="bottom")


def _words(stage: StageReport) -> str:
    similarity, coverage = stage.similarity.similarity_percent, stage.similarity.coverage
    parts = [
        "nothing to hear" if similarity is None else f"{similarity:.0f} % like the corpus",
        "" if coverage is None else f"reaches {100 * coverage:.0f} %",
        "" if stage.copied_share is None else f"{100 * stage.copied_share:.0f} % copied",
    ]
    return ", ".join(part for part in parts if part)


def _flat(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """First two coordinates; where a corpus varies in one direction only, the other is 0."""
    lacking = max(2 - points.shape[1], 0)
    return np.pad(points, ((0, 0), (0, lacking)))[:, :2]


def _limits(
    corpus: NDArray[np.float64], made: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest coordinates shown: all of the corpus, nearly all of what is made; no stray dot shrinks the map."""
    shown = [corpus, *(np.percentile(points, _SHOWN_PERCENT, axis=0) for points in made if len(points))]
    low, high = np.concatenate(shown).min(axis=0), np.concatenate(shown).max(axis=0)
    margin = np.maximum(_MARGIN * (high - low), 1e-3)
    return low - margin, high + margin
