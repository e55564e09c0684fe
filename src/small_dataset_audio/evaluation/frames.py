"""What the measures hear: spectrogram frames in 40 mel bands, with level and tonality, every 10.7 ms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

import librosa
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE

N_BANDS: Final = 40
HOP: Final = 512
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP
FLOOR_DB: Final = -160.0

_N_FFT: Final = 2048
_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 20_000.0
_OCTAVES_HZ: Final = (100, 200, 400, 800, 1600, 3200, 6400, 12_800)
_FRAMES_AT_ONCE: Final = 2048
_TINY: Final = 10 ** (FLOOR_DB / 10)
_MASKED: Final = np.float32(1e-8)

N_OCTAVES: Final = len(_OCTAVES_HZ)


@dataclass(frozen=True)
class Frames:
    """A sound, frame by frame.

    Parameters
    ----------
    bands_db : ndarray [shape=(frames, N_BANDS), float32, dB of full scale]
    flatness_db : ndarray [shape=(frames, N_OCTAVES), float32, dB]
        Geometric over arithmetic mean of the power in each octave: about -2.5 for noise, far lower for tones.
    level_db : ndarray [shape=(frames,), float32, dB of full scale]
    """

    bands_db: NDArray[np.float32] = field(repr=False)
    flatness_db: NDArray[np.float32] = field(repr=False)
    level_db: NDArray[np.float32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.level_db)


def analyse(samples: NDArray[np.float32]) -> Frames:
    """Cut into frames, centred on every 512th sample.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    padded = np.pad(samples, (_N_FFT // 2, _N_FFT // 2))
    cut = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::HOP]
    parts = [_measure(cut[first : first + _FRAMES_AT_ONCE]) for first in range(0, len(cut), _FRAMES_AT_ONCE)]
    bands, flatness, level = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Frames(bands, flatness, level)


def join(sounds: list[Frames]) -> Frames:
    """Lay sounds end to end."""
    return Frames(
        np.concatenate([sound.bands_db for sound in sounds]),
        np.concatenate([sound.flatness_db for sound in sounds]),
        np.concatenate([sound.level_db for sound in sounds]),
    )


def loudness_reference(level_db: NDArray[np.float32]) -> float:
    """Level [dB] that 95 % of the sounding frames (within 60 dB of the loudest) stay under; no gain changes what is over it."""
    return float(np.percentile(level_db[level_db >= level_db.max() - 60.0], 95))


def _measure(cut: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    spectra = scipy.fft.rfft(cut * _window(), axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    bands_db = 10.0 * np.log10(power @ _filters() + _TINY)
    level_db = 10.0 * np.log10(power.sum(axis=1) + _TINY)
    # What lies 80 dB under a frame's sum is not heard, and need not look like a tone or like noise.
    audible = power + power.sum(axis=1, keepdims=True) * _MASKED + np.float32(_TINY)
    logs = np.log10(audible)
    flatness = [
        10.0 * (logs[:, low:high].mean(axis=1) - np.log10(audible[:, low:high].mean(axis=1)))
        for low, high in _octave_bins()
    ]
    return bands_db.astype(np.float32), np.stack(flatness, axis=1).astype(np.float32), level_db.astype(np.float32)


@cache
def _window() -> NDArray[np.float32]:
    window = np.hanning(_N_FFT + 1)[:-1]
    return np.asarray(window * (2.0 / window.sum()), dtype=np.float32)  # a full-scale sine peaks at 1


@cache
def _filters() -> NDArray[np.float32]:
    bank = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=_N_FFT, n_mels=N_BANDS, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ, norm=1.0
    )
    return np.asarray(bank.T, dtype=np.float32)


def _octave_bins() -> list[tuple[int, int]]:
    return [(round(hz * _N_FFT / SAMPLE_RATE), round(2 * hz * _N_FFT / SAMPLE_RATE)) for hz in _OCTAVES_HZ]
