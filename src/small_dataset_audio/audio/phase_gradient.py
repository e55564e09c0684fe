"""Phases read off the magnitudes: a start for phase retrieval that is nearly there.

Under a Gaussian window the logarithm of the magnitude tells how the phase changes: from frame to frame by the frequency of
the partial, which shows in the slope across bins; and from bin to bin by the time of the attack, which shows in the slope
across frames. A Hann window is near enough to a Gaussian one. Integrating both from the loud to the quiet gives the
phases: Z. Prusa, P. Balazs and P. Soendergaard, "A noniterative method for reconstruction of phase from STFT magnitude",
IEEE/ACM TASLP 2017; from one frame to the next, as here: Z. Prusa and P. Soendergaard, "Real-time spectrogram inversion
using phase gradient heap integration", DAFx 2016.

The order of integration is theirs (a bin takes its phase from the frame before, or from a neighbour in its own frame,
whichever comes by the loudest way), but not the heap: within one frame the loudest way to a bin is a straight
one, so all frames find theirs at once by one pass up the bins and one down. What is left to do frame after frame is to
look phases up and add.

Phases are counted in turns, between -1/2 and 1/2, and seen from the centre of a frame until the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# A Hann window of N samples is nearest to the Gaussian exp(-t^2 / (2 s^2)) with s^2 = 0.25645 N^2 / (2 pi) (Prusa et al.).
_HANN_VARIANCE = 0.25645 / (2 * math.pi)
_TOLERANCE = 1e-5  # of the loudest bin: at or under it magnitudes say little, and phases are drawn
_MAX_DEVIATION_BINS = 2.0  # the half width of a Hann window's main lobe


def integrate_phase_gradient(
    magnitude: Tensor, *, hop_length: int, generator: torch.Generator, known: Tensor | None = None
) -> Tensor:
    """Estimate the phases of a spectrogram from its magnitudes.

    Parameters
    ----------
    magnitude : Tensor [shape=(batch, n_fft // 2 + 1, frames), amplitude, non-negative]
        Of a centred STFT with a Hann window of `n_fft` samples, `n_fft` even.
    hop_length : int [samples]
    generator : torch.Generator [CPU]
        Draws the phases that partials begin with, and those of bins that are silent.
    known : Tensor, optional [shape=(batch, n_fft // 2 + 1, known frames), complex]
        Spectrum of the first frames where they have been rendered already: their phases are kept and gone on from.

    Returns
    -------
    Tensor [shape=(batch, n_fft // 2 + 1, frames), complex, of magnitude 1]
    """
    frames = magnitude.transpose(1, 2).contiguous()
    num_bins = frames.shape[-1]
    n_fft = 2 * (num_bins - 1)
    drawn = (torch.rand(frames.shape, generator=generator) - 0.5).to(frames)
    floor = _TOLERANCE * frames.amax(dim=(1, 2), keepdim=True)
    advance, climb = _gradients(frames.maximum(floor).clamp_min(torch.finfo(frames.dtype).tiny), n_fft, hop_length)
    # Before the first frame it was as loud as in it, and phases were anything.
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    source = _loudest_ways(before, frames)
    step = climb + (advance - climb).gather(-1, source)
    step -= step.round()

    centred = _as_centred(known) if known is not None else drawn[:, :0]
    phases = torch.empty_like(frames)
    phases[:, : centred.shape[1]] = centred[:, : frames.shape[1]]
    last = phases[:, centred.shape[1] - 1] if centred.shape[1] else drawn[:, 0]
    for frame in range(centred.shape[1], frames.shape[1]):
        last = last.gather(-1, source[:, frame]).add_(step[:, frame])
        last -= last.round()
        phases[:, frame] = last
    silent = frames <= floor
    silent[:, : centred.shape[1]] = False
    phases = torch.where(silent, drawn, phases)
    phases += 0.5 * (torch.arange(num_bins, device=phases.device) % 2)
    phases *= 2 * math.pi
    return torch.complex(phases.cos(), phases.sin()).transpose(1, 2)


def _gradients(magnitude: Tensor, n_fft: int, hop_length: int) -> tuple[Tensor, Tensor]:
    """Turns from the frame before to each bin, and from the lowest bin to each bin [shape=(batch, frames, bins) both]."""
    variance = _HANN_VARIANCE * n_fft * n_fft
    level = magnitude.log()
    slope = torch.zeros_like(level)
    slope[..., 1:-1] = (level[..., 2:] - level[..., :-2]) / 2
    deviation = (slope * ((n_fft / (2 * math.pi)) ** 2 / variance)).clamp_(-_MAX_DEVIATION_BINS, _MAX_DEVIATION_BINS)
    bins = torch.arange(level.shape[-1], device=level.device, dtype=level.dtype)
    frequency = (bins + deviation) * (hop_length / n_fft)
    advance = frequency.clone()
    advance[:, 1:] = (frequency[:, 1:] + frequency[:, :-1]) / 2

    growth = torch.zeros_like(level)
    growth[:, 1:-1] = (level[:, 2:] - level[:, :-2]) / 2
    delay = growth * (-variance / (hop_length * n_fft))
    climb = torch.zeros_like(level)
    climb[..., 1:] = ((delay[..., 1:] + delay[..., :-1]) / 2).cumsum(dim=-1)
    return advance, climb


def _loudest_ways(before: Tensor, frames: Tensor) -> Tensor:
    """Find for each bin where the loudest way to it leaves the frame before [shape=(batch, frames, bins), int64, bin].

    A way is as loud as the quietest bin on it, the one it leads to left out. Out of silence, or where several are equally loud,
    all leave at the lowest: an attack begins in all bins together.
    """
    bins = torch.arange(frames.shape[-1], device=frames.device)
    from_below, along = _sweep_up(before, frames)
    below = torch.where(before > along, bins, 0).cummax(dim=-1).values
    upside_down = before.flip(-1)
    from_above, along = _sweep_up(upside_down, frames.flip(-1))
    above = bins[-1] - torch.where(upside_down >= along, bins, 0).cummax(dim=-1).values
    return torch.where(from_below >= from_above.flip(-1), below, above.flip(-1))


def _sweep_up(before: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Loudness of the loudest way to each bin straight from the frame before or from below, and of that from below alone."""
    # Bins first: one bin of all frames is then one stretch of memory. Two thousand small steps, of which NumPy takes four in
    # torch's time for one, and which a graphics card would spend on being told what to do.
    straight, through = (np.ascontiguousarray(x.flatten(0, 1).T.cpu().numpy()) for x in (before, frames))
    along = np.full_like(straight, -1.0)
    loudest = straight.copy()
    for below in range(len(straight) - 1):
        np.minimum(through[below], loudest[below], out=along[below + 1])
        np.maximum(along[below + 1], straight[below + 1], out=loudest[below + 1])

    def by_frame(swept: NDArray[np.floating[Any]]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(swept.T)).view(frames.shape).to(frames.device)

    return by_frame(loudest), by_frame(along)


def _as_centred(spectrum: Tensor) -> Tensor:
    """Phases in turns, seen from the centre of each frame [shape=(batch, frames, bins)]."""
    turns = spectrum.angle().transpose(1, 2) / (2 * math.pi)
    turns = turns + 0.5 * (torch.arange(turns.shape[-1], device=turns.device) % 2)
    return turns - turns.round()
