"""A sound as an outline for a page: the points of one SVG path, and a spectrogram without axes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.image import imsave
from numpy.typing import ArrayLike

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.files import atomic_write
from small_dataset_audio.plots.envelope import envelope
from small_dataset_audio.plots.picture_spectrogram import RANGE_DB, spectrogram_db

OUTLINE_COLUMNS: Final = 240
OUTLINE_HEIGHT: Final = 100
"""Half the height of the box that an outline lies in: full scale, where the sound is not quieter on the whole."""


def waveform_outline(audio: ArrayLike, columns: int = OUTLINE_COLUMNS) -> str:
    """Outline of a sound as the ``d`` of an SVG path, in a box of `columns` by twice :data:`OUTLINE_HEIGHT` around 0.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
        Channels are mixed down. Its loudest sample reaches the edge; silence is a line.
    columns : int

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    """
    channels = np.atleast_2d(check_audio(audio))
    mono = channels.mean(axis=0, dtype=np.float32)
    x, low, high, _ = envelope(mono, columns)
    loudest = float(np.abs(mono).max()) or 1.0
    scale = OUTLINE_HEIGHT / loudest
    across = np.round(columns * x, 1)
    top = [f"{at:g},{round(-scale * float(level))}" for at, level in zip(across, high, strict=True)]
    bottom = [f"{at:g},{round(-scale * float(level))}" for at, level in zip(across, low, strict=True)]
    return "M" + "L".join([*top, *reversed(bottom)]) + "Z"


def plot_bare_spectrogram(audio: ArrayLike, sample_rate: int, path: Path) -> Path:
    """Write a spectrogram without axes, as :func:`plot_take` draws it, to lay under a playhead.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    sample_rate : int [Hz]
    path : Path
        Of the PNG; its folder must exist. A picture of that name is replaced.

    Raises
    ------
    InvalidAudioError, OutputError
    """
    levels_db = spectrogram_db(np.atleast_2d(check_audio(audio)), sample_rate)
    with atomic_write(path) as temporary:
        imsave(temporary, levels_db, vmin=-RANGE_DB, vmax=0.0, cmap="magma", origin="lower", format="png")
    return path
