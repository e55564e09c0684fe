"""A constant offset (DC) in a recording, and what takes it away.

Cheap converters add one, a fade scales it, so it is not quite constant and subtracting the mean would leave a slope. A
vocoder that plays pieces of the recordings would carry it into every take, with a step at each join.
The mean does not prove one: that of a kick drum is not zero either, and nothing must be taken from a kick drum.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from small_dataset_audio.constants import SAMPLE_RATE

CUTOFF_HZ: Final = 10.0
_PARTS: Final = 8
_STEADY_PARTS: Final = 6  # a fade may take the offset out of the others
_MIN_OFFSET: Final = 1e-3  # -60 dBFS
_MIN_SAMPLES: Final = SAMPLE_RATE // 5
_BLOCK_SAMPLES: Final = 1 << 20
_SETTLING_SAMPLES: Final = SAMPLE_RATE // 20


def steady_offset(mono: NDArray[np.float32]) -> float:
    """Find the offset that most of a recording shares.

    Parameters
    ----------
    mono : ndarray [shape=(samples,), float32, 48 kHz]

    Returns
    -------
    float [linear amplitude]
        The median of the means of eight parts; 0.0 where it is under -60 dBFS, where fewer than six parts hold at least
        half of it, or where the recording is too short (0.2 s) to tell an offset from a slow wave.
    """
    if mono.size < _MIN_SAMPLES:
        return 0.0
    means = np.array([part.mean(dtype=np.float64) for part in np.array_split(mono, _PARTS)])
    offset = float(np.median(means))
    agreeing = int(np.count_nonzero(means * np.sign(offset) >= abs(offset) / 2))
    return offset if abs(offset) >= _MIN_OFFSET and agreeing >= _STEADY_PARTS else 0.0


def remove_offset(mono: NDArray[np.float32], offset: float) -> NDArray[np.float32]:
    """High-pass at 10 Hz: Butterworth of second order, run in both directions (-0.1 dB at 30 Hz, no phase shift).

    Parameters
    ----------
    mono : ndarray [shape=(samples,), float32, 48 kHz]
    offset : float [linear amplitude]
        See :func:`steady_offset`. The filter starts as if it had been there for ever, so as not to begin with a thump;
        from rest, where the recording is faded in from zero.

    Returns
    -------
    ndarray [shape=(samples,), float32]
        A new array, filtered block by block: an hour of audio needs no second hour in float64.
    """
    sections = signal.butter(2, CUTOFF_HZ, btype="highpass", fs=SAMPLE_RATE, output="sos")
    beginning = float(mono[:_SETTLING_SAMPLES].mean(dtype=np.float64))
    initial = offset if abs(beginning - offset) < abs(beginning) else 0.0
    filtered = mono.copy()
    for direction, level in ((filtered, initial), (filtered[::-1], 0.0)):
        state = signal.sosfilt_zi(sections) * level
        for start in range(0, direction.size, _BLOCK_SAMPLES):
            block = direction[start : start + _BLOCK_SAMPLES]
            block[:], state = signal.sosfilt(sections, block, zi=state)
    return filtered
