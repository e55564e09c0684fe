"""Clips to training crops: a pure function of (seed, step).

A crop is filled as a sampler player would: it starts somewhere inside a clip, and where the clip ends, a short pause and the
start of another clip follow. So short strokes do not leave most of a batch silent, and no audio is padded by repetition.
Augmentation is what a musician would accept as the same sound: a few decibels, a third of a semitone of varispeed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.io import resample
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.training.config import TrainingConfig

_MARGIN_FRAMES = 2  # analysed on either side and cut off, so that a crop's edge frames see real context
_MAX_PAUSE_S = 0.25


class CropDataset:
    """Draws batches of log-mel crops from clips in memory.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
    spectrogram : AudioSpectrogram
    config : TrainingConfig

    Raises
    ------
    InvalidConfigError
        No clips.
    """

    def __init__(
        self, clips: Sequence[NDArray[np.float32]], spectrogram: AudioSpectrogram, config: TrainingConfig
    ) -> None:
        if not clips:
            raise InvalidConfigError("clips is empty; training needs at least one clip")
        self._clips = clips
        self._spectrogram = spectrogram
        self._config = config
        hop = spectrogram.config.hop_length
        self._crop_samples = (config.crop_frames + 2 * _MARGIN_FRAMES - 1) * hop
        self._max_pause_samples = int(_MAX_PAUSE_S * spectrogram.config.sample_rate)
        lengths = np.array([len(clip) for clip in clips], dtype=np.float64)
        # A clip counts by its length, and a very short one still as a tenth of a crop.
        weights = np.maximum(lengths, self._crop_samples / 10)
        self._shares = weights / weights.sum()

    def batch(self, step: int, *, batch_size: int | None = None, retry: int = 0) -> Tensor:
        """Crops of training step `step`.

        Parameters
        ----------
        step : int
        batch_size : int, optional
            That of the configuration by default; a smaller one has the first of the same crops.
        retry : int
            Draws other crops for the same step.

        Returns
        -------
        Tensor [shape=(batch_size, 1, n_mels, crop_frames), log10 amplitude]
        """
        draws = np.random.default_rng([self._config.seed, step, 2, retry] if retry else [self._config.seed, step])
        waveforms = np.stack([self._crop(draws) for _ in range(batch_size or self._config.batch_size)])
        mel = self._spectrogram.waveform_to_mel(torch.from_numpy(waveforms).to(self._spectrogram.window.device))
        return mel[..., _MARGIN_FRAMES:-_MARGIN_FRAMES]

    def _crop(self, draws: np.random.Generator) -> NDArray[np.float32]:
        limit = self._config.gain_db
        gain = np.float32(10.0 ** (draws.uniform(-limit, limit) / 20.0))
        if draws.random() >= self._config.augmented_share:
            return self._fill(self._crop_samples, draws) * gain
        semitones = draws.uniform(-self._config.pitch_semitones, self._config.pitch_semitones)
        rate = round(self._spectrogram.config.sample_rate * 2.0 ** (semitones / 12.0))
        length = int(np.ceil(self._crop_samples * rate / self._spectrogram.config.sample_rate)) + 16
        shifted = resample(self._fill(length, draws), rate, self._spectrogram.config.sample_rate)
        return shifted[: self._crop_samples] * gain

    def _fill(self, num_samples: int, draws: np.random.Generator) -> NDArray[np.float32]:
        out = np.zeros(num_samples, dtype=np.float32)
        clip = self._draw_clip(draws)
        # The first clip is entered anywhere, so that every part of it is seen equally often.
        start = int(draws.integers(-self._max_pause_samples, max(len(clip) - num_samples // 2, 1)))
        position = max(-start, 0)
        start = max(start, 0)
        while position < num_samples:
            piece = clip[start : start + num_samples - position]
            out[position : position + len(piece)] = piece
            position += len(piece) + int(draws.integers(self._max_pause_samples + 1))
            clip, start = self._draw_clip(draws), 0
        return out

    def _draw_clip(self, draws: np.random.Generator) -> NDArray[np.float32]:
        return self._clips[int(draws.choice(len(self._clips), p=self._shares))]
