"""The corpus as one row of samples at 16 kHz, in which half-second windows are looked for.

Recordings lie one after the other with silence between, longer than a window, so that no stretch reaches from one into the
next. A recording shorter than a window is met with silence around it, in whole or in part: a single stroke could never be a
copy otherwise. Everything is high-passed at 100 Hz: a shared hum is no copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from small_dataset_audio.audio.io import resample
from small_dataset_audio.constants import SAMPLE_RATE

RATE_HZ: Final = 16_000
WINDOW: Final = RATE_HZ // 2
"""Samples of a window: half a second."""
WINDOW_HOP: Final = WINDOW // 2
SILENCE: Final = 1e-3
"""-60 dB: a window so far under the take's peak is silent, and a stretch so far under the corpus's loudest."""
REACH: Final = 16
"""Samples on either side of a stretch that an interpolation between two samples looks at."""

_LOW_CUT_HZ: Final = 100.0
_GAP: Final = WINDOW + RATE_HZ // 10  # 0.1 s more, for the high-pass to ring out in


@dataclass(frozen=True)
class CorpusRow:
    """Recordings in a row.

    Parameters
    ----------
    names : tuple of str
    samples : ndarray [shape=(samples,), float32, 16 kHz]
    starts : ndarray [shape=(recordings,), int64]
        Where each recording begins in the row.
    is_place : ndarray [shape=(samples - WINDOW + 1,), bool]
        Whether a window may be met there: within one recording, and not in silence.
    """

    names: tuple[str, ...]
    samples: NDArray[np.float32] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    is_place: NDArray[np.bool_] = field(repr=False)

    def locate(self, place: int) -> tuple[str, float]:
        """Name the recording that a stretch lies in, and where in it [s]; negative in the silence before a short one."""
        # A stretch that begins up to its own length before a recording overlaps that one and no other.
        index = max(int(np.searchsorted(self.starts, place + WINDOW, side="left")) - 1, 0)
        return self.names[index], round((place - int(self.starts[index])) / RATE_HZ, 4)


def lay_in_a_row(clips: Sequence[NDArray[np.float32]], names: Sequence[str]) -> CorpusRow:
    """Make a corpus ready.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        At least one.
    names : sequence of str
        As many.
    """
    pieces = [high_pass(np.pad(resample(clip, SAMPLE_RATE, RATE_HZ), (_GAP, _GAP)))[_GAP:] for clip in clips]
    lengths = [len(piece) - _GAP for piece in pieces]
    starts = _GAP + np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
    row = np.concatenate([np.zeros(_GAP, np.float32), *pieces])
    return CorpusRow(tuple(names), row, starts.astype(np.int64), _places(row, starts, lengths))


def high_pass(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Butterworth of 4th order at 100 Hz, run both ways."""
    sections = butter(4, _LOW_CUT_HZ, "highpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfiltfilt(sections, samples), dtype=np.float32)


def sounding_windows(take: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Cut a take into half seconds every quarter of a second, and leave the silent ones out.

    Parameters
    ----------
    take : ndarray [shape=(samples,), float32, 16 kHz]

    Returns
    -------
    starts : ndarray [shape=(windows,), int64]
    windows : ndarray [shape=(windows, WINDOW), float32, unit energy each]
    """
    # Room for the high-pass to ring out, and for a take that is shorter than a window.
    padded = high_pass(np.pad(take, (_GAP, max(WINDOW - len(take), 0) + _GAP)))[_GAP:-_GAP]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::WINDOW_HOP]
    norms = np.sqrt(np.square(windows, dtype=np.float64).sum(axis=1))
    sounding = norms / np.sqrt(WINDOW) > np.abs(take).max(initial=0.0) * SILENCE
    unit = windows[sounding] / norms[sounding, None]
    return np.flatnonzero(sounding) * WINDOW_HOP, unit.astype(np.float32)


def _places(row: NDArray[np.float32], starts: NDArray[np.int64], lengths: Sequence[int]) -> NDArray[np.bool_]:
    is_place = np.zeros(len(row) - WINDOW + 1, dtype=np.bool_)
    loudest, energies = 0.0, []
    for start, length in zip(starts.tolist(), lengths, strict=True):
        first, end = (start - WINDOW + 1, start + length) if length < WINDOW else (start, start + length - WINDOW + 1)
        total = np.concatenate([[0.0], np.cumsum(np.square(row[first : end + WINDOW - 1], dtype=np.float64))])
        energy = total[WINDOW:] - total[:-WINDOW]
        loudest = max(loudest, float(energy.max()))
        energies.append((first, end, energy.astype(np.float32)))
    for first, end, energy in energies:
        is_place[first:end] = energy > loudest * SILENCE**2
    return is_place
