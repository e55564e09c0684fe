"""Two sounds become one take: brought to one loudness and added, the second with `weight` of the power.

Two sounds that know nothing of each other then have the same loudness together at any weight; an addition by amplitude would
lose 3 dB in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from small_dataset_audio.inference.loudness import loudness
from small_dataset_audio.inference.pieces import Piece, Stream


def apart(raw: Stream, channels: int) -> list[Stream]:
    """Return what was rendered as streams of `channels` each, one a sound."""

    def of_channels(first: int) -> Stream:
        here = slice(first, first + channels)
        return Stream(channels, raw.num_samples, lambda: (piece[here] for piece in raw.pieces()))

    return [of_channels(first) for first in range(0, raw.channels, channels)]


def add_up(sounds: Sequence[Stream], weight: float) -> Stream:
    """Add two sounds: brought to one loudness, the second with `weight` of the power.

    Parameters
    ----------
    sounds : sequence of Stream [48 kHz]
        One is returned as it is; two have one shape, and are gone through once for their loudness.
    weight : float [0 to 1]
        At 0 and 1 the first and the second are returned as they are.
    """
    if len(sounds) == 1 or weight == 0.0:
        return sounds[0]
    if weight == 1.0:
        return sounds[1]
    gains = blend_gains(loudness(sounds[0]), loudness(sounds[1]), weight)

    def added() -> Iterator[Piece]:
        return _weighted(sounds[0].pieces(), sounds[1].pieces(), gains)

    return Stream(sounds[0].channels, sounds[0].num_samples, added)


def blend_gains(first_lufs: float, second_lufs: float, weight: float) -> tuple[np.float32, np.float32]:
    """Amplitudes of two sounds in a blend; the common loudness lies between theirs as `weight` does.

    One that is silent has no loudness, and is left at its level, as the other is then.
    """
    differs = math.isfinite(first_lufs) and math.isfinite(second_lufs)
    difference_db = second_lufs - first_lufs if differs else 0.0
    first = math.sqrt(1.0 - weight) * 10 ** (weight * difference_db / 20)
    second = math.sqrt(weight) * 10 ** (-(1.0 - weight) * difference_db / 20)
    return np.float32(first), np.float32(second)


def _weighted(first: Iterable[Piece], second: Iterable[Piece], gains: tuple[np.float32, np.float32]) -> Iterator[Piece]:
    for one, other in zip(first, second, strict=True):
        yield gains[0] * one + gains[1] * other
