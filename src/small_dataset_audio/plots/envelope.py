"""Sound reduced to the pixels of a picture before it is drawn: an hour takes little longer than a minute."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Envelope: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Positions [0 to 1]; lowest sample, highest sample and root mean square of each stretch."""


def envelope(channel: NDArray[np.float32], columns: int) -> Envelope:
    """Reduce to what the pixels can show; short audio stays as it is."""
    num_samples = len(channel)
    if num_samples <= 2 * columns:
        channel = channel if num_samples > 1 else np.repeat(channel, 2)
        return np.linspace(0.0, 1.0, len(channel)), np.minimum(channel, 0), np.maximum(channel, 0), np.abs(channel)
    starts = np.linspace(0, num_samples, columns, endpoint=False).astype(np.intp)
    lengths = np.diff(starts, append=num_samples)
    low, high = np.minimum.reduceat(channel, starts), np.maximum.reduceat(channel, starts)
    rms = np.sqrt(np.add.reduceat(np.square(channel), starts) / lengths)
    return (starts + 0.5 * lengths) / num_samples, low, high, rms.astype(np.float32)
