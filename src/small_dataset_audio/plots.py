"""Pictures: a take's waveform over its spectrogram, loss curves, an overview of a corpus.

Drawn with matplotlib's object-oriented interface on its own canvas: no pyplot, no global settings, no window. Sound is reduced
to the pixels of the picture before it is drawn, so an hour takes little longer than a minute. Names are printed as they are:
a ``$`` starts no formula, and a letter that the font lacks becomes a box instead of a warning.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import atomic_write

if TYPE_CHECKING:
    from small_dataset_audio.corpus import Clip, Corpus
    from small_dataset_audio.training.loop import LossPoint

__all__ = ["plot_corpus", "plot_losses", "plot_take"]

_INK: Final = "#27323b"
_QUIET_INK: Final = "#7b8893"
_LINE: Final = "#dde3e8"
_WAVE: Final = "#2c6e8f"
_WAVE_PEAK: Final = "#9dc3d6"
_ACCENT: Final = "#d9653b"
_COLOUR_MAP: Final = "magma"
_DPI: Final = 120

_WAVE_COLUMNS: Final = 1200
_SPECTRUM_COLUMNS: Final = 1000
_SPECTRUM_ROWS: Final = 280
_SPECTRUM_N_FFT: Final = 3072  # 64 ms: bass notes stay apart and strokes stay sharp
_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 20_000.0
_RANGE_DB: Final = 80.0
_FREQUENCY_TICKS_HZ: Final = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_FRAMES_PER_COLUMN: Final = 4  # of long audio, spread over the column; more change nothing that the eye sees
_COLUMNS_PER_BLOCK: Final = 64

_CELLS_PER_ROW: Final = 4
_MAX_CELLS: Final = 80
_CELL_COLUMNS: Final = 220
_CELL_NAME_LENGTH: Final = 30
_CELL_GAP: Final = 0.06

_Envelope: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Positions [0 to 1]; lowest sample, highest sample and root mean square of each stretch."""


def plot_take(audio: ArrayLike, sample_rate: int, path: Path, *, title: str) -> Path:
    """Draw the waveform of each channel over the spectrogram of all of them.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    sample_rate : int [Hz]
    path : Path
        Of the PNG; its folder must exist. A picture of that name is replaced.
    title : str

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    InvalidConfigError
        `sample_rate` is not over 0.
    OutputError
        The file cannot be written.
    """
    channels = np.atleast_2d(check_audio(audio))
    if sample_rate <= 0:
        raise InvalidConfigError(f"sample_rate is {sample_rate}; it must be over 0 Hz")
    num_channels, duration_s = len(channels), channels.shape[1] / sample_rate
    wave_height = 1.2 / math.sqrt(num_channels)
    height = 3.6 + wave_height * num_channels
    figure = _new_figure(10.0, height)
    grid = figure.add_gridspec(
        num_channels + 1,
        2,
        width_ratios=(1, 0.014),
        height_ratios=(*[wave_height] * num_channels, 2.8),
        left=0.085,
        right=0.925,
        top=1 - 0.42 / height,
        bottom=0.5 / height,
        hspace=0.12,
        wspace=0.025,
    )
    layout = {1: "mono", 2: "stereo"}.get(num_channels, f"{num_channels} channels")
    _write_title(figure, title, f"{_clock(duration_s)}, {sample_rate / 1000:g} kHz, {layout}", left=0.085, right=0.925)
    names = ("left", "right") if num_channels == 2 else tuple(f"channel {i + 1}" for i in range(num_channels))
    limit = max(1.0, float(np.abs(channels).max()))
    for index, channel in enumerate(channels):
        axes = figure.add_subplot(grid[index, 0])
        _draw_waveform(axes, channel, duration_s, limit)
        axes.set_ylabel("amplitude" if num_channels == 1 else names[index], color=_INK, fontsize=8.5)
    axes = figure.add_subplot(grid[num_channels, 0])
    _draw_spectrogram(axes, channels, sample_rate, duration_s)
    bar = figure.colorbar(axes.images[0], cax=figure.add_subplot(grid[num_channels, 1]))
    bar.set_ticks([0, -20, -40, -60, -80])
    bar.set_label("level below the loudest (dB)", color=_INK, fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, colors=_INK)
    return _save(figure, path)


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
    figure = _new_figure(8.0, 4.2)
    axes = figure.add_axes((0.1, 0.12, 0.86, 0.76))
    held_out = [(point.step, point.held_out) for point in history if point.held_out is not None]
    last = f"held-out loss {held_out[-1][1]:.3f}" if held_out else "no recordings held out"
    _write_title(figure, title, f"{len(history)} step{'' if len(history) == 1 else 's'}, {last}", left=0.1, right=0.96)
    _calm(axes)
    axes.grid(color=_LINE, linewidth=0.7)
    if history:
        steps = [point.step for point in history]
        losses = np.array([point.reconstruction for point in history])
        marker = "o" if len(history) == 1 else ""
        axes.plot(steps, losses, color=_WAVE, alpha=0.25, linewidth=0.8, marker=marker)
        axes.plot(steps, _smooth(losses), color=_WAVE, linewidth=1.8, label="recordings trained on")
    if held_out:
        axes.plot(
            *zip(*held_out, strict=True), color=_ACCENT, linewidth=1.4, marker="o", markersize=4, label="held out"
        )
    if history:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))  # a loss seldom spans a decade
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8.5, labelcolor=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("training step", color=_INK, fontsize=8.5)
    axes.set_ylabel("reconstruction error (standard deviations, log scale)", color=_INK, fontsize=8.5)
    return _save(figure, path)


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
    figure = _new_figure(11.0, height)
    axes = figure.add_axes((0.02, below / height, 0.96, cells_height / height))
    axes.axis("off")
    axes.set(xlim=(0, per_row - _CELL_GAP), ylim=(rows, 0))

    count = len(corpus.clips)
    summary = f"{count} recording{'' if count == 1 else 's'}, {_clock(corpus.duration_s)}"
    _write_title(figure, corpus.folder.resolve().name, summary, left=0.02, right=0.98)
    loudest = max((float(np.abs(clip.audio).max()) for clip in shown), default=0.0)
    for index, clip in enumerate(shown):
        _draw_cell(axes, clip, index % per_row, index // per_row, loudest or 1.0)
    if not shown:
        axes.text(0.0, 0.5, "nothing here can be learned from", color=_QUIET_INK, fontsize=11)
    if more:
        figure.text(0.98, 0.12 / height, f"+{more} more", color=_QUIET_INK, fontsize=9, ha="right")
    return _save(figure, path)


def _new_figure(width_in: float, height_in: float) -> Figure:
    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def _write_title(figure: Figure, title: str, remark: str, *, left: float, right: float) -> None:
    y = 1 - 0.24 / figure.get_figheight()
    shown = _printable(_shorten(title, 78 - len(remark)))
    figure.text(left, y, shown, color=_INK, fontsize=11, weight="bold", va="center", parse_math=False)
    figure.text(right, y, remark, color=_QUIET_INK, fontsize=9, va="center", ha="right")


def _calm(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=8, colors=_INK)


def _draw_waveform(axes: Axes, channel: NDArray[np.float32], duration_s: float, limit: float) -> None:
    _calm(axes)
    axes.axhline(0.0, color=_LINE, linewidth=0.8, zorder=0)
    x, low, high, rms = _envelope(channel, _WAVE_COLUMNS)
    axes.fill_between(x * duration_s, low, high, color=_WAVE_PEAK, linewidth=0.6)
    axes.fill_between(x * duration_s, np.maximum(low, -rms), np.minimum(high, rms), color=_WAVE, linewidth=0.6)
    axes.set(xlim=(0, duration_s), ylim=(-limit, limit))
    axes.set_yticks([-1.0, 0.0, 1.0], ["-1", "0", "1"])
    axes.set_xticks([])


def _draw_spectrogram(axes: Axes, channels: NDArray[np.float32], sample_rate: int, duration_s: float) -> None:
    _calm(axes)
    low_hz, high_hz = _frequency_range(sample_rate)
    axes.imshow(
        _spectrogram_db(channels, sample_rate),
        origin="lower",
        aspect="auto",
        extent=(0.0, duration_s, math.log2(low_hz), math.log2(high_hz)),
        cmap=_COLOUR_MAP,
        vmin=-_RANGE_DB,
        vmax=0.0,
    )
    ticks = [hz for hz in _FREQUENCY_TICKS_HZ if low_hz <= hz <= high_hz]
    axes.set_yticks([math.log2(hz) for hz in ticks], [f"{hz // 1000}k" if hz >= 1000 else f"{hz}" for hz in ticks])
    axes.set_ylabel("frequency (Hz)", color=_INK, fontsize=8.5)
    unit = "s"
    if duration_s < 0.1:
        unit = "ms"
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1000 * value:.4g}"))
    elif duration_s >= 120.0:
        unit = "min:s"
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{int(value) // 60}:{int(value) % 60:02d}"))
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1.2, 1.8, 3, 6, 9]))
    axes.set_xlabel(f"time ({unit})", color=_INK, fontsize=8.5)


def _draw_cell(axes: Axes, clip: Clip, column: int, row: int, loudest: float) -> None:
    width, centre = 1.0 - _CELL_GAP, row + 0.62
    x, low, high, _ = _envelope(clip.audio, _CELL_COLUMNS)
    x = column + width * x
    scale = 0.3 / loudest
    outline = np.concatenate(
        [np.column_stack([x, centre - scale * high]), np.column_stack([x, centre - scale * low])[::-1]]
    )
    axes.plot([column, column + width], [centre, centre], color=_LINE, linewidth=0.8, zorder=0)
    axes.add_collection(PolyCollection([outline], facecolor=_WAVE, edgecolor=_WAVE, linewidth=0.5))
    name = _printable(_shorten(clip.name, _CELL_NAME_LENGTH))
    axes.text(column, row + 0.2, name, color=_INK, fontsize=8.5, parse_math=False)
    axes.text(column + width, row + 0.2, _clock(clip.duration_s), color=_QUIET_INK, fontsize=8, ha="right")


def _envelope(channel: NDArray[np.float32], columns: int) -> _Envelope:
    """Reduce to what the pixels can show; short audio stays as it is."""
    num_samples = len(channel)
    if num_samples <= 2 * columns:
        channel = channel if num_samples > 1 else np.repeat(channel, 2)
        return np.linspace(0.0, 1.0, len(channel)), np.minimum(channel, 0), np.maximum(channel, 0), np.abs(channel)
    starts = np.linspace(0, num_samples, columns, endpoint=False).astype(np.intp)
    lengths = np.diff(starts, append=num_samples)
    low, high = np.minimum.reduceat(channel, starts), np.maximum.reduceat(channel, starts)
    rms = np.sqrt(np.add.reduceat(np.square(channel), starts) / lengths)
    return (starts + 0.5 * lengths) / num_samples, low, high, rms.astype(np.float32)


def _frequency_range(sample_rate: int) -> tuple[float, float]:
    high_hz = min(_HIGHEST_HZ, sample_rate / 2)
    return min(_LOWEST_HZ, high_hz / 10), high_hz


def _spectrogram_db(channels: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Level below the loudest point [shape=(rows, columns), dB, -80 to 0], rows evenly spaced in log frequency."""
    edges_hz = np.geomspace(*_frequency_range(sample_rate), _SPECTRUM_ROWS + 1)
    edges = edges_hz * _SPECTRUM_N_FFT / sample_rate  # in bins of the spectrum
    power = np.concatenate([_to_rows(block, edges) for block in _mean_power(channels)])
    loudest = float(power.max())
    floor = np.float32(10 ** (-_RANGE_DB / 10))
    if loudest < np.finfo(np.float32).tiny:  # silence
        return np.full(power.T.shape, -_RANGE_DB, np.float32)
    level_db: NDArray[np.float32] = 10 * np.log10(np.maximum(power.T / loudest, floor))
    return level_db


def _mean_power(channels: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Power spectra [shape=(columns, bins)], block by block, each the mean over channels and over frames of its column."""
    num_samples = channels.shape[1]
    columns = min(_SPECTRUM_COLUMNS, max(1, num_samples // 256))
    width = num_samples / columns
    frames = min(_FRAMES_PER_COLUMN, max(1, round(width / (_SPECTRUM_N_FFT / 2))))
    offsets = (np.arange(frames) + 0.5) / frames
    window = np.hanning(_SPECTRUM_N_FFT).astype(np.float32)
    half = _SPECTRUM_N_FFT // 2
    for first in range(0, columns, _COLUMNS_PER_BLOCK):
        block = np.arange(first, min(first + _COLUMNS_PER_BLOCK, columns))
        centres = ((block[:, None] + offsets) * width).astype(np.intp)
        indices = centres[..., None] + np.arange(-half, half)
        outside = (indices < 0) | (indices >= num_samples)
        pieces = channels[:, np.clip(indices, 0, num_samples - 1)]
        pieces[:, outside] = 0.0
        spectra = np.fft.rfft(pieces * window)
        yield np.square(np.abs(spectra)).mean(axis=(0, 2)).astype(np.float32)


def _to_rows(power: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """From FFT bins to rows: the strongest bin of a wide row, interpolation between two for a narrow one."""
    centres = np.sqrt(edges[:-1] * edges[1:])
    below = np.minimum(centres.astype(np.intp), power.shape[1] - 2)
    share = (centres - below).astype(np.float32)
    between = (1 - share) * power[:, below] + share * power[:, below + 1]
    first = np.minimum(np.ceil(edges).astype(np.intp), power.shape[1] - 1)
    strongest = np.maximum.reduceat(power, first[:-1], axis=1)
    wide = first[1:] > first[:-1]
    rows: NDArray[np.float32] = np.where(wide, np.maximum(strongest, between), between)
    return rows


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running mean over a twentieth of the curve, over what there is of it at both ends."""
    half = max(1, len(values) // 40)
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, end = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    smooth: NDArray[np.float64] = (total[end] - total[first]) / (end - first)
    return smooth


def _clock(duration_s: float) -> str:
    if duration_s < 0.1:
        return f"{1000 * duration_s:.3g} ms"
    if duration_s < 60.0:
        return f"{duration_s:.2f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02d} min"


def _shorten(text: str, length: int) -> str:
    """Cut out the middle: names of recordings differ at their ends."""
    if len(text) <= length:
        return text
    head = (length - 3) // 2
    return f"{text[:head]}...{text[-(length - 3 - head) :]}"


def _printable(text: str) -> str:
    """Replace what the font cannot draw by a box."""
    glyphs = get_font(findfont(FontProperties())).get_charmap()
    return "".join(letter if ord(letter) in glyphs else "\N{WHITE SQUARE}" for letter in text)
