r"""A struck bar: modal synthesis of a metal bar that is free at both ends.

A bar rings in a handful of bending modes. Each mode is a damped sinusoid with its own frequency, its own decay, and a
shape along the bar that says how well a mallet at a given place can wake it. So the bar is a bank of two-pole resonators,
all driven by the same force: the push of the mallet during the moment it touches.

Frequencies: the free ends of a thin uniform bar demand ``cosh(b) * cos(b) = 1``; its solutions ``b`` = 4.730, 7.853, 10.996
... give partials at ``(b / 4.730)**2`` = 1 : 2.757 : 5.404 : 8.933 ... Mallet: a half sine of force, shorter for a harder
mallet and for a harder stroke, low-passes what the bar receives.

Sources: N. Fletcher and T. Rossing, "The Physics of Musical Instruments", 2nd ed. 1998, sections 2.15 and 19.2-19.3;
A. Chaigne and V. Doutaut, "Numerical simulations of xylophones I", J. Acoust. Soc. Am. 101(1), 1997 (the mallet's force).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus.synthesis._settings import check_between, num_samples
from small_dataset_audio.errors import InvalidConfigError

LOWEST_HZ = 40.0
HIGHEST_HZ = 5_000.0

_HIGHEST_PARTIAL_HZ = 20_000.0
_SOFT_CONTACT_S = 5e-3  # yarn mallet, gentle stroke
_HARD_CONTACT_S = 0.25e-3  # brass mallet, gentle stroke
# Force grows with this power of the mallet's compression (felt and yarn; 1.5 would be two hard spheres). Then the time of
# contact falls with speed to the power (1 - p) / (1 + p).
_MALLET_POWER = 2.5

_ROOTS: Final = (4.730040745, 7.853204624, 10.995607838, 14.137165491, 17.278759657, 20.420352246)
"""Positive solutions of ``cosh(b) * cos(b) = 1``."""

FREE_BAR_RATIOS: Final[tuple[float, ...]] = tuple((b / _ROOTS[0]) ** 2 for b in _ROOTS)
"""Partials of a thin uniform bar over its fundamental: 1, 2.757, 5.404, 8.933, 13.344, 18.638."""


def strike_bar(
    pitch_hz: float,
    duration_s: float,
    *,
    strength: float = 0.7,
    hardness: float = 0.5,
    strike_position: float = 0.4,
    decay_s: float = 2.5,
    damping_power: float = 0.8,
    ratios: Sequence[float] = FREE_BAR_RATIOS,
) -> NDArray[np.float32]:
    """Strike a bar once.

    Parameters
    ----------
    pitch_hz : float [Hz, 40 to 5000]
        Frequency of the first mode.
    duration_s : float [s]
        Length of the result. A bar that still rings at its end is cut there: fade it where that matters.
    strength : float [0.01 to 1]
        Peak amplitude of the result. A harder stroke is also brighter: the mallet touches for a shorter time.
    hardness : float [0 to 1]
        Of the mallet: 0 is yarn (contact of 5 ms at full softness), 1 is brass (0.25 ms).
    strike_position : float [0 to 0.5, share of the bar's length from one end]
        At 0.5, the middle, the even-numbered modes stay silent; at 0.224 (where bars are held) the first does.
    decay_s : float [s, 0.02 to 60]
        Time in which the first mode falls by 60 dB.
    damping_power : float [0 to 2]
        Mode at ratio ``r`` falls by 60 dB in ``decay_s / r**damping_power``.
    ratios : sequence of float [over 0, up to 6 of them]
        Mode frequencies over `pitch_hz`. The default is a uniform bar; ``(1, 4, 10)`` is one undercut like a marimba's.
        Modes over 20 kHz are left out.

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32, peak at `strength`]

    Raises
    ------
    InvalidConfigError
        A parameter is outside its range, or every mode is over 20 kHz.
    """
    check_between("pitch_hz", pitch_hz, LOWEST_HZ, HIGHEST_HZ)
    check_between("strength", strength, 0.01, 1.0)
    check_between("hardness", hardness, 0.0, 1.0)
    check_between("strike_position", strike_position, 0.0, 0.5)
    check_between("decay_s", decay_s, 0.02, 60.0)
    check_between("damping_power", damping_power, 0.0, 2.0)
    check_between("number of ratios", len(ratios), 1, len(_ROOTS))
    force = _mallet_force(num_samples(duration_s), _contact_s(hardness, strength))
    note = np.zeros(force.size)
    for mode, ratio in enumerate(ratios):
        check_between(f"ratios[{mode}]", ratio, 0.01, 1_000.0)
        if pitch_hz * ratio < _HIGHEST_PARTIAL_HZ:
            gain = _mode_shape(mode, strike_position)
            note += gain * _ring(force, pitch_hz * ratio, decay_s / ratio**damping_power)
    peak = np.max(np.abs(note))
    if peak == 0.0:
        raise InvalidConfigError(
            f"pitch_hz {pitch_hz} with ratios {tuple(ratios)} has no partial under 20 kHz; lower one of them"
        )
    return np.asarray(note * (strength / peak), dtype=np.float32)


def _contact_s(hardness: float, strength: float) -> float:
    """How long the mallet touches."""
    gentle = _SOFT_CONTACT_S * (_HARD_CONTACT_S / _SOFT_CONTACT_S) ** hardness
    return float(gentle * (1.0 + 9.0 * strength) ** ((1.0 - _MALLET_POWER) / (1.0 + _MALLET_POWER)))


def _mallet_force(size: int, contact_s: float) -> NDArray[np.float64]:
    """Half a sine of `contact_s`, then nothing."""
    time_s = np.arange(size) / SAMPLE_RATE
    return np.where(time_s < contact_s, np.sin(np.pi * time_s / contact_s), 0.0)


def _mode_shape(mode: int, position: float) -> float:
    """Deflection of a free-free bar's mode (0 is the first) at `position`, the ends being 1."""
    root = _ROOTS[mode]
    # Measured from the middle, every mode is even or odd, and the textbook's four-term form becomes two terms that stay small
    # numbers: the usual cosh - sigma * sinh loses all its digits for high modes.
    x = root * (position - 0.5)
    if mode % 2 == 0:
        return 0.5 * (math.cosh(x) / math.cosh(root / 2) + math.cos(x) / math.cos(root / 2))
    return -0.5 * (math.sinh(x) / math.sinh(root / 2) + math.sin(x) / math.sin(root / 2))


def _ring(force: NDArray[np.float64], frequency_hz: float, decay_s: float) -> NDArray[np.float64]:
    """Velocity of one mode under `force`: a two-pole resonator whose impulse response is a damped cosine."""
    radius = 10.0 ** (-3.0 / (decay_s * SAMPLE_RATE))
    omega = 2.0 * math.pi * frequency_hz / SAMPLE_RATE
    numerator = [1.0, -radius * math.cos(omega)]
    return np.asarray(lfilter(numerator, [1.0, -2.0 * radius * math.cos(omega), radius**2], force))
