"""What each step of the corpus brings to a take that plays it: sums that can be added up before anything is rendered.

A descriptor of a take is a mean over its sounding frames, its seconds or its onsets. Each of those is a quotient of two sums,
and a sum over a take is the sum over the steps that it plays. So what a take will measure is known, nearly, from the steps
alone; what joins, detuning and bending change, rendered takes tell (:mod:`.calibration`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.descriptors import SPECTRAL
from small_dataset_audio.controls.events import FRAMES_PER_SECOND as EVENT_FRAMES_PER_SECOND
from small_dataset_audio.controls.events import find_events
from small_dataset_audio.controls.frames import HOP, describe_frames
from small_dataset_audio.controls.sliders import NAMES

COLUMNS: Final = (*SPECTRAL, "frames", "onsets", "attack", "pulse", "power", "steps")
"""Sums of a step: of each spectral descriptor over its sounding frames, how many those are, its onsets, their attacks
[log2 ms], its pulse, its K-weighted mean square, and 1."""

_SPECTRAL_AT: Final = [NAMES.index(name) for name in SPECTRAL]
_DENSITY, _PULSE, _LOUDNESS, _ATTACK = (NAMES.index(name) for name in ("density", "pulse", "loudness", "attack"))
_FRAMES, _ONSETS, _ATTACKS, _PULSES, _POWER, _STEPS = range(len(SPECTRAL), len(COLUMNS))

_LUFS_OFFSET_DB: Final = -0.691
# K-weighting at 48 kHz: a shelf for the head, and a high-pass (ITU-R BS.1770-4, tables 1 and 2).
_SHELF: Final = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
_TINY: Final = 1e-9

_Array = NDArray[np.float64]


def describe_steps(
    audio: NDArray[np.float32], num_steps: int, step_samples: int, lead_steps: int
) -> NDArray[np.float32]:
    """Sum up what each step of a recording holds.

    Parameters
    ----------
    audio : ndarray [shape=(samples,), float32, 48 kHz]
    num_steps : int
        Steps of its path, with the silence before and after it.
    step_samples : int
    lead_steps : int
        Steps of silence that the path begins with.

    Returns
    -------
    ndarray [shape=(num_steps, columns), float32]
        As :data:`COLUMNS`.
    """
    frames, events = describe_frames(audio), find_events(audio)

    def place(samples: NDArray[np.floating]) -> NDArray[np.intp]:
        return np.clip((samples // step_samples).astype(np.intp) + lead_steps, 0, num_steps - 1)

    def summed(at: NDArray[np.intp], values: NDArray[np.floating]) -> _Array:
        total: _Array = np.bincount(at, values.astype(np.float64), num_steps).astype(np.float64)
        return total

    table = np.zeros((num_steps, len(COLUMNS)))
    at_frames = place(np.arange(len(frames)) * float(HOP))
    sounding = frames.is_sounding.astype(np.float64)
    for column, source in enumerate(SPECTRAL.values()):
        table[:, column] = summed(at_frames, sounding * getattr(frames, source))
    table[:, _FRAMES] = summed(at_frames, sounding)
    at_onsets = place(events.times_s * float(SAMPLE_RATE))
    table[:, _ONSETS] = summed(at_onsets, np.ones(len(at_onsets)))
    table[:, _ATTACKS] = summed(at_onsets, np.log2(events.attacks_ms))
    at_pulses = place(np.arange(len(events.pulse)) * (SAMPLE_RATE / EVENT_FRAMES_PER_SECOND))
    table[:, _PULSES] = summed(at_pulses, events.pulse) / np.maximum(summed(at_pulses, np.ones(len(at_pulses))), 1.0)
    table[:, _POWER] = _power(audio, num_steps, step_samples, lead_steps)
    table[:, _STEPS] = 1.0
    return table.astype(np.float32)


def estimate(sums: _Array, step_samples: int) -> _Array:
    """Estimate what takes will measure from the sums of what they play.

    Parameters
    ----------
    sums : ndarray [shape=(..., columns)]
    step_samples : int

    Returns
    -------
    ndarray [shape=(..., descriptors)]
        As :data:`~small_dataset_audio.controls.sliders.NAMES`. The loudness is that of the recordings' own level, before a
        take is brought to its peak.
    """
    estimated = np.empty((*sums.shape[:-1], len(NAMES)))
    estimated[..., _SPECTRAL_AT] = sums[..., : len(SPECTRAL)] / np.maximum(sums[..., [_FRAMES]], _TINY)
    steps = np.maximum(sums[..., _STEPS], _TINY)
    estimated[..., _DENSITY] = sums[..., _ONSETS] / steps * (SAMPLE_RATE / step_samples)
    estimated[..., _PULSE] = sums[..., _PULSES] / steps
    estimated[..., _LOUDNESS] = _LUFS_OFFSET_DB + 10.0 * np.log10(np.maximum(sums[..., _POWER] / steps, 1e-12))
    estimated[..., _ATTACK] = sums[..., _ATTACKS] / np.maximum(sums[..., _ONSETS], _TINY)
    return estimated


def deviations(sums: _Array, target: _Array, step_samples: int) -> _Array:
    """By how much stretches move a running take away from a target: for each descriptor its sum less what it should be.

    In the unit of the descriptor times what it is a mean over (frames, steps, onsets), brought to steps: a stretch of n steps
    that is off by one unit all along deviates by n. Deviations of stretches add up.

    Parameters
    ----------
    sums : ndarray [shape=(stretches, columns)]
    target : ndarray [shape=(1, descriptors) or (stretches, descriptors)]
    step_samples : int

    Returns
    -------
    ndarray [shape=(stretches, descriptors), units times steps]
    """
    frames_per_step = step_samples / HOP
    steps_per_second = SAMPLE_RATE / step_samples
    steps, onsets = sums[:, _STEPS], sums[:, _ONSETS]
    away = np.empty((len(sums), len(NAMES)))
    away[:, _SPECTRAL_AT] = (sums[:, : len(SPECTRAL)] - target[:, _SPECTRAL_AT] * sums[:, [_FRAMES]]) / frames_per_step
    away[:, _DENSITY] = onsets * steps_per_second - target[:, _DENSITY] * steps
    away[:, _PULSE] = sums[:, _PULSES] - target[:, _PULSE] * steps
    power = 10.0 ** ((target[:, _LOUDNESS] - _LUFS_OFFSET_DB) / 10.0)
    # To first order, power off by a share is so many dB off: 10 / ln 10.
    away[:, _LOUDNESS] = (sums[:, _POWER] / power - steps) * (10.0 / np.log(10.0))
    # Onsets are few: each stands for the steps from one to the next.
    per_onset = steps_per_second / np.maximum(target[:, _DENSITY], 0.1)
    away[:, _ATTACK] = (sums[:, _ATTACKS] - target[:, _ATTACK] * onsets) * per_onset
    return away


def _power(audio: NDArray[np.float32], num_steps: int, step_samples: int, lead_steps: int) -> _Array:
    weighted = scipy.signal.lfilter(*_HIGH_PASS, scipy.signal.lfilter(*_SHELF, audio.astype(np.float64)))
    squares = np.zeros(num_steps * step_samples)
    begin = lead_steps * step_samples
    count = min(len(weighted), len(squares) - begin)
    squares[begin : begin + count] = np.square(weighted[:count])
    means: _Array = squares.reshape(num_steps, step_samples).mean(axis=1)
    return means
