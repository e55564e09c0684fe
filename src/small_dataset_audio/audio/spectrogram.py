"""Waveform to log-mel spectrogram and back.

Conventions: ``torch.stft`` with a periodic Hann window, centred frames, zero padding. The window is normalised so that a
full-scale sine has amplitude 1.0 at its bin; each mel band is the *mean* amplitude under its Slaney triangle (weights sum
to 1), so levels read as dBFS per bin in every band. The logarithm is base 10 of amplitude with a floor: 1.0 is 20 dB, and
the floor of 1e-5 is -100 dB. (A ``log1p`` of power would press everything quiet into a corner near zero.)

The number of frames for ``n`` samples is ``ceil(n / hop) + 1``: the last partial hop is padded, so that the way back always
covers every sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import librosa
import numpy as np
import torch
from torch import Tensor, nn

from small_dataset_audio.audio.config import SpectrogramConfig
from small_dataset_audio.audio.mel_inversion import MelInverter
from small_dataset_audio.audio.phase import GRADIENT_ITERATIONS, griffin_lim
from small_dataset_audio.audio.phase_gradient import integrate_phase_gradient
from small_dataset_audio.errors import InvalidAudioError

_BLOCK_FRAMES = 1024  # analysed at once: a spectrum takes eight times the memory of its mel, or more


class AudioSpectrogram(nn.Module):
    """Log-mel analysis, and synthesis without a model (non-negative mel inversion, phase gradients, then Griffin-Lim).

    Parameters
    ----------
    config : SpectrogramConfig
        Defaults to 48 kHz, 2048/512 Hann, 256 bands.

    Raises
    ------
    InvalidConfigError
        A field of `config` is outside its range.
    """

    window: Tensor
    mel_basis: Tensor

    def __init__(self, config: SpectrogramConfig | None = None) -> None:
        super().__init__()
        self.config = config or SpectrogramConfig()
        self.config.validate()
        window = torch.hann_window(self.config.n_fft)
        self.register_buffer("window", window / (window.sum() / 2), persistent=False)
        basis = librosa.filters.mel(
            sr=self.config.sample_rate, n_fft=self.config.n_fft, n_mels=self.config.n_mels, norm=1, dtype=np.float32
        )
        self.register_buffer("mel_basis", torch.from_numpy(basis), persistent=False)

    @property
    def log_floor(self) -> float:
        """The value of silence: log10 of the amplitude floor."""
        return float(np.log10(self.config.amplitude_floor))

    def num_frames(self, num_samples: int) -> int:
        """Frames that cover `num_samples` samples."""
        return -(-num_samples // self.config.hop_length) + 1

    def get_mel_shape(self, num_samples: int) -> tuple[int, int]:
        """Return ``(n_mels, frames)`` of the spectrogram of `num_samples` samples."""
        return self.config.n_mels, self.num_frames(num_samples)

    def waveform_to_mel(self, waveform: Tensor) -> Tensor:
        """Analyse a batch of mono waveforms.

        Parameters
        ----------
        waveform : Tensor [shape=(batch, 1, samples), (batch, samples) or (samples,), float, nominal -1 to 1]

        Returns
        -------
        Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude, at or over the floor]

        Raises
        ------
        InvalidAudioError
            Another shape, several channels, not floating point, no samples, or non-finite samples.
        """
        blocks = [
            torch.matmul(self.mel_basis, spectrum.abs()).clamp_min(self.config.amplitude_floor).log10()
            for spectrum in self._spectra(self._as_batch(waveform))
        ]
        return torch.cat(blocks, dim=-1).unsqueeze(1)

    def mel_to_magnitude(self, mel: Tensor) -> Tensor:
        """Find the non-negative linear spectrum whose mel bands are as asked.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Returns
        -------
        Tensor [shape=(batch, n_fft // 2 + 1, frames), amplitude, 1.0 is a full-scale sine]
        """
        amplitude = torch.pow(10.0, mel.squeeze(1))
        # Values at the floor mean "at or under it": they are silence, not a noise floor to be rendered.
        amplitude = torch.where(amplitude <= self.config.amplitude_floor * 1.01, 0.0, amplitude)
        return MelInverter(self.mel_basis).invert(amplitude)

    def mel_to_waveform(
        self, mel: Tensor, *, iterations: int = GRADIENT_ITERATIONS, generator: torch.Generator | None = None
    ) -> Tensor:
        """Render a log-mel spectrogram: phases from its gradient, improved by Griffin-Lim.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]
        iterations : int [0 or more]
        generator : torch.Generator, optional
            Source of what phases begin with. None starts from a generator with seed 0: the same mel gives the same
            waveform.

        Returns
        -------
        Tensor [shape=(batch, 1, (frames - 1) * hop_length), float32]
        """
        magnitude = self.mel_to_magnitude(mel)
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        hop_length = self.config.hop_length
        waveform = griffin_lim(
            magnitude,
            window=self.window,
            hop_length=hop_length,
            iterations=iterations,
            generator=generator,
            start=integrate_phase_gradient(magnitude, hop_length=hop_length, generator=generator),
        )
        return waveform.unsqueeze(1)

    def _as_batch(self, waveform: Tensor) -> Tensor:
        shape = tuple(waveform.shape)
        if waveform.ndim == 3 and waveform.shape[1] == 1:
            waveform = waveform.squeeze(1)
        elif waveform.ndim == 1:
            waveform = waveform.unsqueeze(0)
        if waveform.ndim != 2 or waveform.numel() == 0:
            raise InvalidAudioError(
                f"waveform has shape {shape}; it must be (batch, 1, samples) with at least one sample"
            )
        if not waveform.is_floating_point():
            raise InvalidAudioError(f"waveform has dtype {waveform.dtype}; convert it to float32 in -1 to 1 first")
        waveform = waveform.to(self.window)
        # The extremes of what holds NaN are NaN; a mask of a long recording would take more memory than the recording.
        if not torch.isfinite(torch.stack(waveform.aminmax())).all():
            raise InvalidAudioError("waveform holds NaN or infinite samples; all must be finite")
        return waveform

    def _spectra(self, waveform: Tensor) -> Iterator[Tensor]:
        """Yield the complex spectra of all frames, block by block [shape=(batch, n_fft // 2 + 1, frames)]."""
        n_fft, hop = self.config.n_fft, self.config.hop_length
        num_frames = self.num_frames(waveform.shape[-1])
        # Half a window of zeros on both sides centres every frame, wherever its block begins.
        padding = -waveform.shape[-1] % hop
        padded = nn.functional.pad(waveform, (n_fft // 2, padding + n_fft // 2))
        for first in range(0, num_frames, _BLOCK_FRAMES):
            last = min(first + _BLOCK_FRAMES, num_frames) - 1
            yield torch.stft(
                padded[:, first * hop : last * hop + n_fft],
                n_fft=n_fft,
                hop_length=hop,
                window=self.window,
                center=False,
                return_complex=True,
            )
