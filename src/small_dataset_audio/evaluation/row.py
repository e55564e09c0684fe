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
    # Filled piece by piece: an hour of recordings is 230 MB here, and a list of its pieces would be as much again.
    room = sum(-(-len(clip) * RATE_HZ // SAMPLE_RATE) + 1 + _GAP for clip in clips)
    row = np.zeros(_GAP + room, np.float32)
    starts, lengths = np.zeros(len(clips), np.int64), []
    end = _GAP
    for number, clip in enumerate(clips):
        piece = high_pass(np.pad(resample(clip, SAMPLE_RATE, RATE_HZ), (_GAP, _GAP)))[_GAP:]
        row[end : end + len(piece)] = piece
        starts[number] = end
        lengths.append(len(piece) - _GAP)
        end += len(piece)
    row = row[:end]
    return CorpusRow(tuple(names), row, starts, _places(row, starts, lengths))


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
    spans = [
        (start - WINDOW + 1, start + length) if length < WINDOW else (start, start + length - WINDOW + 1)
        for start, length in zip(starts.tolist(), lengths, strict=True)
    ]
    loudest = max(float(_energies(row, *span).max()) for span in spans)
    is_place = np.zeros(len(row) - WINDOW + 1, dtype=np.bool_)
    for first, end in spans:
        is_place[first:end] = _energies(row, first, end) > loudest * SILENCE**2
    return is_place


def _energies(row: NDArray[np.float32], first: int, end: int) -> NDArray[np.float64]:
    """Energy of the window from each of the samples `first` to `end` on."""
    total = np.concatenate([[0.0], np.cumsum(np.square(row[first : end + WINDOW - 1], dtype=np.float64))])
    return np.asarray(total[WINDOW:] - total[:-WINDOW])
