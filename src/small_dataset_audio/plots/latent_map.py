"""The map of a corpus: every moment a dot in the colour of its recording, on axes whose numbers can be typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import colormaps

from small_dataset_audio.controls.latent_map import LatentMap
from small_dataset_audio.controls.map_places import MAP_END
from small_dataset_audio.plots.style import (
    INK,
    LINE,
    QUIET_INK,
    calm,
    new_figure,
    printable,
    save,
    shorten,
    write_title,
)

MAP_FRAME: Final = (0.07, 0.07, 0.9, 0.85)
"""Where the axes lie in the picture: left, bottom, width and height, as shares of it."""

MAP_LIMIT: Final = 1.04 * MAP_END
"""Both axes go from minus this to this."""

_MOST_DOTS: Final = 20_000
_MOST_LABELS: Final = 40
_COLOURS: Final = 20


def plot_map(latent_map: LatentMap, names: Sequence[str], path: Path, *, title: str) -> Path:
    """Draw the map of a corpus.

    Parameters
    ----------
    latent_map : LatentMap
    names : sequence of str
        Of the recordings.
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
    figure = new_figure(9.0, 8.2)
    write_title(figure, title, "each dot is a moment of a recording; alike ones are close", left=0.07, right=0.97)
    axes = figure.add_axes(MAP_FRAME)
    calm(axes)
    every = -(-len(latent_map.steps) // _MOST_DOTS)
    shown, of = latent_map.places[::every], latent_map.recordings[::every]
    palette = colormaps["tab20"]
    axes.scatter(
        shown[:, 0], shown[:, 1], s=9, c=of % _COLOURS, cmap=palette, vmin=0, vmax=_COLOURS - 1, alpha=0.7, linewidths=0
    )
    most = np.argsort(-np.bincount(latent_map.recordings, minlength=len(names)), kind="stable")[:_MOST_LABELS]
    for recording in most.tolist():
        mine = latent_map.places[latent_map.recordings == recording]
        if len(mine):
            middle = mine[np.square(mine - np.median(mine, axis=0)).sum(axis=1).argmin()]
            name = printable(shorten(Path(names[recording]).stem, 24))
            axes.annotate(
                name,
                (float(middle[0]), float(middle[1])),
                color=INK,
                fontsize=7,
                ha="center",
                bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.8},
                parse_math=False,
            )
    ticks = np.arange(-MAP_END, MAP_END + 1.0, 2.0)
    axes.set(xlim=(-MAP_LIMIT, MAP_LIMIT), ylim=(-MAP_LIMIT, MAP_LIMIT), xticks=ticks, yticks=ticks)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    x_share, y_share = latent_map.explained
    axes.set_xlabel(f"x ({100 * x_share:.0f} % of what varies)", color=QUIET_INK, fontsize=9)
    axes.set_ylabel(f"y ({100 * y_share:.0f} %)", color=QUIET_INK, fontsize=9)
    return save(figure, path)
