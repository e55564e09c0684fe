"""Phase retrieval: a waveform whose spectrogram has the magnitudes asked for.

Fast Griffin-Lim: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE TASSP 1984;
with the momentum of N. Perraudin, P. Balazs and P. Soendergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

MOMENTUM = 0.99  # Perraudin et al. recommend just under 1


def griffin_lim(
    magnitude: Tensor,
    *,
    window: Tensor,
    hop_length: int,
    iterations: int,
    generator: torch.Generator,
    known: Tensor | None = None,
    momentum: float = MOMENTUM,
) -> Tensor:
    """Iterate between the magnitudes asked for and spectrograms that a waveform can have.

    Parameters
    ----------
    magnitude : Tensor [shape=(batch, n_fft // 2 + 1, frames), amplitude, non-negative]
        Of a centred STFT with `window`.
    window : Tensor [shape=(n_fft,)]
    hop_length : int [samples]
    iterations : int [0 or more]
        0 renders random phases.
    generator : torch.Generator [CPU]
        Draws the first phases.
    known : Tensor, optional [shape=(batch, n_fft // 2 + 1, known frames), complex]
        Spectrum of the first frames where they have been rendered already: their phases are kept, so that the waveform goes
        on from there.
    momentum : float [0 to 1)
        0 is the classic algorithm.

    Returns
    -------
    Tensor [shape=(batch, (frames - 1) * hop_length)]
    """
    n_fft = window.shape[0]
    phases = torch.rand(magnitude.shape, generator=generator) * (2 * math.pi)
    angles = torch.polar(torch.ones_like(phases), phases).to(magnitude.device)
    previous = torch.zeros_like(angles)

    def keep_known_phases(angles: Tensor) -> Tensor:
        if known is not None:
            angles[..., : known.shape[-1]] = torch.sgn(known)
        return angles

    def to_waveform(spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, n_fft=n_fft, hop_length=hop_length, window=window, center=True)

    angles = keep_known_phases(angles)
    for _ in range(iterations):
        consistent = torch.stft(
            to_waveform(magnitude * angles),
            n_fft=n_fft,
            hop_length=hop_length,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        accelerated = consistent + momentum * (consistent - previous)
        previous = consistent
        angles = keep_known_phases(accelerated / accelerated.abs().clamp_min(1e-16))
    return to_waveform(magnitude * angles)
