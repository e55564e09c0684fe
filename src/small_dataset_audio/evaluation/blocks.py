"""One second of sound as 153 numbers: what it is made of, how it moves, how it swells and fades, whether it has tones.

No network and no download: all of them are statistics over the frames of a block, weighted by loudness, so that the pause
after a stroke counts little. A single stroke of 0.04 s is described by its own frames.

- mean and deviation of each mel band [dB under the block's loudest frame];
- motion: the mean change of each pair of bands over 11, 43 and 171 ms. Noise changes as much from frame to frame as over
  any time; a stroke jumps and then decays; a drone does neither;
- tonality: flatness within each octave;
- level: 10th, 50th and 90th percentile under the block's loudest frame, steepest rise and steepest fall. How loud a block is
  beside others plays no part: a take of one quiet recording is normalised like any other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.evaluation.frames import FRAMES_PER_SECOND, N_BANDS, N_OCTAVES, Frames

BLOCK_FRAMES: Final = round(1.0 * FRAMES_PER_SECOND)
HOP_FRAMES: Final = BLOCK_FRAMES // 4
BLOCK_S: Final = BLOCK_FRAMES / FRAMES_PER_SECOND

_MOTION_LAGS: Final = (1, 4, 16)
_SILENT_DB: Final = -50.0
_QUIETEST_DB: Final = -60.0
_BAND_FLOOR_DB: Final = -70.0
_BLOCKS_AT_ONCE: Final = 256

GROUP_SIZES: Final = (N_BANDS, N_BANDS, *[N_BANDS // 2] * len(_MOTION_LAGS), N_OCTAVES, 3, 2)
"""Features come in groups; each group has the same say in a distance, however many numbers it has."""
GROUP_FLOORS: Final = (2.0, 1.0, *[0.5] * len(_MOTION_LAGS), 1.0, 2.0, 2.0)
"""Differences [dB] that nobody hears, so that a corpus which never varies in something does not make it decisive."""


def describe_blocks(sound: Frames, reference_db: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Describe the sounding seconds of a sound, one every quarter of a second.

    Parameters
    ----------
    sound : Frames
        Shorter than a block: one block, of what there is.
    reference_db : float
        Level of the loud moments; silence is 50 dB under it.

    Returns
    -------
    features : ndarray [shape=(blocks, features)]
    starts : ndarray [shape=(blocks,), int64, frames]
    """
    length = min(BLOCK_FRAMES, len(sound))
    starts = np.arange(0, len(sound) - length + 1, HOP_FRAMES)
    loudest = np.lib.stride_tricks.sliding_window_view(sound.level_db, length)[starts].max(axis=1)
    starts = starts[loudest > reference_db + _SILENT_DB]
    parts = [
        _describe(sound, starts[first : first + _BLOCKS_AT_ONCE, None] + np.arange(length), reference_db)
        for first in range(0, len(starts), _BLOCKS_AT_ONCE)
    ]
    features = np.concatenate(parts) if parts else np.empty((0, sum(GROUP_SIZES)))
    return features, starts


def _describe(sound: Frames, indices: NDArray[np.int64], reference_db: float) -> NDArray[np.float64]:
    level = np.maximum(sound.level_db[indices] - reference_db, _QUIETEST_DB).astype(np.float64)
    weights = 10.0 ** (level / 20.0)
    weights /= weights.sum(axis=1, keepdims=True)
    peak = sound.level_db[indices].max(axis=1)[:, None, None]
    bands = np.maximum(sound.bands_db[indices] - peak, _BAND_FLOOR_DB)
    mean = np.einsum("bf,bfm->bm", weights, bands)
    deviation = np.sqrt(np.einsum("bf,bfm->bm", weights, np.square(bands - mean[:, None])))
    motion = [_motion(bands, weights, lag) for lag in _MOTION_LAGS]
    tonality = np.einsum("bf,bfo->bo", weights, sound.flatness_db[indices])
    percentiles = (np.percentile(level, [10, 50, 90], axis=1) - level.max(axis=1)).T
    steps = np.diff(level, axis=1, prepend=level[:, :1])
    steepest = np.stack([steps.max(axis=1), -steps.min(axis=1)], axis=1)
    return np.concatenate([mean, deviation, *motion, tonality, percentiles, steepest], axis=1)


def _motion(bands: NDArray[np.float32], weights: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Mean change over `lag` frames, of neighbouring bands together; 0 for what is shorter."""
    blocks, length, _ = bands.shape
    if length <= lag:
        return np.zeros((blocks, N_BANDS // 2))
    change = np.abs(bands[:, lag:] - bands[:, :-lag])
    both = weights[:, lag:] + weights[:, :-lag]
    mean = np.einsum("bf,bfm->bm", both / both.sum(axis=1, keepdims=True), change)
    return np.asarray(mean.reshape(blocks, -1, 2).mean(axis=2))
