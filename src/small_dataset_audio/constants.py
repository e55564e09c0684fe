"""Numbers that every floor shares, derived by exact division, each with its unit in its name."""

from __future__ import annotations

from typing import Final


def _exact_div(numerator: int, denominator: int) -> int:
    quotient, remainder = divmod(numerator, denominator)
    if remainder:
        raise ValueError(f"{numerator} is not a multiple of {denominator}")
    return quotient


SAMPLE_RATE: Final = 48_000
"""Internal rate in Hz: everything between import and the final resampling runs at it."""

N_FFT: Final = 2048
"""STFT window in samples (42.7 ms)."""

HOP_LENGTH: Final = _exact_div(N_FFT, 4)
"""STFT hop in samples (10.7 ms): 75 % overlap, enough for phase retrieval with a Hann window."""

N_MELS: Final = 256
"""Mel bands. 128 blurred partials that 256 keep apart (prototype figures in DESIGN)."""

FRAMES_PER_STEP: Final = 4
"""Mel frames for each latent vector."""

STEP_SAMPLES: Final = HOP_LENGTH * FRAMES_PER_STEP
"""Samples for each latent vector: 2048, one every 42.7 ms."""

DEFAULT_OVERLAP_SAMPLES: Final = _exact_div(SAMPLE_RATE, 20)
"""Crossfade between chunks: 50 ms."""

AMPLITUDE_FLOOR: Final = 1e-5
"""Mel amplitudes are floored here (-100 dB) before the logarithm."""

PEAK_TARGET: Final = 0.891
"""Peak of every exported take: -1 dBFS."""

SAMPLE_RATE_OPTIONS: Final = (44_100, 48_000, 96_000)
"""Sample rates in Hz that a take can have."""

BIT_DEPTH_MAP: Final = {"16-bit": "PCM_16", "24-bit": "PCM_24", "32-bit float": "FLOAT"}
"""Bit depths that a take can have, each with libsndfile's name for it."""

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
"""Processors that can be asked for; ``auto`` takes the best there is."""
