"""Single sounds in a take: where each begins, and where it has died away or the next one begins.

A hit begins a moment before its attack, where it is quiet. It is a clean one where what came before is at least 20 dB under its
peak, and what is left at its end at least 12 dB. What has no attacks (drones, textures) is cut where its level rises out of a
dip instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.events import find_events

SPARSE_PER_S: Final = 0.3
"""Fewer onsets a second than that, and a take is cut where its level rises."""

_MS: Final = SAMPLE_RATE // 1000
_LONGEST_MS: Final = 4_000
_SHORTEST_MS: Final = 60
_SHORTEST_RISE_MS: Final = 300
_BEFORE_MS: Final = 30  # an onset is known to a frame of 11 ms
_PEAK_WITHIN_MS: Final = 150
_LONGEST_ATTACK_MS: Final = 200
_HELD_MS: Final = 8  # a level is the largest of so many: half a period of 60 Hz
_LEAD_MS: Final = 6  # kept before the attack at most
_ATTACK_WITHIN_MS: Final = 25
_QUIET_DB: Final = -20.0  # under the peak: before a clean hit
_LEFT_DB: Final = -12.0  # and at its end
_GONE_DB: Final = -50.0
_FAINT_DBFS: Final = -30.0  # the peak of a hit that is worth being made loud
_NEXT_WITHIN_MS: Final = 10
_NEXT_RISE_DB: Final = 6.0  # so steep is a second attack, where it is loud enough to be one
_NEXT_DB: Final = -16.0
_AFTER_MS: Final = 40
_RISE_DB: Final = 6.0
_UNHEARD_DB: Final = -36.0  # under the peak: left out before a sound that rises
_SMOOTH_MS: Final = 100

_Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Hit:
    """A sound by itself.

    Parameters
    ----------
    first, end : int [samples at 48 kHz]
    fade_in_ms, fade_out_ms : float [ms]
        Short where it begins with an attack and has died away; longer where it was cut out of something that goes on.
    """

    first: int
    end: int
    fade_in_ms: float
    fade_out_ms: float


@dataclass(frozen=True)
class Hits:
    """What was found in a take.

    Parameters
    ----------
    by_onset : tuple of Hit
        Clean ones that begin with an attack.
    by_rise : tuple of Hit
        From one dip of the level to the next, where it rises by 6 dB in between.
    num_onsets : int
        All, clean or not, but one that the take itself begins with.
    """

    by_onset: tuple[Hit, ...]
    by_rise: tuple[Hit, ...]
    num_onsets: int


def find_hits(samples: NDArray[np.float32]) -> Hits:
    """Find what can be cut out of a take.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    if len(samples) < _SHORTEST_MS * _MS:
        return Hits((), (), 0)
    times_s = find_events(samples).times_s
    blocks = samples[: len(samples) // _MS * _MS].reshape(-1, _MS)
    level_db = 20.0 * np.log10(np.abs(blocks).max(axis=1).astype(np.float64) + 1e-9)
    onsets_ms = np.round(times_s * 1000.0).astype(np.int64)
    found = _hits_at(onsets_ms, level_db, samples)
    return Hits(found, _rises(level_db, blocks, samples), int((onsets_ms > _BEFORE_MS).sum()))


def _hits_at(onsets_ms: NDArray[np.int64], level_db: _Levels, samples: NDArray[np.float32]) -> tuple[Hit, ...]:
    held_db = _held(level_db)
    spans = [span for onset in onsets_ms if (span := _attack(int(onset), level_db, held_db)) is not None]
    hits = []
    for number, (begin, peak) in enumerate(spans):
        if number and begin <= spans[number - 1][0]:  # the same attack may have been found twice
            continue
        following = next((later for later, _ in spans[number + 1 :] if later > peak), len(level_db))
        following = min(following, _second_attack(held_db, peak, level_db[peak]))
        gone = np.flatnonzero(held_db[peak + _HELD_MS : following] < level_db[peak] + _GONE_DB)
        end = min(peak + _HELD_MS + int(gone[0]) if len(gone) else following, begin + _LONGEST_MS)
        left_db = held_db[end - 1] - level_db[peak]
        if end - begin >= _SHORTEST_MS and level_db[peak] >= _FAINT_DBFS and left_db <= _LEFT_DB:
            is_over = left_db < -40.0
            hits.append(Hit(_quietest(samples, begin), end * _MS, 1.0, 5.0 if is_over else 40.0))
    return tuple(hits)


def _held(level_db: _Levels) -> _Levels:
    """Largest level of the last few milliseconds, so that a low sound is not quiet where it crosses zero."""
    return np.asarray(scipy.ndimage.maximum_filter1d(level_db, _HELD_MS, origin=_HELD_MS // 2 - 1, mode="nearest"))


def _attack(onset_ms: int, level_db: _Levels, held_db: _Levels) -> tuple[int, int] | None:
    """Find where an attack begins and where its peak is [ms]; None where it does not stand out of what is before it."""
    first = max(onset_ms - _BEFORE_MS, 0)
    if first >= len(level_db):
        return None
    peak = first + int(level_db[first : onset_ms + _PEAK_WITHIN_MS].argmax())
    earliest = max(peak - _LONGEST_ATTACK_MS, 0)
    quiet = np.flatnonzero(held_db[earliest : peak + 1] <= level_db[peak] + _QUIET_DB)
    if len(quiet) == 0:
        return (0, peak) if earliest == 0 and first == 0 else None  # before a take there is silence
    begin = earliest + int(quiet[-1])
    # What comes before by more than this is a sound of its own: then the attack is that of another hit.
    leaps = np.flatnonzero(_leaps(held_db[begin : peak + 1]))
    if len(leaps) and leaps[-1] > _ATTACK_WITHIN_MS:
        return None
    lead = max(begin - _LEAD_MS, 0)
    return lead + int(level_db[lead : begin + 1].argmin()), peak


def _second_attack(held_db: _Levels, peak: int, peak_db: float) -> int:
    """Find where the level leaps again after a peak [ms]; the end of the take where it does not."""
    after = held_db[peak + _AFTER_MS :]
    found = np.flatnonzero(_leaps(after) & (after[_NEXT_WITHIN_MS:] >= peak_db + _NEXT_DB))
    return peak + _AFTER_MS + int(found[0]) if len(found) else len(held_db)


def _leaps(held_db: _Levels) -> NDArray[np.bool_]:
    """Whether the level leaps within the moment that begins at each millisecond [shape=(milliseconds - moment,)]."""
    return np.asarray(held_db[_NEXT_WITHIN_MS:] - held_db[:-_NEXT_WITHIN_MS] >= _NEXT_RISE_DB)


def _rises(level_db: _Levels, blocks: NDArray[np.float32], samples: NDArray[np.float32]) -> tuple[Hit, ...]:
    power = scipy.ndimage.uniform_filter1d((blocks.astype(np.float64) ** 2).mean(axis=1), _SMOOTH_MS)
    smooth_db = 10.0 * np.log10(power + 1e-12)
    dips, _ = scipy.signal.find_peaks(-smooth_db, prominence=_RISE_DB, distance=_SHORTEST_RISE_MS)
    bounds = np.concatenate([[0], dips, [len(smooth_db)]])
    held_db = _held(level_db)
    hits = []
    for begin, bound in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        end = min(bound, begin + _LONGEST_MS)
        if end - begin < _SHORTEST_RISE_MS:
            continue
        loudest = begin + int(level_db[begin:end].argmax())
        unheard = np.flatnonzero(held_db[begin:loudest] < level_db[loudest] + _UNHEARD_DB)
        begin += int(unheard[-1]) if len(unheard) else 0
        if end - begin < _SHORTEST_RISE_MS:
            continue
        top = float(smooth_db[begin:end].max())
        if top - smooth_db[begin] >= _RISE_DB and level_db[begin:end].max() >= _FAINT_DBFS:
            hits.append(Hit(_quietest(samples, begin), end * _MS, 20.0, 150.0))
    return tuple(hits)


def _quietest(samples: NDArray[np.float32], at_ms: int) -> int:
    """Sample nearest to zero within a millisecond; a take's first one has silence before it."""
    if at_ms == 0:
        return 0
    first = at_ms * _MS
    return first + int(np.abs(samples[first : first + _MS]).argmin())
