"""The scale of a corpus: one mean and one deviation of all its log mels, which a model keeps for good."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram

_SCALE_BLOCK_FRAMES: Final = 4096  # taken to float64 at once
_SCALE_SECONDS: Final = 900.0  # of a corpus, measured; of a longer one, a part of every recording


def corpus_scale(clips: Sequence[NDArray[np.float32]], spectrogram: AudioSpectrogram) -> tuple[float, float]:
    """Mean and deviation of all log mels of the corpus [log10 amplitude].

    Of a corpus over a quarter of an hour, the same share of every recording is measured, from its middle.
    """
    share = min(_SCALE_SECONDS * spectrogram.config.sample_rate / sum(map(len, clips)), 1.0)
    total, squares, count = 0.0, 0.0, 0
    for clip in clips:
        left_out = int(len(clip) * (1.0 - share) / 2)
        whole = spectrogram.waveform_to_mel(torch.from_numpy(clip[left_out : len(clip) - left_out]))
        for start in range(0, whole.shape[-1], _SCALE_BLOCK_FRAMES):
            mel = whole[..., start : start + _SCALE_BLOCK_FRAMES].double()
            total, squares, count = total + float(mel.sum()), squares + float(mel.square().sum()), count + mel.numel()
    mean = total / count
    return mean, max(math.sqrt(max(squares / count - mean * mean, 0.0)), 0.05)
