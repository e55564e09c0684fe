"""The sample rate of a stream: soxr at its VHQ setting, which gives the same bits in pieces as in one go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import Piece, Stream, cut

_MARGIN_SAMPLES = 4  # at 48 kHz, beyond the end: rounding never leaves a take short, the faded end stays whole


def samples_at_48k(num_samples: int, sample_rate: int) -> int:
    """Count the samples at 48 kHz from which `num_samples` at `sample_rate` can be made."""
    if sample_rate == SAMPLE_RATE:
        return num_samples
    return -(-num_samples * SAMPLE_RATE // sample_rate) + _MARGIN_SAMPLES


def resample(stream: Stream, sample_rate: int, num_samples: int) -> Stream:
    """Convert a stream from 48 kHz and keep its first samples.

    Parameters
    ----------
    stream : Stream [48 kHz, at least ``samples_at_48k(num_samples, sample_rate)`` samples]
    sample_rate : int [Hz]
    num_samples : int

    Returns
    -------
    Stream
    """
    if sample_rate == SAMPLE_RATE:
        return Stream(stream.channels, num_samples, lambda: cut(stream.pieces(), num_samples))

    def converted() -> Iterator[Piece]:
        resampler = soxr.ResampleStream(SAMPLE_RATE, sample_rate, stream.channels, dtype="float32", quality="VHQ")
        for piece in stream.pieces():
            yield _channels_first(resampler.resample_chunk(np.ascontiguousarray(piece.T)))
        nothing = np.zeros((0, stream.channels), dtype=np.float32)
        yield _channels_first(resampler.resample_chunk(nothing, last=True))

    return Stream(stream.channels, num_samples, lambda: cut(_not_empty(converted()), num_samples))


def _channels_first(frames: Piece) -> Piece:
    return np.ascontiguousarray(frames.T, dtype=np.float32)


def _not_empty(pieces: Iterator[Piece]) -> Iterator[Piece]:
    # The first samples come out late: soxr looks ahead.
    return (piece for piece in pieces if piece.shape[1])
