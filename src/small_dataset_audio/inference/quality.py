"""Is a take technically sound? Signal-to-noise ratio, clipping, and one rating with its reason.

The score is made to be able to fail. A ratio needs a quiet moment to measure the noise in, so a sound that never rests
has none (``None``, not infinity) and gets no green. A clipped take that was normalised afterwards no longer reaches full
scale, so flat tops count at any level. And steady broadband noise is called by its name, whatever silence is glued to it.

Figures behind the noise guard, on frames of 43 ms (flatness within octaves / octaves that carry / spread of the level):
white noise 0.57 / 4.8 / 0.5 dB, pink 0.60 / 7.4 / 1.4 dB, brown 0.61 / 3.4 / 3.5 dB, white low-passed at 4 kHz 0.50 / 4.3 /
1.2 dB; noise in two channels reads 0.7 to 0.8. Of the 165 recordings of sonic-pi-samples (drums, tabla, drones, basses,
loops) none passes all three limits; the nearest are a 3-D printer (0.51 / 5.4 / 5.0 dB) and a vinyl hiss (0.72 / 5.4 / 5.5
dB). A cymbal is as broad but decays by 20 dB, a bass drone is as steady but has two octaves. So noise that fades or pulses
by over 4.5 dB is not named.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.errors import InvalidConfigError

FRAME_MS = 10.0
SIGNAL_RMS = 0.01
_GREEN_OVER_DB = 30.0
_RED_UNDER_DB = 15.0
_RED_OVER_CLIPPED_PERCENT = 0.1

_SILENT_PEAK = 1e-3
"""-60 dBFS: a take that never gets louder is silent to anyone who plays it."""

NOISE_POWER_FLOOR = 2.0**-46 / 12
"""Power of the rounding of a 24-bit file (step 2**-23): digital silence between sounds has no noise, its file has."""

FLAT_TOP_MIN_RUN = 3
FLAT_TOP_TOLERANCE = 1e-6
"""Samples of a flat top are equal but for rounding (2**-24 relative, some gains later)."""
FLAT_TOP_MIN_STEP = 5e-3
"""A clipped top ends in an edge. The round top of a sine in 16 bits can be level for three samples as well: it then falls by
under one rounding step to the next sample, by under nine within three, rounded at most eight: 0.0049 of the peak in a recording
that peaks at -26 dBFS. The slope of a 40 Hz note overdriven by 3.5 dB is 0.0058 of the peak a sample."""

NOISE_FRAME_S = 2048 / 48_000
_NOISE_BAND_EDGES_HZ = (100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0, 16_000.0)
NOISE_MIN_FRAMES = 8
NOISE_MIN_FLATNESS = 0.45
NOISE_MIN_BANDS = 3.0
NOISE_MAX_SPREAD_DB = 4.5

_FRAMES_PER_BLOCK = 512

_Frames: TypeAlias = NDArray[np.float64]
"""A block of frames [shape=(channels, frames, frame_samples)]."""


def compute_snr_db(
    audio: ArrayLike,
    sample_rate: int = 48_000,
    *,
    frame_ms: float = FRAME_MS,
    signal_rms: float = SIGNAL_RMS,
) -> float | None:
    """Ratio between the mean power of the loud frames and that of the quiet frames.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
        The power of a frame is the mean over its channels.
    sample_rate : int [Hz]
    frame_ms : float [ms]
        Frames do not overlap; an unfinished last frame is left out.
    signal_rms : float
        Frames with an RMS over this are signal, the others are noise.

    Returns
    -------
    float [dB] or None
        None where it cannot be measured: no loud frame, or no quiet one. At most some 150 dB, since the noise power
        is floored at the rounding of a 24-bit file.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    InvalidConfigError
        `sample_rate`, `frame_ms` or `signal_rms` not over 0.
    """
    channels = np.atleast_2d(check_audio(audio))
    for name, value in (("sample_rate", sample_rate), ("frame_ms", frame_ms), ("signal_rms", signal_rms)):
        if not (math.isfinite(value) and value > 0):
            raise InvalidConfigError(f"{name} is {value}; it must be a finite number over 0")
    frame_samples = max(1, round(frame_ms * sample_rate / 1000))
    power = np.concatenate(
        [np.empty(0), *(np.square(frames).mean(axis=(0, 2)) for frames in whole_frames(channels, frame_samples))]
    )
    loud = power > signal_rms**2
    if loud.all() or not loud.any():
        return None
    noise_power = max(float(power[~loud].mean()), NOISE_POWER_FLOOR)
    return 10 * math.log10(float(power[loud].mean()) / noise_power)


def detect_clipping(audio: ArrayLike, threshold: float = 0.999) -> dict[str, int | float]:
    """Count clipped samples: those at full scale, and flat tops at any level.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    threshold : float
        Magnitudes from here on count as full scale.

    Returns
    -------
    dict
        ``clipped_samples`` (over all channels), ``clipped_percentage`` [0, 100], ``peak`` (largest magnitude),
        ``longest_run`` (consecutive clipped samples in one channel), ``flat_tops`` (runs of at least three equal
        samples at the highest or lowest level of a channel that the waveform enters and leaves by a step).

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    InvalidConfigError
        `threshold` not over 0.

    Notes
    -----
    A square wave has flat tops by nature and is counted; so is a gated or bit-crushed sound that rests on its peak.
    """
    channels = np.atleast_2d(check_audio(audio))
    if not (math.isfinite(threshold) and threshold > 0):
        raise InvalidConfigError(f"threshold is {threshold}; it must be a finite number over 0")
    clipped_samples = longest_run = flat_tops = 0
    peak = 0.0
    for channel in channels:
        clipped = (channel >= threshold) | (channel <= -threshold)
        for half in (channel, -channel):
            starts, stops = _flat_top_runs(half)
            flat_tops += len(starts)
            for start, stop in zip(starts, stops, strict=True):
                clipped[start:stop] = True
        starts, stops = runs_of(clipped)
        clipped_samples += int(clipped.sum())
        longest_run = max(longest_run, int((stops - starts).max(initial=0)))
        peak = max(peak, float(channel.max()), -float(channel.min()))
    return {
        "clipped_samples": clipped_samples,
        "clipped_percentage": 100 * clipped_samples / channels.size,
        "peak": peak,
        "longest_run": longest_run,
        "flat_tops": flat_tops,
    }


def compute_quality_score(audio: ArrayLike, sample_rate: int = 48_000) -> dict[str, Any]:
    """Rate a take and say why.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
        What will be exported.
    sample_rate : int [Hz]

    Returns
    -------
    dict
        ``rating`` (``"green"``, ``"yellow"`` or ``"red"``), ``reason`` (plain words), ``snr_db`` (float or None),
        ``clipping`` (see :func:`detect_clipping`), ``sounds_like_noise`` (bool). Strict JSON can hold all of it.

        Green: over 30 dB, no clipping, and not steady broadband noise. Red: silent, under 15 dB, or over 0.1 % clipped.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    InvalidConfigError
        `sample_rate` not over 0.
    """
    channels = np.atleast_2d(check_audio(audio))
    snr_db = compute_snr_db(channels, sample_rate)
    clipping = detect_clipping(channels)
    sounds_like_noise = _is_steady_broadband_noise(channels, sample_rate)
    rating, reason = rate(snr_db, clipping, sounds_like_noise)
    return {
        "rating": rating,
        "reason": reason,
        "snr_db": snr_db,
        "clipping": clipping,
        "sounds_like_noise": sounds_like_noise,
    }


def rate(snr_db: float | None, clipping: dict[str, int | float], sounds_like_noise: bool) -> tuple[str, str]:
    """Rating and reason that follow from what was measured."""
    if clipping["peak"] < _SILENT_PEAK:
        return "red", f"silent: the peak is {clipping['peak']:.2g}, under {_SILENT_PEAK}"
    severe: list[str] = []
    mild: list[str] = []
    if clipping["clipped_samples"]:
        percentage = clipping["clipped_percentage"]
        found = f"clipped: {clipping['clipped_samples']} samples ({percentage:.2g} %)"
        (severe if percentage > _RED_OVER_CLIPPED_PERCENT else mild).append(found)
    if snr_db is None:
        measured = "not measurable: no quiet moment between the sounds, or no loud one"
        mild.append(f"signal-to-noise ratio {measured}")
    else:
        measured = f"{snr_db:.1f} dB"
        if snr_db < _RED_UNDER_DB:
            severe.append(f"noisy: signal-to-noise ratio {measured}, under {_RED_UNDER_DB:.0f} dB")
        elif snr_db <= _GREEN_OVER_DB:
            mild.append(f"some noise: signal-to-noise ratio {measured}, not over {_GREEN_OVER_DB:.0f} dB")
    if sounds_like_noise:
        mild.append("sounds like broadband noise: steady, with no tone in it")
    if severe or mild:
        return ("red" if severe else "yellow"), "; ".join(severe + mild)
    return "green", f"clean: signal-to-noise ratio {measured}, no clipping"


def whole_frames(channels: NDArray[np.float32], frame_samples: int) -> Iterator[_Frames]:
    """Whole frames as float64 blocks [shape=(channels, frames, frame_samples)]: long audio is never copied whole."""
    num_frames = channels.shape[1] // frame_samples
    for first in range(0, num_frames, _FRAMES_PER_BLOCK):
        last = min(first + _FRAMES_PER_BLOCK, num_frames)
        piece = channels[:, first * frame_samples : last * frame_samples].astype(np.float64)
        yield piece.reshape(len(channels), last - first, frame_samples)


def runs_of(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Start and stop indices of the stretches where `mask` is true."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[::2], edges[1::2]


def _flat_top_runs(channel: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find runs at the highest level of a channel; none where they look like the round top of a slow wave."""
    level = channel.max()
    if level <= 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    starts, stops = runs_of(channel >= level * np.float32(1 - FLAT_TOP_TOLERANCE))
    long = stops - starts >= FLAT_TOP_MIN_RUN
    starts, stops = starts[long], stops[long]
    steps = np.minimum(_steps_down(channel, starts - 1, -1), _steps_down(channel, stops, 1))
    steep = np.isfinite(steps) & (steps > FLAT_TOP_MIN_STEP * level)
    # One sharp edge shows where the limit is; then every run at that level was cut off by it.
    return (starts, stops) if steep.any() else (starts[:0], stops[:0])


def _steps_down(channel: NDArray[np.float32], neighbours: NDArray[np.intp], direction: int) -> NDArray[np.float64]:
    """How far the two samples from each neighbour on fall under the highest; infinite beyond the ends of the channel."""
    inside = (neighbours >= 0) & (neighbours < len(channel))
    near = neighbours[inside]
    far = np.clip(near + direction, 0, len(channel) - 1)
    steps = np.full(len(neighbours), np.inf)
    steps[inside] = float(channel.max()) - np.minimum(channel[near], channel[far]).astype(np.float64)
    return steps


def _is_steady_broadband_noise(channels: NDArray[np.float32], sample_rate: int) -> bool:
    """Tell hiss from sound: flat within every octave, spread over several octaves, level all the time."""
    frame_samples = max(2, round(NOISE_FRAME_S * sample_rate))
    bands = octave_bands(frame_samples, sample_rate)
    measured = [noise_measures(frames, bands) for frames in whole_frames(channels, frame_samples) if len(bands) > 1]
    if sum(block.shape[1] for block in measured) < NOISE_MIN_FRAMES:
        return False
    flatness, num_bands, level_db = np.concatenate(measured, axis=1)
    low_db, high_db = np.percentile(level_db, [10, 90])
    return bool(
        np.median(flatness) > NOISE_MIN_FLATNESS
        and np.median(num_bands) > NOISE_MIN_BANDS
        and high_db - low_db < NOISE_MAX_SPREAD_DB
    )


def noise_measures(frames: _Frames, bands: list[slice], signal_rms: float = SIGNAL_RMS) -> NDArray[np.float64]:
    """Flatness, number of bands that carry, and level in dB of every loud frame [shape=(3, loud frames)]."""
    loud = np.square(frames).mean(axis=(0, 2)) > signal_rms**2
    spectra = np.fft.rfft(frames[:, loud] * np.hanning(frames.shape[2]))
    # Summed as powers, not as waveforms: the complementary combs of a widened mono signal then cancel.
    power = np.square(np.abs(spectra)).sum(axis=0)
    power += 1e-12 * power.max(axis=-1, keepdims=True)  # a floor for the logarithms
    energy = np.stack([power[:, band].sum(axis=-1) for band in bands])
    share = energy / energy.sum(axis=0)
    flatness = (share * [_flatness(power[:, band]) for band in bands]).sum(axis=0)
    # exponential of the entropy: the number of bands if all were equally strong
    num_bands = np.exp(-(share * np.log(share)).sum(axis=0))
    return np.stack([flatness, num_bands, 10 * np.log10(energy.sum(axis=0))])


def octave_bands(frame_samples: int, sample_rate: int) -> list[slice]:
    """Spectrum bins of each octave that lies under the Nyquist frequency; a band without bins is left out."""
    edges = [min(round(hz * frame_samples / sample_rate), frame_samples // 2) for hz in _NOISE_BAND_EDGES_HZ]
    return [slice(low, high) for low, high in itertools.pairwise(edges) if high > low]


def _flatness(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric over arithmetic mean over bins: near 0 for tones, 0.56 for Gaussian noise, 1 for one click."""
    return np.asarray(np.exp(np.log(power).mean(axis=-1)) / power.mean(axis=-1))
