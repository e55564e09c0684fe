"""A plucked string: the Karplus-Strong loop with Jaffe and Smith's extensions.

A string is a travelling wave that comes back once a period, a little weaker and a little duller each time. So it is a delay
line closed into a loop with two small filters in it:

- a *loss* filter, one pole, that sets how fast the fundamental dies and how much faster the upper harmonics do;
- a *tuning* filter, a first-order allpass, that supplies the fraction of a sample which a delay line cannot.

The pluck itself is one period sent into the loop: the two-level force at the bridge that a string bent to a corner gives
when let go, with some noise (the pick's scrape), dulled when plucked softly. Where the string is plucked sets which harmonics
are missing. All of it is linear, so the whole note is one call of ``scipy.signal.lfilter`` with a denominator that is nearly
all zeros.

Sources: K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music Journal 7(2),
1983; D. Jaffe and J. Smith, "Extensions of the Karplus-Strong plucked-string algorithm", Computer Music Journal 7(2), 1983;
the one-pole loss filter after V. Valimaki et al., "Physical modeling of plucked string instruments with application to
real-time sound synthesis", J. Audio Eng. Soc. 44(5), 1996.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus.synthesis._settings import check_between, num_samples

LOWEST_HZ = 40.0
HIGHEST_HZ = 2_000.0

_SOFT_CUTOFF_HZ = 500.0
_CUTOFF_OCTAVES = 4.3  # the hardest pluck is this much brighter than the softest: 500 Hz to about 10 kHz
_LN_60_DB = math.log(1000.0)


def pluck_string(
    pitch_hz: float,
    duration_s: float,
    *,
    strength: float = 0.7,
    pick_position: float = 0.2,
    decay_s: float = 4.0,
    treble_damping: float = 0.02,
    pick_noise: float = 0.3,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Pluck a string once.

    Parameters
    ----------
    pitch_hz : float [Hz, 40 to 2000]
        Fundamental; exact to well under a cent.
    duration_s : float [s]
        Length of the result. A string that still sounds at its end is cut there: fade it where that matters.
    strength : float [0.01 to 1]
        Peak amplitude of the result. A harder pluck is also brighter (Jaffe and Smith's dynamics filter).
    pick_position : float [0.02 to 0.5, share of the string's length]
        Where it is plucked. At ``1 / k`` every k-th harmonic is missing; small is thin and bright, 0.5 hollow.
    decay_s : float [s, 0.02 to 60]
        Time in which the fundamental falls by 60 dB.
    treble_damping : float [0 to 0.9]
        Share of the fundamental's loss that grows with the square of frequency. Harmonic ``k`` decays about
        ``1 + treble_damping * (k**2 - 1)`` times as fast as the fundamental.
    pick_noise : float [0 to 1]
        Share of noise in the pluck: 0 is an ideal string, the same each time; 1 is Karplus and Strong's noise burst.
    generator : numpy.random.Generator
        Draws the noise.

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32, peak at `strength`]

    Raises
    ------
    InvalidConfigError
        A parameter is outside its range.
    """
    check_between("pitch_hz", pitch_hz, LOWEST_HZ, HIGHEST_HZ)
    check_between("strength", strength, 0.01, 1.0)
    check_between("pick_position", pick_position, 0.02, 0.5)
    check_between("decay_s", decay_s, 0.02, 60.0)
    check_between("treble_damping", treble_damping, 0.0, 0.9)
    check_between("pick_noise", pick_noise, 0.0, 1.0)
    excitation = np.zeros(num_samples(duration_s))
    burst = _pluck_burst(SAMPLE_RATE / pitch_hz, pick_position, pick_noise, generator)[: excitation.size]
    excitation[: burst.size] = burst
    note = lfilter(*_string_loop(pitch_hz, decay_s, treble_damping), _soften(excitation, strength))
    return np.asarray(note * (strength / np.max(np.abs(note))), dtype=np.float32)


def _pluck_burst(
    period: float, pick_position: float, pick_noise: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """One period of what the bridge feels: the corner's two-level wave, and the scrape of the pick.

    The corner's wave is high while one half of the bent string faces the bridge, low for the rest; the scrape arrives twice,
    the second time inverted from the far end. Both miss the harmonics that have a node at the pick, and both sum to zero.
    """
    to_echo = pick_position * period
    corner = _pulse(to_echo, math.ceil(period)) - pick_position * _pulse(period, math.ceil(period))
    scrape = generator.standard_normal(math.ceil(period))
    echo = np.zeros(int(to_echo) + 2)
    echo[-2:] = 1.0 - to_echo % 1.0, to_echo % 1.0  # it falls between two samples, which share it
    scrape = np.concatenate([scrape, np.zeros(echo.size - 1)]) - np.convolve(scrape, echo)
    burst = pick_noise * scrape / np.linalg.norm(scrape)
    burst[: corner.size] += (1.0 - pick_noise) * corner / np.linalg.norm(corner)
    return np.asarray(burst)


def _pulse(width: float, size: int) -> NDArray[np.float64]:
    """Ones for `width` samples, the last of them in part; then zeros up to `size`."""
    return np.clip(width - np.arange(size), 0.0, 1.0)


def _soften(excitation: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Low-pass by the strength of the pluck: a soft fingertip rounds the corner off."""
    cutoff_hz = _SOFT_CUTOFF_HZ * 2.0 ** (_CUTOFF_OCTAVES * strength)
    pole = math.exp(-2.0 * math.pi * cutoff_hz / SAMPLE_RATE)
    return np.asarray(lfilter([1.0 - pole], [1.0, -pole], excitation))


def _string_loop(
    pitch_hz: float, decay_s: float, treble_damping: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of ``1 / (1 - z**-N * loss(z) * tuning(z))``."""
    omega = 2.0 * math.pi * pitch_hz / SAMPLE_RATE
    nepers_per_period = _LN_60_DB / (decay_s * pitch_hz)
    pole = _loss_pole(omega, treble_damping * nepers_per_period)
    loss_gain = math.exp(-(1.0 - treble_damping) * nepers_per_period)
    loss_delay = math.atan2(pole * math.sin(omega), 1.0 - pole * math.cos(omega)) / omega

    delay_left = 2.0 * math.pi / omega - loss_delay
    whole = int(delay_left - 0.5)  # leaves 0.5 to 1.5 samples for the allpass, where it is flattest
    fraction = delay_left - whole
    tuning = math.sin(omega * (1.0 - fraction) / 2.0) / math.sin(omega * (1.0 + fraction) / 2.0)

    numerator = np.convolve([1.0, -pole], [1.0, tuning])
    denominator = np.concatenate([numerator, np.zeros(whole)])
    denominator[whole : whole + 2] -= loss_gain * (1.0 - pole) * np.array([tuning, 1.0])
    return numerator, denominator


def _loss_pole(omega: float, nepers: float) -> float:
    """Pole of ``(1 - a) / (1 - a * z**-1)`` that loses `nepers` at `omega` and nothing at 0 Hz.

    The smaller root of ``(1 - a)**2 = L * (1 - 2 * a * cos(omega) + a**2)`` with ``L = exp(-2 * nepers)``; the two multiply
    to 1, and written as one over the other it keeps its digits where there is next to nothing to lose.
    """
    lost = -math.expm1(-2.0 * nepers)
    half_b = 1.0 - (1.0 - lost) * math.cos(omega)
    return lost / (half_b + math.sqrt(half_b**2 - lost**2))
