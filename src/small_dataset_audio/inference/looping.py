"""A take without ends: its last sample leads into its first one.

More is rendered than a loop is long. Where in it the loop begins is chosen: what follows the loop's end must sound like what
follows its beginning, in level, in colour and in phase. There, over the first 50 ms, the one is faded into the other. So the
last sample of the loop is followed, when it starts again, by the very sound that followed it when it was rendered.

Every stage behind that takes the loop for one period of a sound that has no ends: what a filter or a resampler hears before the
first sample are the last ones, and what it hears after the last are the first ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from small_dataset_audio.audio.joins import level_crossfade
from small_dataset_audio.audio.returns import best_return
from small_dataset_audio.constants import DEFAULT_OVERLAP_SAMPLES, SAMPLE_RATE
from small_dataset_audio.inference.pieces import PIECE_SAMPLES, Piece, Stream, cut, recut
from small_dataset_audio.inference.stereo import widen

_LEAST_ROOM: Final = SAMPLE_RATE // 2
_MOST_ROOM: Final = 6 * SAMPLE_RATE
_CONTEXT: Final = SAMPLE_RATE // 2
"""What a stage hears of the other end. The slowest of them, the high-pass of the side signal at 150 Hz, has forgotten after
0.5 s and its delay what lies before: exp(-2 pi * 150 * 0.7 * 0.48) is under 1e-130."""


def loop_samples(num_samples: int, sample_rate: int) -> int:
    """Samples at 48 kHz of a loop of `num_samples` at `sample_rate`; the nearest whole number, at least one."""
    return max(round(num_samples * SAMPLE_RATE / sample_rate), 1)


def samples_beyond(period: int) -> int:
    """How much more than one period is rendered: room to choose the beginning in, and what the beginning is faded from."""
    return _room(period) + _overlap(period)


def _room(period: int) -> int:
    return min(max(period, _LEAST_ROOM), _MOST_ROOM)


def _overlap(period: int) -> int:
    return min(DEFAULT_OVERLAP_SAMPLES, period // 2)


def close_loop(raw: Stream, period: int, *, independent: bool = False) -> Stream:
    """Cut a loop out of what was rendered.

    Parameters
    ----------
    raw : Stream [48 kHz, of `period` and :func:`samples_beyond` samples]
        Gone through once, for the choice of the beginning.
    period : int
        Samples of the loop.
    independent : bool
        Whether the channels are two takes, each with a level of its own, or one stereo image.

    Returns
    -------
    Stream [of `period` samples]
    """
    room, overlap = _room(period), _overlap(period)
    heads, tails = _between(raw, 0, room + overlap), _between(raw, period, period + room + overlap)
    first = best_return(heads, tails, overlap)
    here = slice(first, first + overlap)
    joined = _crossfade(tails[:, here], heads[:, here], independent=independent)

    quiet = _quiet_step(joined)

    def pieces() -> Iterator[Piece]:
        if overlap:
            yield joined[:, quiet:]
        yield from _window(raw.pieces(), first + overlap, first + period)
        if quiet:
            yield joined[:, :quiet]

    return Stream(raw.channels, period, lambda: recut(pieces(), PIECE_SAMPLES))


def _crossfade(
    outgoing: NDArray[np.float32], incoming: NDArray[np.float32], *, independent: bool
) -> NDArray[np.float32]:
    if independent or len(outgoing) == 1:
        return np.stack([level_crossfade(*sides) for sides in zip(outgoing, incoming, strict=True)])
    # One level for both sides, that of their middle, so that the image does not turn.
    middle = np.array([[0.5, 0.5], [0.5, -0.5]], dtype=np.float32)
    mid, side = level_crossfade(middle @ outgoing, middle @ incoming)
    return np.stack([mid + side, mid - side])


def _quiet_step(joined: NDArray[np.float32]) -> int:
    """Find where in the fade a loop shall begin: at a small step, and of those as near to zero as there is one.

    A loop may be cut anywhere; a player that does not repeat it, or not exactly, clicks least here.
    """
    if joined.shape[1] < 2:
        return 0
    steps = np.abs(np.diff(joined, axis=1)).max(axis=0)
    levels = np.abs(joined[:, 1:]).max(axis=0)
    return 1 + int(np.where(steps <= np.median(steps), levels, np.inf).argmin())


def widen_loop(mono: Stream, width: float) -> Stream:
    """Widen a loop as :func:`~small_dataset_audio.inference.stereo.widen` does a take; its side never begins."""
    wide = widen(Stream(1, _CONTEXT + mono.num_samples, lambda: wrapped(mono, _CONTEXT, 0)), width, SAMPLE_RATE)
    return Stream(2, mono.num_samples, lambda: _window(wide.pieces(), _CONTEXT, _CONTEXT + mono.num_samples))


def resample_loop(stream: Stream, num_samples: int) -> Stream:
    """Bring one period of a loop to `num_samples`.

    Where no whole number of samples at 48 kHz makes these, the ratio is that of the two numbers: within half a sample in all.
    The result may begin a part of a sample earlier in the loop than the source, which a loop does not notice.
    """
    ratio = num_samples / stream.num_samples
    skipped = round(_CONTEXT * ratio)

    def converted() -> Iterator[Piece]:
        resampler = soxr.ResampleStream(
            stream.num_samples, num_samples, stream.channels, dtype="float32", quality="VHQ"
        )
        for piece in wrapped(stream, _CONTEXT, _CONTEXT):
            frames = resampler.resample_chunk(np.ascontiguousarray(piece.T))
            if len(frames):  # the first ones come out late: soxr looks ahead
                yield np.ascontiguousarray(frames.T, dtype=np.float32)
        rest = resampler.resample_chunk(np.zeros((0, stream.channels), dtype=np.float32), last=True)
        yield np.ascontiguousarray(rest.T, dtype=np.float32)

    return Stream(stream.channels, num_samples, lambda: _window(converted(), skipped, skipped + num_samples))


def wrapped(stream: Stream, before: int, after: int) -> Iterator[Piece]:
    """Yield one period of a loop with so many samples of it before and after, in pieces of one length."""

    def pieces() -> Iterator[Piece]:
        yield _around(stream, -before, 0)
        yield from stream.pieces()
        yield _around(stream, 0, after)

    return recut((piece for piece in pieces() if piece.shape[1]), PIECE_SAMPLES)


def _around(stream: Stream, first: int, last: int) -> NDArray[np.float32]:
    """Samples `first` to `last` of what goes around and around; either may lie outside of the first period."""
    period = stream.num_samples
    if last - first < period and first // period == max(last - 1, first) // period:
        return _between(stream, first % period, first % period + last - first)
    # Only loops that are shorter than the context come here.
    return stream.first().take(np.arange(first, last), axis=1, mode="wrap")


def _between(stream: Stream, first: int, last: int) -> NDArray[np.float32]:
    pieces = list(_window(stream.pieces(), first, last))
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((stream.channels, 0), dtype=np.float32)


def _window(pieces: Iterator[Piece], first: int, last: int) -> Iterator[Piece]:
    """Yield samples `first` to `last`; nothing is asked of `pieces` beyond them."""
    position = 0
    for piece in cut(pieces, last) if last > first else ():
        inside = piece[:, max(first - position, 0) :]
        position += piece.shape[1]
        if inside.shape[1]:
            yield inside
