"""Tuning: whether the partials of takes lie where the corpus has them, and whether they beat.

*Stable peaks.* STFT of 16384 samples (341 ms, Hann) every 4096 at 48 kHz. A peak is a bin from 50 to 5000 Hz that is louder
than its neighbours, at most 50 dB under the clip's loudest bin, and at least 20 dB over the mean level of the 65 bins (190 Hz)
around it; its frequency and level are the vertex of the parabola through the three log amplitudes (Smith and Serra, "PARSHL",
1987). It is *stable* where the frame before and the frame after have a peak within 10 cents of it: half a second of one pitch.

*In tune.* Share of the energy of all stable peaks of the takes that lies within 10 cents of a stable peak of the corpus. A
corpus with many partials is near to anything, so the same figure *by chance* stands beside it: the mean over the same peaks
moved by 30, 40 and 50 cents up and down, which is what takes out of tune would read. (Not farther: a corpus tuned in
semitones repeats itself at 100.)

*Beating.* Two partials a few hertz apart read as one peak whose level swings. Around each stable peak, the level of its
frequency in windows of 85 ms every 21 ms over half a second, less its straight trend in dB (a decay is no beat), gives a
root-mean-square swing in dB: beats of 2 to 20 Hz. The mean over all stable peaks is held against the corpus's own, as
:mod:`measures.programme` plays it, since recordings may beat by themselves and end within half a second of a peak. (Weighted
by energy, this figure hung on a handful of loud partials: it changed by half from one set of faithful takes to the next.)
How many stable peaks there are in a second, over the corpus's, tells tones from noise: noise has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from measures.clips import Clip
from measures.logmel import RATE_HZ

N_FFT = 16_384
HOP_LENGTH = 4096
LOWEST_HZ, HIGHEST_HZ = 50.0, 5000.0
RANGE_DB = 50.0
PROMINENCE_DB = 20.0
PROMINENCE_BINS = 65
TOLERANCE_CENTS = 10.0
CHANCE_CENTS = (-50.0, -40.0, -30.0, 30.0, 40.0, 50.0)
BEAT_N_FFT = 4096
BEAT_HOP_LENGTH = 1024
BEAT_REACH = 12
"""Beat frames on either side of a peak's own: half a second in all."""

_OCTAVE_CENTS = 1200.0
_SMALLEST = 1e-12

_Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class StablePeaks:
    """Stable spectral peaks of a set of clips, one entry for each frame that holds one.

    Attributes
    ----------
    cents : ndarray [shape=(peaks,), cents over 1 Hz]
    energy : ndarray [shape=(peaks,), 1 is the energy of the clip's loudest bin]
    swing_db : ndarray [shape=(peaks,), dB]
        Root mean square of the level's swing around its trend.
    duration_s : float [s]
        Of all clips together.
    """

    cents: _Vector
    energy: _Vector
    swing_db: _Vector
    duration_s: float


@dataclass(frozen=True)
class Tuning:
    """How the stable peaks of takes lie among the corpus's; None where either has no stable peak.

    Attributes
    ----------
    in_tune : float or None [0 to 1]
        Share of the takes' tonal energy within 10 cents of a corpus peak.
    by_chance : float or None [0 to 1]
        What the same takes would read out of tune.
    swing_ratio : float or None
        Swing of the takes' partials over that of the corpus's. Over 1: they beat.
    peaks_ratio : float or None
        Stable peaks a second over the corpus's; None where the corpus has none.
    """

    in_tune: float | None
    by_chance: float | None
    swing_ratio: float | None
    peaks_ratio: float | None


def tuning(corpus: StablePeaks, played: StablePeaks, takes: StablePeaks) -> Tuning:
    """Compare peaks taken by :func:`stable_peaks`.

    Parameters
    ----------
    corpus : StablePeaks
        Of the recordings: where partials may lie.
    played : StablePeaks
        Of the recordings as :mod:`measures.programme` plays them: how many partials there are, and how they swing.
    takes : StablePeaks
    """
    if not len(corpus.cents) or not len(played.cents):
        return Tuning(None, None, None, None)
    peaks_ratio = (len(takes.cents) / takes.duration_s) / (len(played.cents) / played.duration_s)
    if not len(takes.cents):
        return Tuning(None, None, None, peaks_ratio)
    chance = [_share_near(corpus.cents, takes.cents + shift, takes.energy) for shift in CHANCE_CENTS]
    swing_db = float(played.swing_db.mean())
    return Tuning(
        in_tune=_share_near(corpus.cents, takes.cents, takes.energy),
        by_chance=float(np.mean(chance)),
        swing_ratio=float(takes.swing_db.mean()) / swing_db if swing_db > 0.0 else None,
        peaks_ratio=peaks_ratio,
    )


def stable_peaks(clips: Sequence[Clip]) -> StablePeaks:
    """Find the stable peaks of clips (at least one, none silent)."""
    found = [_clip_peaks(clip.at(RATE_HZ)) for clip in clips]
    cents, energy, swing_db = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return StablePeaks(cents, energy, swing_db, sum(clip.duration_s for clip in clips))


def _clip_peaks(samples: NDArray[np.float32]) -> tuple[_Vector, ...]:
    """Cents, energies and swings of one clip's stable peaks."""
    level_db = _level_db(samples, N_FFT, HOP_LENGTH)
    frames, bins, offsets, heights_db = _peaks(level_db)
    cents = _OCTAVE_CENTS * np.log2((bins + offsets) * RATE_HZ / N_FFT)
    stable = _has_neighbour(frames, cents, -1) & _has_neighbour(frames, cents, 1)
    energy = 10.0 ** ((heights_db[stable] - level_db.max()) / 10.0)
    return cents[stable], energy, _swings_db(samples, frames[stable], cents[stable])


def _level_db(samples: NDArray[np.float32], n_fft: int, hop_length: int) -> _Vector:
    """Spectrogram [shape=(frames, bins), dB], frame f centred on sample f * hop_length."""
    padded = np.pad(samples, (0, max(n_fft - len(samples), 0)))
    spectrum = np.abs(librosa.stft(padded, n_fft=n_fft, hop_length=hop_length)).T
    return np.asarray(20.0 * np.log10(np.maximum(spectrum, _SMALLEST)), dtype=np.float64)


def _peaks(level_db: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], _Vector, _Vector]:
    """Frame and bin of every peak, frame by frame; the vertex's distance from that bin [-0.5 to 0.5] and its height [dB]."""
    first, last = (round(hz * N_FFT / RATE_HZ) for hz in (LOWEST_HZ, HIGHEST_HZ))
    margin = PROMINENCE_BINS // 2
    part = level_db[:, : last + margin]
    around = uniform_filter1d(part, PROMINENCE_BINS, axis=1, mode="nearest")[:, first:last]
    below, here, above = level_db[:, first - 1 : last - 1], level_db[:, first:last], level_db[:, first + 1 : last + 1]
    is_peak = (here > below) & (here >= above) & (here - around >= PROMINENCE_DB)
    is_peak &= here >= level_db.max() - RANGE_DB
    frames, columns = np.nonzero(is_peak)
    low, mid, high = (side[frames, columns] for side in (below, here, above))
    offsets = 0.5 * (low - high) / (low - 2.0 * mid + high)
    return frames, columns + first, offsets, mid - 0.25 * (low - high) * offsets


def _has_neighbour(frames: NDArray[np.int64], cents: _Vector, step: int) -> NDArray[np.bool_]:
    """Whether the frame `step` on has a peak within the tolerance of each peak."""
    # Frames laid out one behind the other, far apart: then one search over a line is a search within each frame.
    apart = 100.0 * _OCTAVE_CENTS
    line = frames * apart + cents
    return _distance_to_nearest(np.sort(line), line + step * apart) <= TOLERANCE_CENTS


def _share_near(corpus: _Vector, cents: _Vector, energy: _Vector) -> float:
    near = _distance_to_nearest(np.sort(corpus), cents) <= TOLERANCE_CENTS
    return float(energy[near].sum() / energy.sum())


def _distance_to_nearest(line: _Vector, points: _Vector) -> _Vector:
    """Distance of each point to the nearest of a sorted line."""
    if not len(line):
        return np.full(len(points), np.inf)
    after = np.searchsorted(line, points)
    left, right = line[np.maximum(after - 1, 0)], line[np.minimum(after, len(line) - 1)]
    return np.minimum(np.abs(points - left), np.abs(points - right))


def _swings_db(samples: NDArray[np.float32], frames: NDArray[np.int64], cents: _Vector) -> _Vector:
    level_db = _level_db(samples, BEAT_N_FFT, BEAT_HOP_LENGTH)
    bins = np.round(2.0 ** (cents / _OCTAVE_CENTS) * BEAT_N_FFT / RATE_HZ).astype(np.int64)
    reach = np.arange(-BEAT_REACH, BEAT_REACH + 1)
    times = np.clip(frames[:, None] * (HOP_LENGTH // BEAT_HOP_LENGTH) + reach, 0, len(level_db) - 1)
    around = level_db[times, bins[:, None]]
    slope = (around @ reach) / (reach @ reach)
    residual = around - around.mean(axis=1, keepdims=True) - slope[:, None] * reach
    return np.asarray(np.sqrt(np.square(residual).mean(axis=1)))
