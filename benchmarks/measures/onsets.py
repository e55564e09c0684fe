"""Onsets: whether attacks are as many and as strong as the corpus's, over all moments of a set.

Onset strength is librosa's spectral flux: the mean rise of 128 mel bands from frame to frame (10.7 ms), in dB, every level
floored 60 dB under the clip's loudest, so that gain does not matter. Silent frames count, with strength 0: that makes it the
distribution over *time*, of which attacks are the far end. The corpus is heard as :mod:`measures.programme` plays it.

The distance of two such distributions is Wasserstein's (earth mover's): the mean change in strength that turns one into the
other, in dB. A take without attacks and one that flickers are both far from the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from measures.clips import Clip
from measures.logmel import HOP_LENGTH, RATE_HZ, mel_amplitude

N_MELS = 128
RANGE_DB = 60.0


def onset_distance_db(corpus: NDArray[np.float32], takes: NDArray[np.float32]) -> float:
    """Wasserstein distance of two sets of strengths taken by :func:`onset_strengths` [dB per frame]."""
    return float(wasserstein_distance(corpus, takes))


def onset_strengths(clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Strengths of all frames of all clips (at least one clip, none silent) [dB per frame of 10.7 ms, 0 or more]."""
    return np.concatenate([_strengths(clip) for clip in clips])


def _strengths(clip: Clip) -> NDArray[np.float32]:
    amplitude = mel_amplitude(clip.at(RATE_HZ), N_MELS)
    floor = amplitude.max() * 10.0 ** (-RANGE_DB / 20.0)
    level_db = 20.0 * np.log10(np.maximum(amplitude, floor))
    # Not centred: that only moves the strengths in time.
    strength = librosa.onset.onset_strength(S=level_db.T, sr=RATE_HZ, hop_length=HOP_LENGTH, center=False)
    return np.asarray(strength, dtype=np.float32)
