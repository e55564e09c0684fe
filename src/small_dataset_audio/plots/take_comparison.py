"""Takes one above the other on one time axis: waveform over spectrogram, to be compared by eye."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.plots.style import INK, QUIET_INK, clock, new_figure, printable, save, shorten
from small_dataset_audio.plots.take_picture import draw_spectrogram, draw_waveform

Sound: TypeAlias = tuple[str, ArrayLike, int]
"""Title, audio [shape=(samples,) or (channels, samples)], sample rate [Hz]."""


def plot_comparison(sounds: Sequence[Sound], path: Path) -> Path:
    """Draw takes one above the other, on the time axis of the longest.

    Parameters
    ----------
    sounds : sequence of (str, array_like, int)
        At least one.
    path : Path
        Of the PNG; its folder must exist. A picture of that name is replaced.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    OutputError
        The file cannot be written.
    """
    takes = [(title, np.atleast_2d(check_audio(audio)), rate) for title, audio, rate in sounds]
    longest_s = max(audio.shape[1] / rate for _, audio, rate in takes)
    height = 3.1 * len(takes) + 0.5
    figure = new_figure(10.0, height)
    grid = figure.add_gridspec(
        3 * len(takes),
        1,
        height_ratios=(0.35, 0.8, 1.9) * len(takes),
        left=0.085,
        right=0.97,
        top=1 - 0.12 / height,
        bottom=0.5 / height,
        hspace=0.14,
    )
    for index, (title, audio, rate) in enumerate(takes):
        duration_s = audio.shape[1] / rate
        heading = figure.add_subplot(grid[3 * index, 0])
        heading.axis("off")
        shown = printable(shorten(title, 70))
        heading.text(0, 0.15, shown, color=INK, fontsize=10.5, weight="bold", va="bottom", parse_math=False)
        remark = f"{clock(duration_s)}, {rate / 1000:g} kHz, {'mono' if len(audio) == 1 else 'stereo'}"
        heading.text(1, 0.15, remark, color=QUIET_INK, fontsize=9, va="bottom", ha="right")
        wave = figure.add_subplot(grid[3 * index + 1, 0])
        mixed = audio.mean(axis=0, dtype=np.float32)
        draw_waveform(wave, mixed, duration_s, max(1.0, float(np.abs(mixed).max())))
        spectrogram = figure.add_subplot(grid[3 * index + 2, 0])
        draw_spectrogram(spectrogram, audio, rate, duration_s)
        for axes in (wave, spectrogram):
            axes.set_xlim(0, math.nextafter(longest_s, math.inf))
        if index < len(takes) - 1:
            spectrogram.set_xticks([])
            spectrogram.set_xlabel("")
    return save(figure, path)
