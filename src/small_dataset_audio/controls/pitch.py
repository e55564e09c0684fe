"""The pitch of a single sound, where it has one that everybody would hear.

YIN (A. de Cheveigné and H. Kawahara, J. Acoust. Soc. Am. 111, 2002) in frames of 75 ms: the shortest lag at which a sound
repeats itself, and how well it does. The pitch is clear where nearly all frames repeat well, and at lags that agree. A chord, a
drum whose pitch falls, a noise have none. YIN does without what a probabilistic tracker brings: sounds are short, and what is
not clear is not wanted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE

_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 2_000.0
_LAGS: Final = round(SAMPLE_RATE / _LOWEST_HZ)
_SHORTEST_LAG: Final = round(SAMPLE_RATE / _HIGHEST_HZ)
_WINDOW: Final = 2 * _LAGS
_HOP: Final = 1024
_FEWEST_FRAMES: Final = 4
_AFTER_PEAK_S: Final = 0.02  # an attack is noise
_HEARD_S: Final = 0.8
_GOOD: Final = 0.1  # of the power that a frame differs from itself, a period later
_CLEAR_SHARE: Final = 0.8
_SPREAD_CENTS: Final = 20.0
_QUIET_DB: Final = -30.0
_A4_KEY: Final = 69
_A4_HZ: Final = 440.0


@dataclass(frozen=True)
class Pitch:
    """A clear pitch.

    Parameters
    ----------
    frequency_hz : float [Hz, 40 to 2000]
    """

    frequency_hz: float

    @property
    def key(self) -> int:
        """The highest key of the equally tempered keyboard that is not over it [MIDI note]."""
        return self._cents // 100

    @property
    def cents(self) -> int:
        """How much it is over that key [0 to 99]."""
        return self._cents % 100

    @property
    def _cents(self) -> int:
        return round(1200.0 * math.log2(self.frequency_hz / _A4_HZ)) + 100 * _A4_KEY


def find_pitch(samples: NDArray[np.float32]) -> Pitch | None:
    """Find the pitch of a sound, listening to 0.8 s after its peak; None where it is not clear.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    if len(samples) == 0:
        return None
    first = int(np.abs(samples).argmax()) + round(_AFTER_PEAK_S * SAMPLE_RATE)
    heard = samples[first : first + round(_HEARD_S * SAMPLE_RATE)].astype(np.float64)
    if len(heard) < _WINDOW + _LAGS + (_FEWEST_FRAMES - 1) * _HOP:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(heard, _WINDOW + _LAGS)[::_HOP]
    power = (frames**2).mean(axis=1)
    frames = frames[power > power.max() * 10.0 ** (_QUIET_DB / 10.0)]
    if len(frames) < _FEWEST_FRAMES or power.max() == 0.0:
        return None
    found = [_period(difference) for difference in _differences(frames)]
    periods = np.array([period for period in found if period is not None])
    if len(periods) < _CLEAR_SHARE * len(found):
        return None
    cents = 1200.0 * np.log2(periods / np.median(periods))
    if np.percentile(np.abs(cents), 75) > _SPREAD_CENTS:
        return None
    return Pitch(float(SAMPLE_RATE / np.median(periods)))


def _differences(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of what each frame differs from itself by, at lags from 0, over its mean to there [shape=(frames, lags + 1)]."""
    size = scipy.fft.next_fast_len(2 * _WINDOW + _LAGS, real=True)
    spectrum = scipy.fft.rfft(frames, size, axis=1)
    head = scipy.fft.rfft(frames[:, :_WINDOW], size, axis=1)
    products = scipy.fft.irfft(spectrum * head.conj(), size, axis=1)[:, : _LAGS + 1]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energies = squares[:, _WINDOW : _WINDOW + _LAGS + 1] - squares[:, : _LAGS + 1]
    difference = np.maximum(energies[:, :1] + energies - 2.0 * products, 0.0)
    lags = np.arange(1, _LAGS + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / lags
    relative = difference[:, 1:] / np.maximum(mean, np.finfo(np.float64).tiny)
    return np.pad(relative, ((0, 0), (1, 0)), constant_values=1.0)


def _period(difference: NDArray[np.float64]) -> float | None:
    """First lag at which a frame repeats itself well, between samples; None where it never does."""
    inner = difference[_SHORTEST_LAG:-1]
    is_dip = (inner <= difference[_SHORTEST_LAG - 1 : -2]) & (inner < difference[_SHORTEST_LAG + 1 :])
    good = np.flatnonzero(is_dip & (inner < _GOOD))
    if len(good) == 0:
        return None
    lag = _SHORTEST_LAG + int(good[0])
    before, at, after = difference[lag - 1 : lag + 2]
    return lag + float(0.5 * (before - after) / (before - 2.0 * at + after))
