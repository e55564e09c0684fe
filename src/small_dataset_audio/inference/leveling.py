"""Brings a take to a loudness, or along a curve of it: by a gain, and by a limiter where its peaks leave no room."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.inference.limiter import limit
from small_dataset_audio.inference.loudness import loudness
from small_dataset_audio.inference.pieces import Piece, Stream
from small_dataset_audio.inference.stereo import Extremes

_TRIES: Final = 4
_NEAR_ENOUGH_LU: Final = 0.1
_MOST_LIMITED_DB: Final = 12.0  # of the highest peak; more would be heard


def bring_to(stream: Stream, level_lufs: NDArray[np.float64], *, is_loop: bool = False) -> tuple[Stream, Extremes]:
    """Give a take a loudness.

    Parameters
    ----------
    stream : Stream [48 kHz]
        Gone through once for its loudness, once for its peak, and twice for each try at the limiter.
    level_lufs : ndarray [shape=(points,), LUFS]
        Evenly over the take, one point where it is the same all along: how loud the whole would be if all of it were as here.
    is_loop : bool

    Returns
    -------
    stream : Stream
        Peaks at or under -1 dBFS; as loud as asked, or as 12 dB of limiting make it. Silence stays silence.
    extremes : Extremes
        Of that stream.
    """
    own_lufs = loudness(stream)
    if not math.isfinite(own_lufs):
        return stream, Extremes.of(stream.pieces())
    shaped = _amplified(stream, level_lufs - own_lufs)
    extremes = Extremes.of(shaped.pieces())
    if extremes.peak <= PEAK_TARGET:
        return shaped, extremes
    most_db = _MOST_LIMITED_DB - 20.0 * math.log10(float(extremes.peak) / PEAK_TARGET)
    wanted_lufs = loudness(shaped)
    drive_db, missing_lu = min(0.0, most_db), math.inf
    # What the limiter takes away is given back before it; it takes ever less of that.
    for _ in range(_TRIES):
        limited = limit(_amplified(shaped, np.array([drive_db])), PEAK_TARGET, is_loop=is_loop)
        missing_lu = wanted_lufs - loudness(limited)
        if missing_lu < _NEAR_ENOUGH_LU or drive_db >= most_db:
            break
        drive_db = min(drive_db + missing_lu, most_db)
    return limited, Extremes.of(limited.pieces())


def _amplified(stream: Stream, gains_db: NDArray[np.float64]) -> Stream:
    """Amplify by gains that lie evenly over a stream, straight lines in decibels between them."""
    places = np.linspace(0.0, stream.num_samples - 1.0, len(gains_db))

    def amplified(pieces: Iterable[Piece]) -> Iterator[Piece]:
        start = 0
        for piece in pieces:
            here = (
                np.interp(np.arange(start, start + piece.shape[1]), places, gains_db) if len(places) > 1 else gains_db
            )
            yield piece * (10.0 ** (here / 20.0)).astype(np.float32)
            start += piece.shape[1]

    return stream.through(amplified)
