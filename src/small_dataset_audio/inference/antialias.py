"""The anti-alias filter on a stream: each piece together with the neighbouring samples that it can still hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from small_dataset_audio.audio.filters import apply_anti_alias_filter
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import PIECE_SAMPLES, Piece, recut

_CONTEXT_SAMPLES = 2_400
"""50 ms. The filter's slowest pole has decayed to 1e-12 after 283 samples, so a piece is what it would be in the whole."""


def anti_alias(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Low-pass a stream at 48 kHz as :func:`~small_dataset_audio.audio.apply_anti_alias_filter` does the whole.

    Parameters
    ----------
    pieces : iterable of ndarray [shape=(channels, samples), float32]

    Yields
    ------
    ndarray [shape=(channels, samples), float32; as many samples in all]
    """
    before: Piece | None = None
    current: Piece | None = None
    # Pieces of one length, whatever comes: then no bit depends on how the audio was cut.
    for following in recut(pieces, PIECE_SAMPLES):
        if current is not None:
            yield _filter(before, current, following)
            before = current
        current = following
    if current is not None:
        yield _filter(before, current, None)


def _filter(before: Piece | None, current: Piece, after: Piece | None) -> Piece:
    left = current[:, :0] if before is None else before[:, -_CONTEXT_SAMPLES:]
    right = current[:, :0] if after is None else after[:, :_CONTEXT_SAMPLES]
    filtered = apply_anti_alias_filter(np.concatenate([left, current, right], axis=1), SAMPLE_RATE)
    return filtered[:, left.shape[1] : left.shape[1] + current.shape[1]]
