"""What happens in a sound: onsets, how fast they rise, and how regularly they come.

Onset strength is by how many dB the bands of a mel spectrogram rise within 21 ms, what falls counting as nothing (S. Boeck and
G. Widmer, DAFx 2013), each band by its amplitude: a pure tone fills one of 64 bands, and begins as much as a chord does. An
onset is a peak of it that stands 6 dB over its surroundings. So a steady noise has none, where the usual threshold, relative
to the largest peak of a file, finds many; each of the one-shots that it was set with has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from small_dataset_audio.constants import SAMPLE_RATE

HOP: Final = 512
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP

_RISE_DB: Final = 6.0
_RISE_FRAMES: Final = 2
_N_FFT: Final = 2048
_N_BANDS: Final = 64
_RANGE_DB: Final = 80.0
_QUIET_DB: Final = -40.0
_AROUND: Final = 5  # frames (53 ms) on each side that a peak is the largest of
_SURROUNDINGS: Final = 12  # frames on each side that it stands out from
_WAIT: Final = 4  # frames (43 ms) to the next onset
_PULSE_WINDOW: Final = 384  # frames (4.1 s)
_SLOWEST_S: Final = 1.5  # 40 beats a minute
_FASTEST_S: Final = 0.25  # 240
_STEADY_DB: Final = 2.0  # a strength that varies by less has no pulse to speak of
_LEVEL_HOP: Final = SAMPLE_RATE // 1000
_BEFORE_MS: Final = 40
_AFTER_MS: Final = 250
_BEGINS: Final = 0.1
_IS_UP: Final = 0.9
_SHORTEST_MS: Final = 1.0

_Array = NDArray[np.float32]


@dataclass(frozen=True)
class Events:
    """Onsets of a sound.

    Parameters
    ----------
    times_s : ndarray [shape=(onsets,), float32, s]
    attacks_ms : ndarray [shape=(onsets,), float32, ms, 1 or more]
        From a tenth to nine tenths of the amplitude that each reaches within a quarter of a second (as the attack time of
        G. Peeters, *A large set of audio features*, IRCAM 2004, with fixed thresholds).
    pulse : ndarray [shape=(frames,), float32, 0 to 1]
        Strength of the tempogram's peak around each frame: 1 for a click track, about 0 where nothing repeats.
    """

    times_s: _Array = field(repr=False)
    attacks_ms: _Array = field(repr=False)
    pulse: _Array = field(repr=False)


def find_events(samples: _Array) -> Events:
    """Find the onsets of a sound.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    # What lies before the first sample is silence: a recording that begins with its attack has an onset there.
    padded = np.pad(samples, (HOP * _SURROUNDINGS, _N_FFT // 2))
    strength = _strength(padded)
    times_s = np.maximum(_peaks(strength) - _SURROUNDINGS, 0) / FRAMES_PER_SECOND
    return Events(
        times_s=times_s.astype(np.float32),
        attacks_ms=_attack_times_ms(samples, times_s),
        pulse=_pulse(strength)[_SURROUNDINGS:],
    )


def _peaks(strength: _Array) -> NDArray[np.intp]:
    """Frames that are the largest around, stand out from their surroundings, and follow the one before after a while.

    Not `librosa.util.peak_pick`: two programs that use it for the first time at once leave a cache behind that crashes every
    later one (numba issue 10128).
    """
    here = np.ones(len(strength))
    around = ndimage.maximum_filter1d(strength, 2 * _AROUND, mode="constant")
    surroundings = ndimage.uniform_filter1d(strength.astype(np.float64), 2 * _SURROUNDINGS, mode="constant")
    surroundings /= ndimage.uniform_filter1d(here, 2 * _SURROUNDINGS, mode="constant")
    peaks: list[int] = []
    for frame in np.flatnonzero((strength == around) & (strength >= surroundings + _RISE_DB)):
        if not peaks or frame - peaks[-1] > _WAIT:
            peaks.append(int(frame))
    return np.asarray(peaks, np.intp)


def _strength(samples: _Array) -> _Array:
    power = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE, n_fft=_N_FFT, hop_length=HOP, n_mels=_N_BANDS, fmin=30.0, fmax=16_000.0
    )
    level_db = librosa.power_to_db(power, ref=np.max, top_db=_RANGE_DB)
    rise_db = np.maximum(level_db[:, _RISE_FRAMES:] - level_db[:, :-_RISE_FRAMES], 0.0)
    weight = np.sqrt(power[:, _RISE_FRAMES:])
    weighted = (weight * rise_db).sum(axis=0) / np.maximum(weight.sum(axis=0), np.finfo(np.float32).tiny)
    # What is far under the loudest moment begins nothing, and what a file's end cuts off is no onset.
    level = power[:, _RISE_FRAMES:].sum(axis=0)
    heard = level > level.max(initial=0.0) * 10.0 ** (_QUIET_DB / 10.0)
    heard[(len(samples) - _N_FFT // 2) // HOP - _RISE_FRAMES :] = False
    return np.pad(weighted * heard, (_RISE_FRAMES, 0)).astype(np.float32)


def _pulse(strength: _Array) -> _Array:
    if len(strength) < 2:
        return np.zeros(len(strength), np.float32)
    window = min(_PULSE_WINDOW, len(strength))
    # What stands out alone: a strength that only stays the same would be as like itself at every lag.
    standing_out = np.maximum(strength - strength.mean() - _STEADY_DB, 0.0)
    tempogram = librosa.feature.tempogram(
        onset_envelope=standing_out, sr=SAMPLE_RATE, hop_length=HOP, win_length=window, norm=None
    )
    lags = slice(round(_FASTEST_S * FRAMES_PER_SECOND), round(_SLOWEST_S * FRAMES_PER_SECOND) + 1)
    beats = tempogram[lags]
    if len(beats) == 0:
        return np.zeros(len(strength), np.float32)
    # A window shows ever less of what lies far apart: what is left of a perfect repetition at each lag is its whole.
    whole = np.hanning(window + 1)[:-1]
    possible = np.array(
        [np.dot(whole[lag:], whole[: len(whole) - lag]) for lag in range(lags.start, lags.start + len(beats))]
    )
    power = tempogram[0] + _STEADY_DB**2
    share = beats / power / np.maximum(possible / np.dot(whole, whole), 0.2)[:, None]
    return np.asarray(np.clip(share.max(axis=0), 0.0, 1.0), dtype=np.float32)


def _attack_times_ms(samples: _Array, times_s: NDArray[np.float64]) -> _Array:
    """Rise of the level, by the millisecond, around each onset [shape=(onsets,)]."""
    whole = samples[: len(samples) // _LEVEL_HOP * _LEVEL_HOP].reshape(-1, _LEVEL_HOP)
    level = np.abs(whole).max(axis=1, initial=0.0) if len(whole) else np.zeros(1, np.float32)
    padded = np.pad(level, (_BEFORE_MS, _AFTER_MS))
    attacks = np.full(len(times_s), _SHORTEST_MS, np.float32)
    for number, time_s in enumerate(times_s):
        at = round(time_s * 1000.0)
        following = times_s[number + 1] * 1000.0 - _BEFORE_MS / 2 if number + 1 < len(times_s) else np.inf
        around = padded[at : at + _BEFORE_MS + int(min(_AFTER_MS, max(following - at, _BEFORE_MS)))]
        if not around.any():
            continue
        up = int(np.argmax(around >= _IS_UP * around.max()))
        quiet = np.flatnonzero(around[: up + 1] < _BEGINS * around.max())
        begin = int(quiet[-1]) if len(quiet) else int(np.argmin(around[: up + 1]))
        attacks[number] = max(float(up - begin), _SHORTEST_MS)
    return attacks
