"""A take at the size of a stamp: its spectrogram and nothing else, drawn without a figure, in a few milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.image import imsave
from numpy.typing import ArrayLike

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.files import atomic_write
from small_dataset_audio.plots.picture_spectrogram import RANGE_DB, spectrogram_db

WIDTH_PX: Final = 240
HEIGHT_PX: Final = 96
_COLOUR_MAP: Final = "magma"


def plot_thumbnail(audio: ArrayLike, sample_rate: int, path: Path) -> Path:
    """Draw the spectrogram of a take as a small picture without axes.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    sample_rate : int [Hz]
    path : Path
        Of the PNG [240 by 96 pixels]; its folder must exist. A picture of that name is replaced.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    OutputError
        The file cannot be written.
    """
    levels = spectrogram_db(np.atleast_2d(check_audio(audio)), sample_rate)
    rows, columns = (
        _groups(length, wanted) for length, wanted in zip(levels.shape, (HEIGHT_PX, WIDTH_PX), strict=True)
    )
    small = np.maximum.reduceat(np.maximum.reduceat(levels, rows, axis=0), columns, axis=1)
    small = np.repeat(small, -(-WIDTH_PX // small.shape[1]), axis=1)[:, :WIDTH_PX]
    with atomic_write(path) as temporary:
        imsave(temporary, small, vmin=-RANGE_DB, vmax=0.0, cmap=_COLOUR_MAP, origin="lower", format="png")
    return path


def _groups(length: int, wanted: int) -> np.ndarray:
    """First places of at most `wanted` even groups."""
    return np.unique(np.linspace(0, length, min(wanted, length), endpoint=False).astype(np.intp))
