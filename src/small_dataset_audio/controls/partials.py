"""Dissonance of the partials of a sound: sensory roughness and harmonic tension.

Partials are the highest local maxima of an amplitude spectrum, refined by a parabola through three bins in dB (J. O. Smith and
X. Serra, PARSHL, 1987). Roughness follows P. N. Vassilakis, *Perceptual and Physical Properties of Amplitude Fluctuation and
their Musical Significance*, 2001, equation 6.23; tension W. A. Sethares, "Local consonance and the relationship between timbre
and scale", J. Acoust. Soc. Am. 94, 1993, with the smaller amplitude as weight as in *Tuning, Timbre, Spectrum, Scale*. Both are
taken relative to the loudest partial, so that a sound at another level is as rough.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_PARTIALS: Final = 16
LEAST_DB: Final = -50.0
"""Under the loudest partial of its frame; what is weaker is noise or a window's side lobe."""

# Of the curves by R. Plomp and W. J. M. Levelt, J. Acoust. Soc. Am. 38, 1965, as both authors fit them.
_B1: Final = 3.5
_B2: Final = 5.75
_WIDEST: Final = 0.24

_Array = NDArray[np.float32]


def find_partials(amplitude: _Array, bin_hz: float) -> tuple[_Array, _Array]:
    """Find the strongest partials of each frame.

    Parameters
    ----------
    amplitude : ndarray [shape=(frames, bins), linear, 0 or more]
    bin_hz : float [Hz]
        Distance of two bins.

    Returns
    -------
    frequencies_hz, amplitudes : ndarray [shape=(frames, MOST_PARTIALS), float32]
        Rising in frequency; amplitudes relative to the loudest (1.0), and 0 where there are fewer.
    """
    level_db = 20.0 * np.log10(np.maximum(amplitude, 1e-10))
    left, middle, right = level_db[:, :-2], level_db[:, 1:-1], level_db[:, 2:]
    loudest = level_db.max(axis=1, keepdims=True)
    is_peak = (middle > left) & (middle >= right) & (middle > loudest + LEAST_DB)
    height = np.where(is_peak, middle, -np.inf)
    count = min(MOST_PARTIALS, height.shape[1])
    chosen = np.sort(np.argpartition(height, -count, axis=1)[:, -count:], axis=1)
    below, at, above = (np.take_along_axis(side, chosen, axis=1) for side in (left, middle, right))
    found = np.take_along_axis(is_peak, chosen, axis=1)
    curvature = np.where(found, 2.0 * at - below - above, 1.0)  # of a peak it is over 0
    offset = np.where(found, 0.5 * (above - below) / curvature, 0.0)
    peak_db = at + 0.25 * (above - below) * offset
    frequencies_hz = np.where(found, (chosen + 1 + offset) * bin_hz, 0.0)
    peak_db = np.where(found, peak_db, -np.inf)
    strongest_db = np.where(found.any(axis=1), peak_db.max(axis=1), 0.0)[:, None]
    relative = 10.0 ** ((peak_db - strongest_db) / 20.0)
    return frequencies_hz.astype(np.float32), relative.astype(np.float32)


def roughness(frequencies_hz: _Array, amplitudes: _Array) -> _Array:
    """Sensory roughness after Vassilakis.

    Parameters
    ----------
    frequencies_hz, amplitudes : ndarray [shape=(frames, partials)]
        See :func:`find_partials`.

    Returns
    -------
    ndarray [shape=(frames,), float32, no unit]
        0 for a pure tone; two partials as loud as each other at the roughest distance give 0.19.
    """
    first, second = _pairs(frequencies_hz.shape[1])
    a1, a2 = amplitudes[:, first], amplitudes[:, second]
    smaller, total = np.minimum(a1, a2), np.maximum(a1 + a2, 1e-12)
    weight = (a1 * a2) ** 0.1 * 0.5 * (2.0 * smaller / total) ** 3.11
    lower_hz, distance_hz = _distances(frequencies_hz, first, second)
    scale = _WIDEST / (0.0207 * lower_hz + 18.96)
    return np.asarray((weight * _beating(scale * distance_hz)).sum(axis=1), dtype=np.float32)


def tension(frequencies_hz: _Array, amplitudes: _Array) -> _Array:
    """Dissonance of the partials after Sethares, by the amplitude that there is: how far from consonance a chord is.

    Parameters
    ----------
    frequencies_hz, amplitudes : ndarray [shape=(frames, partials)]
        See :func:`find_partials`.

    Returns
    -------
    ndarray [shape=(frames,), float32, no unit]
        Sum over pairs over the sum of amplitudes; 0 for a pure tone.
    """
    first, second = _pairs(frequencies_hz.shape[1])
    weight = np.minimum(amplitudes[:, first], amplitudes[:, second])
    lower_hz, distance_hz = _distances(frequencies_hz, first, second)
    scale = _WIDEST / (0.021 * lower_hz + 19.0)
    dissonance = (5.0 * weight * _beating(scale * distance_hz)).sum(axis=1)
    return np.asarray(dissonance / np.maximum(amplitudes.sum(axis=1), 1e-12), dtype=np.float32)


def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(count, k=1)


def _distances(frequencies_hz: _Array, first: NDArray[np.intp], second: NDArray[np.intp]) -> tuple[_Array, _Array]:
    lower_hz = np.minimum(frequencies_hz[:, first], frequencies_hz[:, second])
    return lower_hz, np.abs(frequencies_hz[:, second] - frequencies_hz[:, first])


def _beating(scaled: _Array) -> _Array:
    return np.asarray(np.exp(-_B1 * scaled) - np.exp(-_B2 * scaled), dtype=np.float32)
