"""How far a recording can be detuned and still be what it is.

A player never strikes twice alike, and a sampler that does sounds like a machine; so samplers detune a little. How much goes
unheard depends on the sound: a partial that lasts for T seconds has a pitch that is known to about 1/T Hz (D. Gabor, "Theory of
communication", J. IEE 1946). That is most of a semitone for a low thud, and next to nothing for a bell. A shift within that is
another vibration of the same sound, and no wrong note.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from small_dataset_audio.constants import SAMPLE_RATE

LEAST_CENTS: Final = 5.0
"""Just about what can be told between two notes heard one after the other, and half of what counts as out of tune."""

MOST_CENTS: Final = 80.0
"""Under a semitone: the next note is another note, however low the thud."""

_FRAME_SAMPLES: Final = SAMPLE_RATE // 100
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 8000.0
_SEGMENT_SAMPLES: Final = 4096
_BLOCK_SAMPLES: Final = 60 * SAMPLE_RATE


def tolerable_cents(audio: NDArray[np.float32]) -> float:
    """Find by how much a recording may be detuned.

    Parameters
    ----------
    audio : ndarray [shape=(samples,), float32, 48 kHz]

    Returns
    -------
    float [cents, 5 to 80]
        One cycle of its median frequency (half of its power lies below, from 60 Hz to 8 kHz) over the time that it lasts (as
        long as a steady sound of the same energy and power would).
    """
    whole = audio[: len(audio) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    energy = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    if not energy.any():
        return LEAST_CENTS
    lasts_s = float(energy.sum() ** 2 / (energy**2).sum()) * _FRAME_SAMPLES / SAMPLE_RATE
    frequency_hz, power = _power_spectrum(audio)
    heard = (frequency_hz >= _LOWEST_HZ) & (frequency_hz <= _HIGHEST_HZ)
    power_below = np.cumsum(power[heard])
    if power_below[-1] <= 0.0:
        return LEAST_CENTS
    # Not the mean: the noise of an attack would raise that far over the tone that follows it.
    median_hz = float(frequency_hz[heard][np.searchsorted(power_below, power_below[-1] / 2.0)])
    cents = 1200.0 * np.log2(1.0 + 1.0 / (lasts_s * median_hz))
    return float(np.clip(cents, LEAST_CENTS, MOST_CENTS))


def _power_spectrum(audio: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies [Hz], and the power at each; block by block, since all segments of an hour at once take gigabytes."""
    segment = min(_SEGMENT_SAMPLES, len(audio))
    starts = range(0, max(len(audio) - segment, 0) + 1, _BLOCK_SAMPLES)
    blocks = [audio[start : start + _BLOCK_SAMPLES] for start in starts]
    frequency_hz, first = signal.welch(blocks[0], SAMPLE_RATE, nperseg=segment)
    power = first.astype(np.float64) * len(blocks[0])
    for block in blocks[1:]:
        if len(block) >= segment:
            power += signal.welch(block, SAMPLE_RATE, nperseg=segment)[1] * float(len(block))
    return frequency_hz, power
