"""The two ends of a take: no click where it begins or stops, and no DC.

A take is cut out of something that goes on, so both ends are faded: briefly in, so that an attack keeps its edge, a little
longer out. The mean is removed *under* that envelope: what is subtracted fades with it, so removing DC cannot make a click.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.audio.joins import rise
from small_dataset_audio.constants import SAMPLE_RATE

FADE_IN_MS = 1.0
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
    envelope = _envelope(checked.shape[-1], sample_rate)
    mean = np.sum(checked * envelope, axis=-1, keepdims=True, dtype=np.float64) / envelope.sum(dtype=np.float64)
    finished: NDArray[np.float32] = (checked - mean.astype(np.float32)) * envelope
    return finished


def _envelope(num_samples: int, sample_rate: int) -> NDArray[np.float32]:
    envelope = np.ones(num_samples, dtype=np.float32)
    # Takes shorter than the fades keep at least their middle.
    fade_in = min(round(FADE_IN_MS * sample_rate / 1000), num_samples // 4)
    fade_out = min(round(FADE_OUT_MS * sample_rate / 1000), num_samples // 4)
    envelope[:fade_in] = rise(fade_in)
    envelope[num_samples - fade_out :] = rise(fade_out)[::-1]
    return envelope
