"""Motion: how much the spectrum rises from frame to frame, which the embedding hardly hears.

Positive log-mel flux: for each frame, the mean over 128 bands of the rise of log10 amplitude since the frame before, in
decades (times 20: dB), with every amplitude floored 60 dB under the file's peak. Frames that lie wholly on that floor are
silence and left out. The ratio of medians to the corpus tells a dead sound (under 1) from a flickering one (over 1); the
99th percentile shows clicks and jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measures.clips import Clip
from measures.logmel import RATE_HZ, mel_amplitude

N_MELS = 128
RANGE_DECADES = 3.0
"""60 dB under the file's peak."""
PERCENTILES = (25, 50, 75, 95, 99)


@dataclass(frozen=True)
class Motion:
    """Flux of the takes over the corpus's at five percentiles.

    1 is the same; None where the corpus has no flux at that percentile (half of its frames only decay, say).
    """

    percentile_ratios: dict[int, float | None]

    @property
    def median_ratio(self) -> float | None:
        """Under 1: dead; over 1: flickering."""
        return self.percentile_ratios[50]

    @property
    def p99_ratio(self) -> float | None:
        """Over 1: clicks and jumps that the corpus does not have."""
        return self.percentile_ratios[99]


def motion(corpus: Sequence[Clip], takes: Sequence[Clip]) -> Motion:
    """Compare the flux of all frames of the takes with that of all frames of the corpus."""
    return motion_ratios(flux_percentiles(corpus), flux_percentiles(takes))


def motion_ratios(corpus: dict[int, float], takes: dict[int, float]) -> Motion:
    """Compare percentiles already taken by :func:`flux_percentiles`."""
    return Motion({p: takes[p] / corpus[p] if corpus[p] > 0.0 else None for p in PERCENTILES})


def flux_percentiles(clips: Sequence[Clip]) -> dict[int, float]:
    """Percentiles of the flux over the sounding frames of all clips [decades per frame of 10.7 ms]."""
    flux = np.concatenate([positive_flux(clip) for clip in clips])
    if flux.size == 0:
        raise ValueError("no clip has two sounding frames; measure longer audio")
    return {percentile: float(np.percentile(flux, percentile)) for percentile in PERCENTILES}


def positive_flux(clip: Clip) -> NDArray[np.float32]:
    """Flux of each sounding frame but the first [shape=(at most frames - 1,), decades]."""
    amplitude = mel_amplitude(clip.at(RATE_HZ), N_MELS)
    floor = amplitude.max() * 10.0**-RANGE_DECADES
    log = np.log10(np.maximum(amplitude, floor))
    rises = np.maximum(np.diff(log, axis=0), 0.0).mean(axis=1)
    sounding = amplitude[1:].max(axis=1) > floor
    return np.asarray(rises[sounding], dtype=np.float32)
