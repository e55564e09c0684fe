"""The spectrogram of a picture: rows evenly spaced in log frequency, as many columns as the eye can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SPECTRUM_COLUMNS: Final = 1000
SPECTRUM_ROWS: Final = 280
SPECTRUM_N_FFT: Final = 3072  # 64 ms: bass notes stay apart and strokes stay sharp
_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 20_000.0
RANGE_DB: Final = 80.0
_FRAMES_PER_COLUMN: Final = 4  # of long audio, spread over the column; more change nothing that the eye sees
_COLUMNS_PER_BLOCK: Final = 64


def frequency_range(sample_rate: int) -> tuple[float, float]:
    """Lowest and highest frequency shown [Hz]."""
    high_hz = min(_HIGHEST_HZ, sample_rate / 2)
    return min(_LOWEST_HZ, high_hz / 10), high_hz


def spectrogram_db(channels: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Level below the loudest point [shape=(rows, columns), dB, -80 to 0], rows evenly spaced in log frequency."""
    edges_hz = np.geomspace(*frequency_range(sample_rate), SPECTRUM_ROWS + 1)
    edges = edges_hz * SPECTRUM_N_FFT / sample_rate  # in bins of the spectrum
    power = np.concatenate([_to_rows(block, edges) for block in _mean_power(channels)])
    loudest = float(power.max())
    floor = np.float32(10 ** (-RANGE_DB / 10))
    if loudest < np.finfo(np.float32).tiny:  # silence
        return np.full(power.T.shape, -RANGE_DB, np.float32)
    level_db: NDArray[np.float32] = 10 * np.log10(np.maximum(power.T / loudest, floor))
    return level_db


def _mean_power(channels: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Power spectra [shape=(columns, bins)], block by block, each the mean over channels and over frames of its column."""
    num_samples = channels.shape[1]
    columns = min(_SPECTRUM_COLUMNS, max(1, num_samples // 256))
    width = num_samples / columns
    frames = min(_FRAMES_PER_COLUMN, max(1, round(width / (SPECTRUM_N_FFT / 2))))
    offsets = (np.arange(frames) + 0.5) / frames
    window = np.hanning(SPECTRUM_N_FFT).astype(np.float32)
    half = SPECTRUM_N_FFT // 2
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
