"""What a sound is like from moment to moment: the descriptors that a single frame of its spectrum has.

Frames are 4096 samples long (85 ms, a Hann window) and 1024 apart (21 ms).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import librosa
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.partials import find_partials, roughness, tension

N_FFT: Final = 4096
HOP: Final = 1024
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP
QUIET_DB: Final = -40.0
"""Under the loudest frame; what is quieter says nothing of how a sound is."""

_BIN_HZ: Final = SAMPLE_RATE / N_FFT
_WARM_HZ: Final = (100.0, 500.0)
_LEAST_WARMTH_DB: Final = -60.0
_NOISE_HZ: Final = (50.0, 16_000.0)  # over it many recordings, and every take over 20 kHz, hold nothing
_LOWEST_PITCH_HZ: Final = 55.0
_PITCHES_PER_OCTAVE: Final = 48
_OCTAVES: Final = 6
_HARMONICS: Final = 8
_HARMONIC_DECAY: Final = 0.8
_FRAMES_AT_ONCE: Final = 1024
_FLOOR: Final = 1e-16

_Array = NDArray[np.float32]


@dataclass(frozen=True)
class FrameDescriptors:
    """Descriptors of each frame.

    Parameters
    ----------
    brightness_erb : ndarray [shape=(frames,), float32, ERB-rate]
        Of the spectral centroid (amplitude-weighted).
    warmth_db : ndarray [shape=(frames,), float32, dB, -60 to 0]
        Energy from 100 to 500 Hz over all energy.
    roughness, tension : ndarray [shape=(frames,), float32, no unit]
        See :mod:`.partials`.
    noisiness_db : ndarray [shape=(frames,), float32, dB, 0 or less]
        Spectral flatness of the power from 50 Hz to 16 kHz: about -2.5 for noise, far less for tones.
    pitch_semitones : ndarray [shape=(frames,), float32, MIDI note number]
        Mean of all pitches, weighted by salience and amplitude.
    level_db : ndarray [shape=(frames,), float32, dB of full scale]
    """

    brightness_erb: _Array = field(repr=False)
    warmth_db: _Array = field(repr=False)
    roughness: _Array = field(repr=False)
    tension: _Array = field(repr=False)
    noisiness_db: _Array = field(repr=False)
    pitch_semitones: _Array = field(repr=False)
    level_db: _Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.level_db)

    @property
    def is_sounding(self) -> NDArray[np.bool_]:
        """Which frames say something [shape=(frames,)]."""
        return np.asarray(self.level_db > self.level_db.max() + QUIET_DB)


def describe_frames(samples: _Array) -> FrameDescriptors:
    """Describe a sound frame by frame; the first is centred on the first sample.

    Parameters
    ----------
    samples : ndarray [shape=(samples,), float32, 48 kHz]
    """
    parts = [_describe(amplitude) for amplitude in _spectra(samples)]
    return FrameDescriptors(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def erb_rate(frequency_hz: NDArray[np.floating]) -> _Array:
    """Frequency on the scale of the ear's filters: B. R. Glasberg and B. C. J. Moore, Hearing Research 47, 1990."""
    return np.asarray(21.4 * np.log10(1.0 + 0.00437 * frequency_hz), dtype=np.float32)


def _spectra(samples: _Array) -> Iterator[_Array]:
    """Amplitudes [shape=(frames, bins)], block by block; a full-scale sine has 1 at its peak."""
    padded = np.pad(samples, (N_FFT // 2, N_FFT // 2))
    cut = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    window = _window()
    for first in range(0, len(cut), _FRAMES_AT_ONCE):
        yield np.abs(scipy.fft.rfft(cut[first : first + _FRAMES_AT_ONCE] * window, axis=1)).astype(np.float32)


def _describe(amplitude: _Array) -> tuple[_Array, ...]:
    power = np.square(amplitude)
    energy = np.maximum(power.sum(axis=1), _FLOOR)
    centroid_hz = librosa.feature.spectral_centroid(S=amplitude.T, sr=SAMPLE_RATE, n_fft=N_FFT)[0]
    warm = power[:, _bins(*_WARM_HZ)].sum(axis=1)
    relative = amplitude / np.maximum(
        amplitude.max(axis=1, keepdims=True), _FLOOR
    )  # librosa's floor is an absolute one
    flatness = librosa.feature.spectral_flatness(S=relative[:, _bins(*_NOISE_HZ)].T)[0]
    partials = find_partials(amplitude, _BIN_HZ)
    columns = (
        erb_rate(centroid_hz),
        np.maximum(10.0 * np.log10(np.maximum(warm, _FLOOR) / energy), _LEAST_WARMTH_DB),
        roughness(*partials),
        tension(*partials),
        10.0 * np.log10(np.maximum(flatness, _FLOOR)),
        _pitch_height(amplitude),
        10.0 * np.log10(energy),
    )
    return tuple(np.asarray(column, dtype=np.float32) for column in columns)


def _pitch_height(amplitude: _Array) -> _Array:
    """Mean pitch by salience: at each candidate the amplitudes of its harmonics, each counting less than the one before."""
    on_pitches = amplitude @ _pitch_filters()
    salience = np.zeros((len(amplitude), _OCTAVES * _PITCHES_PER_OCTAVE), np.float32)
    for harmonic in range(1, _HARMONICS + 1):
        shift = round(_PITCHES_PER_OCTAVE * np.log2(harmonic))
        salience += _HARMONIC_DECAY ** (harmonic - 1) * on_pitches[:, shift : shift + salience.shape[1]]
    weight = (
        salience * on_pitches[:, : salience.shape[1]]
    )  # a pitch without its fundamental is most often a lower octave
    lowest = librosa.hz_to_midi(_LOWEST_PITCH_HZ)
    pitches = lowest + 12.0 / _PITCHES_PER_OCTAVE * np.arange(salience.shape[1])
    return np.asarray(weight @ pitches / np.maximum(weight.sum(axis=1), _FLOOR), dtype=np.float32)


@cache
def _pitch_filters() -> _Array:
    """Triangles around each pitch, and three octaves of harmonics above [shape=(bins, pitches)]."""
    count = _OCTAVES * _PITCHES_PER_OCTAVE + round(_PITCHES_PER_OCTAVE * np.log2(_HARMONICS)) + 1
    centres_hz = _LOWEST_PITCH_HZ * 2.0 ** (np.arange(count) / _PITCHES_PER_OCTAVE)
    bins_hz = np.arange(N_FFT // 2 + 1) * _BIN_HZ
    # Half a semitone wide, but never less than the spectrum can tell apart.
    width_hz = np.maximum(centres_hz * (2.0 ** (2.0 / _PITCHES_PER_OCTAVE) - 1.0), 1.5 * _BIN_HZ)
    filters = np.maximum(1.0 - np.abs(bins_hz[:, None] - centres_hz) / width_hz, 0.0)
    return np.asarray(filters, dtype=np.float32)


def _bins(low_hz: float, high_hz: float) -> slice:
    return slice(int(np.ceil(low_hz / _BIN_HZ)), int(high_hz / _BIN_HZ) + 1)


@cache
def _window() -> _Array:
    window = np.hanning(N_FFT + 1)[:-1]
    return np.asarray(window * (2.0 / window.sum()), dtype=np.float32)
