"""How one waveform passes into another: fades, alignment, and a crossfade that keeps the level.

Everything that is cut or joined anywhere in the program uses the one raised-cosine flank of :func:`rise`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORTH_SHIFTING = 1.001  # a shift must correlate better than none by this factor: level signals are left where they are


def rise(num_samples: int) -> NDArray[np.float32]:
    """Rising half of a Hann window, sampled between its end points; it and its reverse sum to one.

    Parameters
    ----------
    num_samples : int [0 or more]

    Returns
    -------
    ndarray [shape=(num_samples,), float32, 0 to 1]
    """
    phase = np.pi * (np.arange(num_samples) + 0.5) / max(num_samples, 1)
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def best_lag(outgoing: NDArray[np.float32], incoming: NDArray[np.float32]) -> int:
    """Find the shift that aligns the incoming side of a join with the outgoing one.

    Parameters
    ----------
    outgoing : ndarray [shape=(samples,)]
        The samples to be faded out.
    incoming : ndarray [shape=(samples + 2 * reach,)]
        The samples to be faded in, with `reach` more on both sides.

    Returns
    -------
    int [-reach to reach]
        Where the normalised cross-correlation is largest; 0 where nothing correlates.
    """
    reach = (len(incoming) - len(outgoing)) // 2
    if len(outgoing) == 0 or reach == 0:
        return 0
    energies = np.concatenate([[0.0], np.cumsum(incoming.astype(np.float64) ** 2)])
    energy = energies[len(outgoing) :] - energies[: len(energies) - len(outgoing)]
    score = _correlate(incoming, outgoing) / np.sqrt(np.maximum(energy, 0.0) + 1e-9)
    best = int(score.argmax())
    return best - reach if score[best] > max(score[reach] * _WORTH_SHIFTING, 0.0) else 0


def level_crossfade(outgoing: NDArray[np.float32], incoming: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raised-cosine crossfade whose level follows the correlation of the two sides.

    With correlation r the power of ``a * x + b * y`` is ``a^2 + b^2 + 2 r a b``; dividing by its root keeps the level:
    equal gain for equal signals (r = 1), equal power for unrelated ones (r = 0).

    Parameters
    ----------
    outgoing, incoming : ndarray [shape=(samples,) or (channels, samples), float32]
        The first channel decides for all, so that no join turns the stereo image: of mid and side, the mid.

    Returns
    -------
    ndarray [shape as given, float32]
    """
    fade_in = rise(outgoing.shape[-1]).astype(np.float64)
    fade_out = 1.0 - fade_in
    first, following = np.atleast_2d(outgoing)[0], np.atleast_2d(incoming)[0]
    norms = float(np.linalg.norm(first) * np.linalg.norm(following))
    correlation = float(np.clip(np.dot(first, following) / norms, 0.0, 1.0)) if norms > 0.0 else 1.0
    level = np.sqrt(fade_in**2 + fade_out**2 + 2.0 * correlation * fade_in * fade_out)
    joined: NDArray[np.float32] = ((fade_out * outgoing + fade_in * incoming) / level).astype(np.float32)
    return joined


def _correlate(longer: NDArray[np.float32], shorter: NDArray[np.float32]) -> NDArray[np.float64]:
    size = 1 << (len(longer) - 1).bit_length()
    spectrum = np.fft.rfft(longer, size) * np.conj(np.fft.rfft(shorter, size))
    return np.fft.irfft(spectrum, size)[: len(longer) - len(shorter) + 1]
