"""Descriptors: ten figures that say what a sound is like, each with its unit, for a whole take or around each moment of it.

| name | what is measured | unit |
| --- | --- | --- |
| brightness | spectral centroid on the scale of the ear's filters | ERB-rate |
| warmth | energy from 100 to 500 Hz over all energy | dB |
| roughness | beating of partials within a critical band (Vassilakis) | - |
| noisiness | spectral flatness | dB |
| density | onsets | per second |
| pulse | strength of the tempogram's peak | 0 to 1 |
| pitch | pitches, weighted by salience | semitones (MIDI) |
| tension | dissonance of partials (Sethares) | - |
| loudness | integrated loudness, ITU-R BS.1770-4 | LUFS |
| attack | time of rise of the onsets | octaves of ms (log2) |

Frames within 40 dB of the loudest count, all alike; definitions and sources stand in :mod:`.frames`, :mod:`.partials` and
:mod:`.events`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pyloudnorm
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.events import FRAMES_PER_SECOND as EVENT_FRAMES_PER_SECOND
from small_dataset_audio.controls.events import Events, find_events
from small_dataset_audio.controls.frames import FRAMES_PER_SECOND, FrameDescriptors, describe_frames
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.errors import InvalidAudioError

SPECTRAL: Final = MappingProxyType(
    {
        "brightness": "brightness_erb",
        "warmth": "warmth_db",
        "roughness": "roughness",
        "noisiness": "noisiness_db",
        "pitch": "pitch_semitones",
        "tension": "tension",
    }
)
"""Descriptors that single frames have, and what they are called there."""

_GATING_BLOCK: Final = round(0.4 * SAMPLE_RATE)
_AROUND_S: Final = 0.5  # on each side of a moment, for what its frames say
_EVENTS_AROUND_S: Final = 1.0  # and for what happens there
_SILENT_DBFS: Final = -120.0  # below the dither of 16 bits, and of most of 24


@dataclass(frozen=True)
class Descriptors:
    """What a take is like; None where that cannot be said (a pitch of silence, an attack without an onset).

    Parameters
    ----------
    brightness, warmth, roughness, noisiness, density, pulse, pitch, tension, loudness, attack : float or None
        Units: :data:`UNITS`.
    """

    brightness: float | None
    warmth: float | None
    roughness: float | None
    noisiness: float | None
    density: float | None
    pulse: float | None
    pitch: float | None
    tension: float | None
    loudness: float | None
    attack: float | None


def describe(audio: ArrayLike) -> Descriptors:
    """Describe a take.

    Parameters
    ----------
    audio : array_like [shape=(samples,), float, 48 kHz]

    Raises
    ------
    InvalidAudioError
        Not mono, or see :func:`~small_dataset_audio.audio.io.check_audio`.
    """
    samples = _check_mono(audio)
    frames = describe_frames(samples)
    if frames.level_db.max() < _SILENT_DBFS:
        return Descriptors(*(None,) * len(NAMES))
    events = find_events(samples)
    sounding = frames.is_sounding
    spectral = {name: float(getattr(frames, source)[sounding].mean()) for name, source in SPECTRAL.items()}
    return Descriptors(
        **spectral,
        density=len(events.times_s) / (len(samples) / SAMPLE_RATE),
        pulse=float(events.pulse.mean()),
        loudness=_loudness_lufs(samples),
        attack=float(np.log2(events.attacks_ms).mean()) if len(events.attacks_ms) else None,
    )


def describe_around(audio: ArrayLike, step_samples: int) -> NDArray[np.float32]:
    """Describe what is around each of many moments.

    Parameters
    ----------
    audio : array_like [shape=(samples,), float, 48 kHz]
    step_samples : int
        Distance of the moments; the first is half of it after the first sample.

    Returns
    -------
    ndarray [shape=(steps, descriptors), float32]
        One for each whole or begun step; columns as :data:`NAMES`, NaN where nothing can be said. Loudness is the level of the
        frames here, in dB of full scale: gating means nothing for a moment.

    Raises
    ------
    InvalidAudioError
        As :func:`describe`.
    """
    samples = _check_mono(audio)
    frames, events = describe_frames(samples), find_events(samples)
    moments_s = (np.arange(-(-len(samples) // step_samples)) + 0.5) * step_samples / SAMPLE_RATE
    table = np.full((len(moments_s), len(NAMES)), np.nan, np.float32)
    for name, source in SPECTRAL.items():
        table[:, NAMES.index(name)] = _around(getattr(frames, source), frames, moments_s)
    table[:, NAMES.index("loudness")] = _around(frames.level_db, frames, moments_s)
    table[:, NAMES.index("pulse")] = events.pulse[_nearest(moments_s, EVENT_FRAMES_PER_SECOND, len(events.pulse))]
    count, attack = _events_around(events, moments_s, len(samples) / SAMPLE_RATE)
    table[:, NAMES.index("density")] = count
    table[:, NAMES.index("attack")] = attack
    return table


def _check_mono(audio: ArrayLike) -> NDArray[np.float32]:
    samples = check_audio(audio)
    if samples.ndim != 1:
        raise InvalidAudioError(f"audio has shape {samples.shape}; descriptors need mono: (samples,)")
    return samples


def _loudness_lufs(samples: NDArray[np.float32]) -> float | None:
    """Integrated loudness; less than a gating block (0.4 s) is padded with silence to one, and told for its own length."""
    lacking = max(_GATING_BLOCK - len(samples), 0)
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    value = float(meter.integrated_loudness(np.pad(samples, (0, lacking)).astype(np.float64)))
    if not np.isfinite(value):
        return None
    return value + 10.0 * float(np.log10((len(samples) + lacking) / len(samples)))


def _around(
    values: NDArray[np.float32], frames: FrameDescriptors, moments_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Mean over the sounding frames around each moment; NaN where none sounds."""
    width = 2 * round(_AROUND_S * FRAMES_PER_SECOND) + 1
    sounding = frames.is_sounding.astype(np.float64)
    # Outside of the recording is nothing, so sums of what is there are divided by how many frames that are.
    total = scipy.ndimage.uniform_filter1d(values * sounding, width, mode="constant")
    share = scipy.ndimage.uniform_filter1d(sounding, width, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(share > 0.5 / width, total / share, np.nan)
    return np.asarray(mean[_nearest(moments_s, FRAMES_PER_SECOND, len(mean))], dtype=np.float32)


def _nearest(moments_s: NDArray[np.float64], frames_per_second: float, count: int) -> NDArray[np.intp]:
    return np.clip(np.rint(moments_s * frames_per_second).astype(np.intp), 0, count - 1)


def _events_around(
    events: Events, moments_s: NDArray[np.float64], duration_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onsets per second around each moment, and the mean of their attacks [log2 ms]; NaN without an onset."""
    first = np.searchsorted(events.times_s, moments_s - _EVENTS_AROUND_S)
    end = np.searchsorted(events.times_s, moments_s + _EVENTS_AROUND_S)
    heard_s = np.minimum(moments_s + _EVENTS_AROUND_S, duration_s) - np.maximum(moments_s - _EVENTS_AROUND_S, 0.0)
    total = np.concatenate([[0.0], np.cumsum(np.log2(events.attacks_ms, dtype=np.float64))])
    count = end - first
    with np.errstate(invalid="ignore"):
        attack = np.where(count > 0, (total[end] - total[first]) / np.maximum(count, 1), np.nan)
    return count / np.maximum(heard_s, 1e-3), attack
