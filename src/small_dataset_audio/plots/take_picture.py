"""A take: the waveform of each channel over the spectrogram of all of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.plots.envelope import envelope
from small_dataset_audio.plots.picture_spectrogram import RANGE_DB, frequency_range, spectrogram_db
from small_dataset_audio.plots.style import INK, LINE, WAVE, WAVE_PEAK, calm, clock, new_figure, save, write_title

_COLOUR_MAP: Final = "magma"
_WAVE_COLUMNS: Final = 1200
_FREQUENCY_TICKS_HZ: Final = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


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
    figure = new_figure(10.0, height)
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
    write_title(figure, title, f"{clock(duration_s)}, {sample_rate / 1000:g} kHz, {layout}", left=0.085, right=0.925)
    names = ("left", "right") if num_channels == 2 else tuple(f"channel {i + 1}" for i in range(num_channels))
    limit = max(1.0, float(np.abs(channels).max()))
    for index, channel in enumerate(channels):
        axes = figure.add_subplot(grid[index, 0])
        draw_waveform(axes, channel, duration_s, limit)
        axes.set_ylabel("amplitude" if num_channels == 1 else names[index], color=INK, fontsize=8.5)
    axes = figure.add_subplot(grid[num_channels, 0])
    draw_spectrogram(axes, channels, sample_rate, duration_s)
    bar = figure.colorbar(axes.images[0], cax=figure.add_subplot(grid[num_channels, 1]))
    bar.set_ticks([0, -20, -40, -60, -80])
    bar.set_label("level below the loudest (dB)", color=INK, fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, colors=INK)
    return save(figure, path)


def draw_waveform(axes: Axes, channel: NDArray[np.float32], duration_s: float, limit: float) -> None:
    """Draw one channel: peaks pale, root mean square dark."""
    calm(axes)
    axes.axhline(0.0, color=LINE, linewidth=0.8, zorder=0)
    x, low, high, rms = envelope(channel, _WAVE_COLUMNS)
    axes.fill_between(x * duration_s, low, high, color=WAVE_PEAK, linewidth=0.6)
    axes.fill_between(x * duration_s, np.maximum(low, -rms), np.minimum(high, rms), color=WAVE, linewidth=0.6)
    axes.set(xlim=(0, duration_s), ylim=(-limit, limit))
    axes.set_yticks([-1.0, 0.0, 1.0], ["-1", "0", "1"])
    axes.set_xticks([])


def draw_spectrogram(axes: Axes, channels: NDArray[np.float32], sample_rate: int, duration_s: float) -> None:
    """Draw the spectrogram of all channels together, with its axes."""
    calm(axes)
    low_hz, high_hz = frequency_range(sample_rate)
    axes.imshow(
        spectrogram_db(channels, sample_rate),
        origin="lower",
        aspect="auto",
        extent=(0.0, duration_s, math.log2(low_hz), math.log2(high_hz)),
        cmap=_COLOUR_MAP,
        vmin=-RANGE_DB,
        vmax=0.0,
    )
    ticks = [hz for hz in _FREQUENCY_TICKS_HZ if low_hz <= hz <= high_hz]
    axes.set_yticks([math.log2(hz) for hz in ticks], [f"{hz // 1000}k" if hz >= 1000 else f"{hz}" for hz in ticks])
    axes.set_ylabel("frequency (Hz)", color=INK, fontsize=8.5)
    unit = "s"
    if duration_s < 0.1:
        unit = "ms"
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1000 * value:.4g}"))
    elif duration_s >= 120.0:
        unit = "min:s"
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{int(value) // 60}:{int(value) % 60:02d}"))
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1.2, 1.8, 3, 6, 9]))
    axes.set_xlabel(f"time ({unit})", color=INK, fontsize=8.5)
