"""Phase retrieval: a waveform whose spectrogram has the magnitudes asked for.

Fast Griffin-Lim: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE TASSP 1984;
with the momentum of N. Perraudin, P. Balazs and P. Soendergaard, "A fast Griffin-Lim algorithm", WASPAA 2013. Their
momentum acts on spectra; the transform is linear, so it acts on the waveforms here, which are an eighth of the size.

How close it comes depends on where it starts: :mod:`small_dataset_audio.audio.phase_gradient` makes a start from the
magnitudes that is nearer than most random ones ever get.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MOMENTUM = 0.99  # Perraudin et al. recommend just under 1
GRADIENT_ITERATIONS = 16  # after a start from phase gradients; see benchmarks/vocoders.py


def griffin_lim(
    magnitude: Tensor,
    *,
    window: Tensor,
    hop_length: int,
    iterations: int,
    generator: torch.Generator,
    start: Tensor | None = None,
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
        0 renders the first phases.
    generator : torch.Generator [CPU]
        Draws the first phases where there is no `start`.
    start : Tensor, optional [shape=(batch, n_fft // 2 + 1, frames), complex, of magnitude 1]
        The first phases; random ones without it.
    known : Tensor, optional [shape=(batch, n_fft // 2 + 1, known frames), complex]
        Spectrum of the first frames where they have been rendered already: their phases are kept, so that the waveform goes
        on from there.
    momentum : float [0 to 1)
        0 is the classic algorithm.

    Returns
    -------
    Tensor [shape=(batch, (frames - 1) * hop_length)]
    """
    # A frame is a row: it is then one stretch of memory, which halves the time of a transform.
    target = magnitude.transpose(1, 2).contiguous()
    kept = None if known is None else torch.sgn(known).transpose(1, 2)[:, : target.shape[1]]
    transform = _Transform(window, hop_length, target.shape[1])

    def render(phases: Tensor) -> Tensor:
        """Render with these phases, in place."""
        if kept is not None:
            phases[:, : kept.shape[1]] = kept
        return transform.to_waveform(phases.mul_(target))

    first = _random_phases(magnitude, generator) if start is None else start
    waveform = render(first.transpose(1, 2).clone(memory_format=torch.contiguous_format))
    accelerated = waveform
    for _ in range(iterations):
        previous, waveform = waveform, render(torch.sgn(transform.to_spectrum(accelerated)))
        accelerated = waveform + momentum * (waveform - previous)
    return waveform


def _random_phases(magnitude: Tensor, generator: torch.Generator) -> Tensor:
    phases = torch.rand(magnitude.shape, generator=generator) * (2 * math.pi)
    return torch.polar(torch.ones_like(phases), phases).to(magnitude.device)


class _Transform:
    """The centred STFT that ``torch.stft`` computes, and its inverse, with frames as rows."""

    def __init__(self, window: Tensor, hop_length: int, num_frames: int) -> None:
        self._window = window
        self._n_fft = window.shape[0]
        self._hop = hop_length
        envelope = self._overlap_add(window.square().expand(1, num_frames, -1))
        # Where no window reaches there is nothing to be levelled.
        self._gain = torch.where(envelope > 1e-11, envelope, torch.inf).reciprocal()

    def to_spectrum(self, waveform: Tensor) -> Tensor:
        """Analyse a waveform [shape=(batch, frames, bins) out of (batch, samples)]."""
        padded = nn.functional.pad(waveform, (self._n_fft // 2, self._n_fft // 2))
        spectrum: Tensor = torch.fft.rfft(padded.unfold(-1, self._n_fft, self._hop) * self._window)
        return spectrum

    def to_waveform(self, spectrum: Tensor) -> Tensor:
        """Synthesise the waveform whose spectrum is nearest [shape=(batch, samples) out of (batch, frames, bins)]."""
        return self._overlap_add(torch.fft.irfft(spectrum, n=self._n_fft).mul_(self._window)).mul_(self._gain)

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """Sum frames a hop apart, and cut off what lies before the first centre and after the last."""
        batch, num_frames, n_fft = frames.shape
        pieces = torch.split(frames, self._hop, dim=-1)
        summed = frames.new_zeros(batch, num_frames + len(pieces) - 1, self._hop)
        for number, piece in enumerate(pieces):
            summed[:, number : number + num_frames, : piece.shape[-1]] += piece
        return summed.flatten(1)[:, n_fft // 2 : n_fft // 2 + (num_frames - 1) * self._hop]
