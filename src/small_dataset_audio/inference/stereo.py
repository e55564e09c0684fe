"""From mono to stereo, and the last gain.

Widening follows Lauridsen's network (Schroeder, *An Artificial Stereophonic Effect Obtained from a Single Audio Signal*,
JAES 6, 1958): the mid signal is the mono signal itself, the side signal is a copy some milliseconds later, ``left = mid +
width * side`` and ``right = mid - width * side``. The delay (Haas, 1951) is short enough to fuse with the direct sound.

Two things follow that the usual recipe "delay one channel" gets wrong. The mono sum ``(left + right) / 2`` is the
original: a club's mono system hears no comb filter. And the combs of left and right are complementary, so together they
keep the spectrum. Below some 150 Hz the teeth of the comb are as wide as a note and would throw bass notes from side to
side, so the side signal has no bass: low notes stay in the middle, as a mastering engineer would place them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from small_dataset_audio.audio.io import check_audio
from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError
from small_dataset_audio.inference.config import MAX_STEREO_WIDTH
from small_dataset_audio.inference.pieces import Piece, Stream, stream_of

_SIDE_HIGHPASS_HZ = 150.0

_SILENCE_PEAK = 1e-10
"""-200 dBFS, 60 dB under the last bit of a 24-bit file: what is left there is rounding, not sound; it is not amplified."""


def apply_mid_side_widening(
    mono: ArrayLike, width: float = 0.7, sample_rate: int = 48_000, haas_delay_ms: float = 15.0
) -> NDArray[np.float32]:
    """Spread a mono signal over two channels whose mean is again that signal.

    Parameters
    ----------
    mono : array_like [shape=(samples,), float]
    width : float [0, 1.5]
        Level of the side signal. With 0 both channels are `mono`.
    sample_rate : int [Hz]
    haas_delay_ms : float [ms, at least 0]
        Delay of the side signal. Its first milliseconds are silent, so an attack stands in the middle.

    Returns
    -------
    ndarray [shape=(2, samples), float32]
        Left and right, not normalised: they can exceed 1.0. ``(left + right) / 2`` is `mono` to float32 rounding.

    Raises
    ------
    InvalidAudioError
        Not mono, or not usable audio.
    InvalidConfigError
        `width`, `sample_rate` or `haas_delay_ms` outside its range.
    """
    mid = _check_mono(mono, "mono")
    if not 0.0 <= width <= MAX_STEREO_WIDTH:
        raise InvalidConfigError(f"stereo_width is {width}; it must be from 0.0 to {MAX_STEREO_WIDTH}")
    if sample_rate <= 0:
        raise InvalidConfigError(f"sample_rate is {sample_rate}; it must be over 0 Hz")
    if not (math.isfinite(haas_delay_ms) and haas_delay_ms >= 0):
        raise InvalidConfigError(f"haas_delay_ms is {haas_delay_ms}; it must be a finite number, at least 0")

    return widen(stream_of(mid[None]), width, sample_rate, haas_delay_ms).first()


def widen(mono: Stream, width: float, sample_rate: int = 48_000, haas_delay_ms: float = 15.0) -> Stream:
    """Do the same to a stream of one channel; see :func:`apply_mid_side_widening`."""
    delay_samples = round(haas_delay_ms * sample_rate / 1000)

    def widened() -> Iterator[Piece]:
        side_of = _side_signal(sample_rate, delay_samples)
        for piece in mono.pieces():
            mid = piece[0]
            side = side_of(mid) * np.float32(width)
            yield np.stack([mid + side, mid - side])

    return Stream(2, mono.num_samples, widened)


def left_and_right(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Turn mid and side into left and right, piece by piece [shape=(2, samples), float32]."""
    for mid, side in pieces:
        yield np.stack([mid + side, mid - side])


def create_dual_seed_stereo(left: ArrayLike, right: ArrayLike) -> NDArray[np.float32]:
    """Put two mono takes side by side; the shorter one is padded with silence at its end.

    Parameters
    ----------
    left, right : array_like [shape=(samples,), float]

    Returns
    -------
    ndarray [shape=(2, samples of the longer), float32]

    Raises
    ------
    InvalidAudioError
        One of them is not mono, or not usable audio.
    """
    channels = [_check_mono(left, "left"), _check_mono(right, "right")]
    stereo = np.zeros((2, max(map(len, channels))), dtype=np.float32)
    for row, channel in zip(stereo, channels, strict=True):
        row[: len(channel)] = channel
    return stereo


def peak_normalize(audio: ArrayLike, target_peak: float = PEAK_TARGET) -> NDArray[np.float32]:
    """Scale all channels by one gain so that the largest sample is `target_peak`.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (channels, samples), float]
    target_peak : float (0, 1]
        0.891 is -1 dBFS.

    Returns
    -------
    ndarray [shape as given, float32]
        A new array. Silence (a peak under -200 dBFS) comes back as it is.

    Raises
    ------
    InvalidAudioError
        See :func:`~small_dataset_audio.audio.check_audio`.
    InvalidConfigError
        `target_peak` outside (0, 1].
    """
    checked = check_audio(audio)
    if not 0.0 < target_peak <= 1.0:
        raise InvalidConfigError(f"target_peak is {target_peak}; it must be over 0.0 and at most 1.0")
    channels = np.atleast_2d(checked)
    extremes = Extremes.of([channels])
    return extremes.scale(channels, target_peak).reshape(checked.shape)


@dataclass(frozen=True)
class Extremes:
    """How far each channel goes.

    Parameters
    ----------
    highest, lowest : ndarray [shape=(channels, 1), float32]
    """

    highest: NDArray[np.float32]
    lowest: NDArray[np.float32]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Extremes:
        """Measure a whole take; at least one piece."""
        found = [(piece.max(axis=1, keepdims=True), piece.min(axis=1, keepdims=True)) for piece in pieces]
        return cls(np.max([high for high, _ in found], axis=0), np.min([low for _, low in found], axis=0))

    @property
    def peak(self) -> np.float32:
        """Largest magnitude."""
        return np.float32(max(self.highest.max(), -self.lowest.min()))

    def scale(self, audio: NDArray[np.float32], target_peak: float) -> NDArray[np.float32]:
        """Bring what was measured, or a piece of it, to `target_peak`; silence is copied as it is."""
        if self.peak < _SILENCE_PEAK:
            return audio.copy()
        # Divided first: target / peak would overflow or lose digits for extreme peaks, a ratio in [-1, 1] does neither.
        scaled: NDArray[np.float32] = audio / self.peak
        scaled *= np.float32(target_peak)
        return scaled

    def scaled(self, target_peak: float) -> Extremes:
        """Return these extremes after :meth:`scale`, to the bit: rounding keeps the order of numbers."""
        return Extremes(self.scale(self.highest, target_peak), self.scale(self.lowest, target_peak))


def scale_to_peak(stream: Stream, extremes: Extremes, target_peak: float = PEAK_TARGET) -> tuple[Stream, Extremes]:
    """Scale a stream, whose extremes are known, to a peak; returns it with its new extremes."""

    def scaled(pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            yield extremes.scale(piece, target_peak)

    return stream.through(scaled), extremes.scaled(target_peak)


def _side_signal(sample_rate: int, delay_samples: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what makes, piece after piece, the side signal: the mid without its bass, `delay_samples` later."""
    # At very low sample rates there is nothing over the high-pass; the clamp keeps the design valid.
    cutoff_hz = min(_SIDE_HIGHPASS_HZ, 0.2 * sample_rate)
    sections = signal.butter(2, cutoff_hz, "highpass", fs=sample_rate, output="sos")
    state = np.zeros((len(sections), 2))
    late = np.zeros(delay_samples, dtype=np.float32)

    def side_of(mid: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal state, late
        high, state = signal.sosfilt(sections, mid.astype(np.float64), zi=state)
        joined = np.concatenate([late, high.astype(np.float32)])
        late = joined[len(mid) :].copy()
        return joined[: len(mid)]

    return side_of


def _check_mono(audio: ArrayLike, name: str) -> NDArray[np.float32]:
    checked = check_audio(audio, name=name)
    if checked.ndim != 1:
        raise InvalidAudioError(f"{name} has shape {checked.shape}; it must be mono, (samples,)")
    return checked
