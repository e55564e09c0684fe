"""The two ends of a take: no click where it begins or stops, and no DC.

A take is cut out of something that goes on, so both ends are faded: briefly in, so that an attack keeps its edge, a little
longer out. The mean is removed *under* that envelope: what is subtracted fades with it, so removing DC cannot make a click.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.audio.joins import rise
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import Piece, Stream, stream_of

FADE_IN_MS = 3.0
FADE_OUT_MS = 8.0


def finish_ends(audio: ArrayLike, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Fade both ends with raised cosines and remove the mean of each channel.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (2, samples), float]
    sample_rate : int [Hz]

    Returns
    -------
    ndarray [shape as given, float32; the mean of each channel is zero]

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    """
    checked = check_audio(audio)
    channels = np.atleast_2d(checked)
    return finish(stream_of(channels), sample_rate).first().reshape(checked.shape)


def finish(stream: Stream, sample_rate: int = SAMPLE_RATE) -> Stream:
    """Do the same to a stream, which is gone through once beforehand, for its mean."""
    fades = _Fades(stream.num_samples, sample_rate)
    mean = fades.mean(stream)

    def faded(pieces: Iterable[Piece]) -> Iterator[Piece]:
        for envelope, piece in fades.beside(pieces):
            yield (piece - mean) * envelope

    return stream.through(faded)


def without_mean(stream: Stream) -> Stream:
    """Remove the mean of each channel and fade nothing: for what has no ends."""
    total = np.sum([piece.sum(axis=1, keepdims=True, dtype=np.float64) for piece in stream.pieces()], axis=0)
    mean = (total / stream.num_samples).astype(np.float32)
    return stream.through(lambda pieces: (piece - mean for piece in pieces))


class _Fades:
    """The envelope of a take: 1 between its fades, so only these are kept."""

    def __init__(self, num_samples: int, sample_rate: int) -> None:
        # Takes shorter than the fades keep at least their middle.
        self._fade_in = rise(min(round(FADE_IN_MS * sample_rate / 1000), num_samples // 4))
        self._fade_out = rise(min(round(FADE_OUT_MS * sample_rate / 1000), num_samples // 4))[::-1]
        self._num_samples = num_samples

    def beside(self, pieces: Iterable[Piece]) -> Iterator[tuple[NDArray[np.float32], Piece]]:
        """Yield each piece with its stretch of the envelope."""
        start = 0
        for piece in pieces:
            yield self._stretch(start, start + piece.shape[1]), piece
            start += piece.shape[1]

    def mean(self, stream: Stream) -> NDArray[np.float32]:
        """Mean of each channel under the envelope [shape=(channels, 1)]."""
        weighted, weights = np.zeros((stream.channels, 1)), 0.0
        for envelope, piece in self.beside(stream.pieces()):
            weighted += np.sum(piece * envelope, axis=1, keepdims=True, dtype=np.float64)
            weights += float(envelope.sum(dtype=np.float64))
        return (weighted / weights).astype(np.float32)

    def _stretch(self, start: int, stop: int) -> NDArray[np.float32]:
        envelope = np.ones(stop - start, dtype=np.float32)
        fade_in = self._fade_in[start:stop]
        envelope[: len(fade_in)] = fade_in
        fade_out_start = self._num_samples - len(self._fade_out)
        if stop > fade_out_start:
            first = max(start, fade_out_start)
            envelope[first - start :] = self._fade_out[first - fade_out_start : stop - fade_out_start]
        return envelope
