"""A peak limiter that looks ahead: what would go over the ceiling is turned down before it comes, and slowly let up again.

The gain at each sample is the smallest that any sample within 20 ms needs, smoothed over as long (on limiters that look ahead:
U. Zoelzer, *DAFX: Digital Audio Effects*, Wiley 2011, 4.2.2). A smoothed minimum is nowhere over what the sample itself needs:
the ceiling is never exceeded, and nothing is clipped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import Piece, Stream

_AHEAD: Final = SAMPLE_RATE // 50  # 20 ms, a period of 50 Hz: shorter ones would bend the waves of a bass
_CONTEXT: Final = 2 * _AHEAD


def limit(stream: Stream, ceiling: float, *, is_loop: bool = False) -> Stream:
    """Keep a stream at or under a ceiling.

    Parameters
    ----------
    stream : Stream [48 kHz]
    ceiling : float [over 0]
        Largest amplitude of the result. All channels are turned down alike: what is in the middle stays there.
    is_loop : bool
        The end is heard before the beginning: no step over the seam.
    """
    before = after = np.zeros((stream.channels, _CONTEXT), dtype=np.float32)
    if is_loop:
        after = stream.first(_CONTEXT)
        for piece in stream.pieces():
            before = np.concatenate([before, piece], axis=1)[:, -_CONTEXT:]
    return stream.through(lambda pieces: _limited(pieces, ceiling, before, after))


def _limited(pieces: Iterable[Piece], ceiling: float, before: Piece, after: Piece) -> Iterator[Piece]:
    held = before  # what is given out of it has its context on both sides
    for piece in itertools.chain(pieces, [after]):
        held = np.concatenate([held, piece], axis=1)
        ready = held.shape[1] - 2 * _CONTEXT
        if ready > 0:
            here = slice(_CONTEXT, _CONTEXT + ready)
            yield held[:, here] * _gains(held, ceiling)[here]
            held = held[:, ready:]


def _gains(samples: Piece, ceiling: float) -> NDArray[np.float32]:
    """Gain of each sample [shape=(samples,), 0 to 1]; right but for a context at both ends."""
    needed = ceiling / np.maximum(np.abs(samples).max(axis=0).astype(np.float64), ceiling)
    least = ndimage.minimum_filter1d(needed, 2 * _AHEAD + 1)
    # Two boxes, one after the other, are a triangle as wide as both.
    smooth = ndimage.uniform_filter1d(ndimage.uniform_filter1d(least, _AHEAD + 1), _AHEAD + 1)
    return np.asarray(np.minimum(smooth, needed), dtype=np.float32)
