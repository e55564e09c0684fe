"""A corpus at a glance: every recording as a small waveform."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from small_dataset_audio.plots.envelope import envelope
from small_dataset_audio.plots.style import (
    INK,
    LINE,
    QUIET_INK,
    WAVE,
    clock,
    new_figure,
    printable,
    save,
    shorten,
    write_title,
)

if TYPE_CHECKING:
    from small_dataset_audio.corpus import Clip, Corpus

_CELLS_PER_ROW: Final = 4
_MAX_CELLS: Final = 80
_CELL_COLUMNS: Final = 220
_CELL_NAME_LENGTH: Final = 30
_CELL_GAP: Final = 0.06


def plot_corpus(corpus: Corpus, path: Path) -> Path:
    """Draw every recording of a corpus as a small waveform with its name and length, all on one amplitude scale.

    Parameters
    ----------
    corpus : Corpus
        May hold no clips. Those beyond the first 80 are counted, not drawn.
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
    shown = corpus.clips[:_MAX_CELLS]
    more = len(corpus.clips) - len(shown)
    per_row = max(1, min(_CELLS_PER_ROW, len(shown)))
    rows = max(1, math.ceil(len(shown) / per_row))
    cells_height, above, below = 0.72 * rows, 0.5, 0.35 if more else 0.12
    height = cells_height + above + below
    figure = new_figure(11.0, height)
    axes = figure.add_axes((0.02, below / height, 0.96, cells_height / height))
    axes.axis("off")
    axes.set(xlim=(0, per_row - _CELL_GAP), ylim=(rows, 0))

    count = len(corpus.clips)
    summary = f"{count} recording{'' if count == 1 else 's'}, {clock(corpus.duration_s)}"
    write_title(figure, corpus.folder.resolve().name, summary, left=0.02, right=0.98)
    loudest = max((float(np.abs(clip.audio).max()) for clip in shown), default=0.0)
    for index, clip in enumerate(shown):
        _draw_cell(axes, clip, index % per_row, index // per_row, loudest or 1.0)
    if not shown:
        axes.text(0.0, 0.5, "nothing here can be learned from", color=QUIET_INK, fontsize=11)
    if more:
        figure.text(0.98, 0.12 / height, f"+{more} more", color=QUIET_INK, fontsize=9, ha="right")
    return save(figure, path)


def _draw_cell(axes: Axes, clip: Clip, column: int, row: int, loudest: float) -> None:
    width, centre = 1.0 - _CELL_GAP, row + 0.62
    x, low, high, _ = envelope(clip.audio, _CELL_COLUMNS)
    x = column + width * x
    scale = 0.3 / loudest
    outline = np.concatenate(
        [np.column_stack([x, centre - scale * high]), np.column_stack([x, centre - scale * low])[::-1]]
    )
    axes.plot([column, column + width], [centre, centre], color=LINE, linewidth=0.8, zorder=0)
    axes.add_collection(PolyCollection([outline], facecolor=WAVE, edgecolor=WAVE, linewidth=0.5))
    name = printable(shorten(clip.name, _CELL_NAME_LENGTH))
    axes.text(column, row + 0.2, name, color=INK, fontsize=8.5, parse_math=False)
    axes.text(column + width, row + 0.2, clock(clip.duration_s), color=QUIET_INK, fontsize=8, ha="right")
