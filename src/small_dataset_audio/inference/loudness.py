"""Loudness of a stream (ITU-R BS.1770-4): what decides how loud two sounds are beside each other.

pyloudnorm measures arrays; here its filters run over pieces, so that an hour takes no more memory than a minute. What is
shorter than a block of 400 ms is one block.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyloudnorm import IIRfilter
from scipy.signal import sosfilt

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import Stream, recut

_STEP_SAMPLES: Final = SAMPLE_RATE // 10  # blocks of 400 ms begin every 100 ms
_STEPS_PER_BLOCK: Final = 4
_STEPS_AT_ONCE: Final = 25
_GATE_LUFS: Final = -70.0
_RELATIVE_GATE_LU: Final = -10.0
_OFFSET: Final = -0.691


def loudness(stream: Stream) -> float:
    """Integrated loudness.

    Parameters
    ----------
    stream : Stream [48 kHz; gone through once]

    Returns
    -------
    float [LUFS]
        Minus infinity where no block is over -70 LUFS.
    """
    powers = _block_powers(stream)
    over = powers[powers > _power_of(_GATE_LUFS)]
    if not over.size:
        return -math.inf
    over = over[over > over.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
    return _OFFSET + 10 * math.log10(float(over.mean()))


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


def _block_powers(stream: Stream) -> NDArray[np.float64]:
    """Mean square of each block after the K filter, summed over the channels."""
    sections = np.stack([np.concatenate([stage.b, stage.a]) for stage in _k_filter()])
    state = np.zeros((len(sections), stream.channels, 2))
    sums: list[float] = []
    num_samples = 0
    for piece in recut(stream.pieces(), _STEP_SAMPLES * _STEPS_AT_ONCE):
        weighted, state = sosfilt(sections, piece.astype(np.float64), axis=1, zi=state)
        energy = (weighted * weighted).sum(axis=0)
        sums.extend(np.add.reduceat(energy, np.arange(0, len(energy), _STEP_SAMPLES)).tolist())
        num_samples += len(energy)
    if num_samples < _STEPS_PER_BLOCK * _STEP_SAMPLES:
        return np.array([sum(sums) / num_samples])
    whole = np.array(sums[: num_samples // _STEP_SAMPLES])
    return np.convolve(whole, np.ones(_STEPS_PER_BLOCK), mode="valid") / (_STEPS_PER_BLOCK * _STEP_SAMPLES)


def _k_filter() -> tuple[IIRfilter, IIRfilter]:
    """Both stages, with the parameters of pyloudnorm's own meter."""
    return (
        IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, SAMPLE_RATE, "high_shelf"),
        IIRfilter(0.0, 0.5, 38.0, SAMPLE_RATE, "high_pass"),
    )
