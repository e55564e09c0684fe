"""Griffin-Lim as a vocoder: needs no corpus, and sounds of it.

Long spectrograms are rendered in blocks that are crossfaded, so that memory does not grow with the length: phase retrieval
needs several complex arrays of the block's size at once. A block begins with the phases that the block before it ended
with: two phase retrievals of one tone agree in nothing else, and would cancel each other in the crossfade.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.joins import rise
from small_dataset_audio.audio.phase import GRADIENT_ITERATIONS, griffin_lim
from small_dataset_audio.audio.phase_gradient import integrate_phase_gradient
from small_dataset_audio.audio.spectrogram import AudioSpectrogram

_BLOCK_WINDOWS = 120  # 5 s
_JOIN_WINDOWS = 2  # 85 ms


class GriffinLimVocoder:
    """Non-negative mel inversion, phases from the gradient of the magnitudes, then fast Griffin-Lim.

    Parameters
    ----------
    spectrogram : AudioSpectrogram
    iterations : int
        Phase retrieval steps: the fewer, the faster and the rougher.
    """

    name = "griffin_lim"

    def __init__(self, spectrogram: AudioSpectrogram, iterations: int = GRADIENT_ITERATIONS) -> None:
        self._spectrogram = spectrogram
        self._iterations = iterations

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:
        """Render one spectrogram; see :class:`~small_dataset_audio.models.vocoder.Vocoder`."""
        mel = mel.amax(dim=0, keepdim=True)
        hop = self._spectrogram.config.hop_length
        frames_per_window = self._spectrogram.config.n_fft // hop
        block_frames, join_frames = _BLOCK_WINDOWS * frames_per_window, _JOIN_WINDOWS * frames_per_window
        out = np.zeros((mel.shape[-1] - 1) * hop, dtype=np.float32)
        join = join_frames * hop
        fade_in = rise(join)
        start = 0
        while start == 0 or start + join_frames < mel.shape[-1] - 1:
            position = start * hop
            known = self._known_spectrum(out, position, position + join) if start > 0 else None
            block = self._render_block(mel[..., start : start + block_frames], generator, known)
            if start > 0:
                out[position : position + join] *= fade_in[::-1]
                block[:join] *= fade_in
            out[position : position + len(block)] += block
            start += block_frames - 1 - join_frames
        return out[:num_samples]

    def _render_block(self, mel: Tensor, generator: torch.Generator, known: Tensor | None) -> NDArray[np.float32]:
        magnitude = self._spectrogram.mel_to_magnitude(mel)
        hop_length = self._spectrogram.config.hop_length
        waveform = griffin_lim(
            magnitude,
            window=self._spectrogram.window,
            hop_length=hop_length,
            iterations=self._iterations,
            generator=generator,
            start=integrate_phase_gradient(magnitude, hop_length=hop_length, generator=generator, known=known),
            known=known,
        )
        rendered: NDArray[np.float32] = waveform[0].cpu().numpy()
        return rendered

    def _known_spectrum(self, out: NDArray[np.float32], begin: int, end: int) -> Tensor:
        """Analyse what is rendered: frames centred from sample `begin` on whose windows end at or before `end`."""
        window = self._spectrogram.window
        samples = torch.from_numpy(out[begin - len(window) // 2 : end]).to(window.device)
        hop = self._spectrogram.config.hop_length
        return torch.stft(
            samples[None], n_fft=len(window), hop_length=hop, window=window, center=False, return_complex=True
        )
