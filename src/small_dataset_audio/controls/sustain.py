"""Where a sound can be held: two moments of it that are so alike that a sampler may go from the later one back to the earlier.

The later one is near the end of what sustains; the earlier one is the most similar moment before it, by the correlation of what
leads to both. What leads to the later one is then turned into what leads to the earlier one, over a crossfade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE

_MS: Final = SAMPLE_RATE // 1000
_SHORTEST_MS: Final = 1_000  # a sound, of which anything can be said to sustain
_FRAME_MS: Final = 50
_STEADY_DB: Final = 8.0  # over all that sustains
_AGREE_DB: Final = 3.0  # between the two moments
_ATTACK_SHARE: Final = 0.2
_SHORTEST_LOOP_MS: Final = 400
_FADE_MS: Final = 60
_CONTEXT_MS: Final = 60
_ENDS: Final = 8  # later moments that are tried
_BEFORE_FADE_MS: Final = 160  # of the sound's own fade-out


@dataclass(frozen=True)
class Sustain:
    """What can be played over and over.

    Parameters
    ----------
    first, last : int [samples at 48 kHz, both are played]
    fade : int [samples at 48 kHz]
        Of the crossfade before `last`; there are as many samples before `first`.
    likeness : float [0 to 1]
        Correlation of what leads to both: high for a tone; of noise it is low, and the crossfade does it alone.
    """

    first: int
    last: int
    fade: int
    likeness: float


def find_sustain(samples: NDArray[np.float32]) -> Sustain | None:
    """Find what of a sound can be held; None where it is short, dies away or swells.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    length_ms = len(samples) // _MS
    if length_ms < _SHORTEST_MS:
        return None
    begin_ms, end_ms = round(_ATTACK_SHARE * length_ms), length_ms - _BEFORE_FADE_MS
    frames = samples[begin_ms * _MS : end_ms * _MS]
    frames = frames[: len(frames) // (_FRAME_MS * _MS) * _FRAME_MS * _MS].reshape(-1, _FRAME_MS * _MS)
    levels_db = 10.0 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    if len(levels_db) < 2 or np.percentile(levels_db, 95) - np.percentile(levels_db, 5) > _STEADY_DB:
        return None
    context = _CONTEXT_MS * _MS
    earliest = begin_ms * _MS + max(context, _FADE_MS * _MS)
    best: Sustain | None = None
    for end in np.linspace(end_ms - 400, end_ms, _ENDS).round().astype(int) * _MS:
        latest = int(end) - _SHORTEST_LOOP_MS * _MS
        if latest <= earliest:
            continue
        likeness, start = _most_alike(samples, earliest, latest, int(end))
        if likeness > (0.0 if best is None else best.likeness):
            best = Sustain(start, int(end) - 1, _FADE_MS * _MS, likeness)
    return best


def _most_alike(samples: NDArray[np.float32], earliest: int, latest: int, end: int) -> tuple[float, int]:
    """Of the moments from `earliest` to `latest`, the one before which it is most as before `end`; its correlation first."""
    context = _CONTEXT_MS * _MS
    model = samples[end - context : end].astype(np.float64)
    searched = samples[earliest - context : latest].astype(np.float64)
    products = scipy.signal.fftconvolve(searched, model[::-1], mode="valid")
    squares = np.concatenate([[0.0], np.cumsum(searched**2)])
    energies = np.maximum(squares[context:] - squares[:-context], 0.0)
    energy = float(model @ model)
    correlation = products / np.sqrt(energies * energy + 1e-12)
    level_db = 10.0 * np.abs(np.log10((energies + 1e-12) / (energy + 1e-12)))
    correlation[level_db > _AGREE_DB] = -1.0
    best = int(correlation.argmax())
    return float(correlation[best]), earliest + best
