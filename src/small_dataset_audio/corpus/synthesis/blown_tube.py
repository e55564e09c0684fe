"""A blown tube: a clarinet-like reed on a digital waveguide.

The tube is a delay line. A pressure wave leaves the reed, runs to the open end, comes back turned upside down and a little
duller, and meets the reed again after one *round trip*. Because of the sign, two round trips make one period, and a tube
closed by a reed speaks with odd harmonics above all: that hollow sound.

The reed is a valve that the player's breath tends to close. With pressures in units of the one that shuts it, and ``d`` =
mouth pressure minus tube pressure, Bernoulli's law through the opening left gives a flow

    u(d) = reed_flow * (1 - d) * sqrt(d)    for 0 < d < 1,    0 once the reed is shut (d >= 1), backwards for d < 0.

The wave that leaves is the wave that came plus this flow, and ``d`` itself depends on the flow; since the two determine each
other uniquely, the solution is one curve, tabulated once and read by interpolation. Above about a third of the closing
pressure the valve amplifies, and the tube oscillates.

The reed is not linear, so the note cannot be one call of ``lfilter``. But nothing that leaves the reed returns within one
round trip: all samples of a round trip are computed at once with NumPy. The length may change from sample to sample
(cubic Lagrange interpolation of the delay), which gives vibrato, drift and slurs.

Sources: M. McIntyre, R. Schumacher and J. Woodhouse, "On the oscillations of musical instruments", J. Acoust. Soc. Am.
74(5), 1983; J. Smith, "Efficient simulation of the reed-bore and bow-string mechanisms", Proc. ICMC 1986; the flow law in
these units after J. Kergomard, "Elementary considerations on reed-instrument oscillations", in "Mechanics of Musical
Instruments", Springer 1995.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus.synthesis._settings import check_between, num_samples
from small_dataset_audio.errors import InvalidConfigError

LOWEST_HZ = 60.0
HIGHEST_HZ = 1_200.0

_REFLECTED = 0.96  # what the open end sends back; the rest leaves as sound or is lost at the walls
_WALL_SPREAD = 0.06  # standard deviation of the walls' smoothing, in round trips; under 0.05 notes jump to the twelfth
# Softest and loudest playing. Past the breath at which the reed begins to beat (0.5) a note grows but no longer brightens;
# what brightens it further is the slacker lip of a loud player, who leaves the reed more open.
_SOFT_BREATH, _LOUD_BREATH = 0.42, 0.62  # of the pressure that shuts the reed; sound starts at 0.35 to 0.40
_SOFT_FLOW, _LOUD_FLOW = 0.35, 0.65  # of the open reed (zeta in the literature)
_SLUR_S = 0.03
_DRIFT_SAMPLES = round(0.4 * SAMPLE_RATE)
_DRIFT_CENTS = 2.0
_DRIFT_OF_BREATH = 0.06
_HISS_OUTSIDE = 0.1  # what of the breath's hiss is heard directly, not through the tube


def blow_tube(
    pitch_hz: float | Sequence[float],
    duration_s: float,
    *,
    strength: float = 0.6,
    attack_s: float = 0.05,
    release_s: float = 0.12,
    swell: float = 0.0,
    breath_noise: float = 0.03,
    vibrato_cents: float = 8.0,
    vibrato_rate_hz: float = 5.0,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Blow a tube in one breath.

    Parameters
    ----------
    pitch_hz : float or sequence of float [Hz, 60 to 1200]
        One pitch, or several that are slurred, each for an equal share of the duration.
    duration_s : float [s]
        Length of the result, in which the note also ends.
    strength : float [0.01 to 1]
        Peak amplitude of the result. More breath is also brighter.
    attack_s, release_s : float [s, 0.005 to 5]
        In which the breath rises and falls. Together at most `duration_s`.
    swell : float [0 to 1]
        0 blows steadily; 1 comes from nothing to the full strength in the middle and goes back to nothing.
    breath_noise : float [0 to 0.3, relative to the mouth pressure]
        Turbulence of the breath.
    vibrato_cents, vibrato_rate_hz : float [cents either way, 0 to 100; Hz, 0 to 12]
        Vibrato, of pitch and a little of breath; it sets in over the first second, as a player's does.
    generator : numpy.random.Generator
        Draws the breath noise, and the slow drift of pitch and breath that every player has.

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32, peak at `strength`]

    Raises
    ------
    InvalidConfigError
        A parameter is outside its range.
    """
    pitches_hz = [float(pitch) for pitch in np.atleast_1d(pitch_hz)]
    if not pitches_hz:
        raise InvalidConfigError("pitch_hz is empty; give one pitch or several")
    for pitch in pitches_hz:
        check_between("pitch_hz", pitch, LOWEST_HZ, HIGHEST_HZ)
    size = num_samples(duration_s)
    check_between("strength", strength, 0.01, 1.0)
    check_between("attack_s", attack_s, 0.005, 5.0)
    check_between("release_s", release_s, 0.005, 5.0)
    check_between("attack_s + release_s", attack_s + release_s, 0.0, duration_s)
    check_between("swell", swell, 0.0, 1.0)
    check_between("breath_noise", breath_noise, 0.0, 0.3)
    check_between("vibrato_cents", vibrato_cents, 0.0, 100.0)
    check_between("vibrato_rate_hz", vibrato_rate_hz, 0.0, 12.0)

    waver = _vibrato(size, vibrato_rate_hz)
    cents = vibrato_cents * waver + _DRIFT_CENTS * _slow_drift(size, generator)
    arch = 1.0 - swell * (1.0 - np.sin(np.pi * np.arange(size) / size) ** 2)
    level = strength * arch * (1.0 + _DRIFT_OF_BREATH * _slow_drift(size, generator))
    mouth = _breath(level + 0.004 * vibrato_cents * waver, attack_s, release_s)
    hiss = breath_noise * mouth * _turbulence(size, generator)
    frequency_hz = _pitch_contour(pitches_hz, size) * 2.0 ** (cents / 1200.0)
    inside = _oscillate(mouth + hiss, frequency_hz, _SOFT_FLOW + (_LOUD_FLOW - _SOFT_FLOW) * strength)
    # The lips ease with the breath, so the pressure that shuts the reed, our unit, falls with it too
    note = (_radiate(inside) + _HISS_OUTSIDE * hiss) * arch
    return np.asarray(note * (strength / np.max(np.abs(note))), dtype=np.float32)


def _pitch_contour(pitches_hz: Sequence[float], size: int) -> NDArray[np.float64]:
    """Steps between the pitches, each smoothed over the time a finger takes."""
    steps = np.log(np.array(pitches_hz))[np.arange(size) * len(pitches_hz) // size]
    finger = np.hanning(round(_SLUR_S * SAMPLE_RATE) | 1)
    margin = finger.size // 2
    return np.exp(np.convolve(np.pad(steps, margin, mode="edge"), finger / finger.sum(), mode="valid"))


def _vibrato(size: int, rate_hz: float) -> NDArray[np.float64]:
    """Sine of amplitude 1 that sets in late."""
    time_s = np.arange(size) / SAMPLE_RATE
    return np.asarray(np.clip((time_s - 0.2) / 0.8, 0.0, 1.0) ** 2 * np.sin(2.0 * np.pi * rate_hz * time_s))


def _slow_drift(size: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Random values of unit power, one every 0.4 s, joined by straight lines."""
    corners = np.arange(0, size + 2 * _DRIFT_SAMPLES, _DRIFT_SAMPLES)
    return np.interp(np.arange(size), corners, generator.standard_normal(corners.size))


def _breath(level: NDArray[np.float64], attack_s: float, release_s: float) -> NDArray[np.float64]:
    """Mouth pressure of a breath at `level` (0 soft, 1 loud), in units of the pressure that shuts the reed."""
    pressure = _SOFT_BREATH + (_LOUD_BREATH - _SOFT_BREATH) * np.clip(level, 0.0, 1.1)
    time_s = np.arange(level.size) / SAMPLE_RATE
    rise = np.clip(time_s / attack_s, 0.0, 1.0)
    fall = np.clip((level.size / SAMPLE_RATE - time_s) / release_s, 0.0, 1.0)
    return np.asarray(pressure * (np.sin(0.5 * np.pi * rise) * np.sin(0.5 * np.pi * fall)) ** 2)


def _turbulence(size: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Noise of unit power with half of it under 3 kHz."""
    pole = math.exp(-2.0 * math.pi * 3_000.0 / SAMPLE_RATE)
    noise = lfilter([math.sqrt(1.0 - pole**2)], [1.0, -pole], generator.standard_normal(size))
    return np.asarray(noise)


def _oscillate(mouth: NDArray[np.float64], frequency_hz: NDArray[np.float64], reed_flow: float) -> NDArray[np.float64]:
    """Run reed and tube; returns the wave that arrives at the open end, without the time it takes to get there."""
    round_trip = SAMPLE_RATE / (2.0 * frequency_hz)
    walls = _wall_taps(round_trip)
    whole, weights = _fractional_delay(round_trip - walls.size // 2)
    block = int(whole.min()) - 1  # the newest sample that a block reads is then older than the block
    history = int(whole.max()) + 2 + walls.size
    drive, flow = _reed_curve(reed_flow)

    outgoing = np.zeros(history + mouth.size)
    at_end = np.zeros(history + mouth.size)
    newest_read = history + np.arange(mouth.size) - whole + 1
    for start in range(0, mouth.size, block):
        span = slice(start, min(start + block, mouth.size))
        here = slice(history + span.start, history + span.stop)
        returned = np.zeros(span.stop - span.start)
        for tap, weight in enumerate(weights[:, span]):
            returned -= _REFLECTED * weight * at_end[newest_read[span] - tap]
        outgoing[here] = returned + np.interp(mouth[span] - 2.0 * returned, drive, flow)
        at_end[here] = np.convolve(outgoing[here.start - walls.size + 1 : here.stop], walls, mode="valid")
    return at_end[history:]


def _wall_taps(round_trip: NDArray[np.float64]) -> NDArray[np.float64]:
    """Losses at the walls: a symmetric (so harmonic) Gaussian low-pass, wider for a longer tube.

    Losses that rise with frequency are what makes a tube prefer its fundamental to its upper registers.
    """
    deviation = _WALL_SPREAD * float(np.exp(np.mean(np.log(round_trip))))
    reach = min(math.ceil(3.5 * deviation), int(round_trip.min()) // 2)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.asarray(taps / taps.sum())


def _fractional_delay(delay: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Whole samples of `delay`, and cubic Lagrange weights of the samples 1 newer, 0, 1 and 2 older than that."""
    whole = np.floor(delay).astype(np.intp)
    x = delay - whole
    weights = np.stack(
        [
            -x * (x - 1.0) * (x - 2.0) / 6.0,
            (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0,
            -(x + 1.0) * x * (x - 2.0) / 2.0,
            (x + 1.0) * x * (x - 1.0) / 6.0,
        ]
    )
    return whole, weights


def _reed_curve(reed_flow: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Flow through the reed against its drive, the mouth pressure less twice the arriving wave.

    The tube's pressure is twice the arriving wave plus the flow, so the pressure across the reed is ``d = drive - flow(d)``.
    Going the other way, from ``d`` to ``drive``, needs no solving: the curve is laid out along ``s = sign(d) * sqrt(|d|)``.
    """
    s = np.linspace(-2.0, 1.0, 3001)
    across = np.sign(s) * s**2
    flow = reed_flow * (1.0 - across) * s
    # np.interp holds the last value on: a reed that is shut (drive over 1) stays shut
    return across + flow, flow


def _radiate(at_end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sound outside: an open end radiates high frequencies better, up to the tone holes' cut-off."""
    sections = butter(1, 700.0, "highpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, at_end))
