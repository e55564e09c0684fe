"""What all pictures share: ink, canvas, titles.

Drawn with matplotlib's object-oriented interface on its own canvas: no pyplot, no global settings, no window. Names are printed
as they are: a ``$`` starts no formula, and a letter that the font lacks becomes a box instead of a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from small_dataset_audio.files import atomic_write

INK: Final = "#27323b"
QUIET_INK: Final = "#7b8893"
LINE: Final = "#dde3e8"
WAVE: Final = "#2c6e8f"
WAVE_PEAK: Final = "#9dc3d6"
ACCENT: Final = "#d9653b"
_DPI: Final = 120


def new_figure(width_in: float, height_in: float) -> Figure:
    """Start a white figure on its own canvas."""
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the PNG atomically; an older one is replaced."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def write_title(figure: Figure, title: str, remark: str, *, left: float, right: float) -> None:
    """Write a bold title on the left and a quiet remark on the right."""
    y = 1 - 0.24 / figure.get_figheight()
    shown = printable(shorten(title, 78 - len(remark)))
    figure.text(left, y, shown, color=INK, fontsize=11, weight="bold", va="center", parse_math=False)
    figure.text(right, y, remark, color=QUIET_INK, fontsize=9, va="center", ha="right")


def calm(axes: Axes) -> None:
    """Take frame and tick marks away."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=8, colors=INK)


def clock(duration_s: float) -> str:
    """Say a duration as people do."""
    if duration_s < 0.1:
        return f"{1000 * duration_s:.3g} ms"
    if duration_s < 60.0:
        return f"{duration_s:.2f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02d} min"


def shorten(text: str, length: int) -> str:
    """Cut out the middle: names of recordings differ at their ends."""
    if len(text) <= length:
        return text
    head = (length - 3) // 2
    return f"{text[:head]}...{text[-(length - 3 - head) :]}"


def printable(text: str) -> str:
    """Replace what the font cannot draw by a box."""
    glyphs = get_font(findfont(FontProperties())).get_charmap()
    return "".join(letter if ord(letter) in glyphs else "\N{WHITE SQUARE}" for letter in text)
