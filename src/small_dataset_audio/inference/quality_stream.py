"""The quality score of a take that goes by in pieces: the same figures that :func:`compute_quality_score` has for the whole.

Frames are measured as they fill. Of the clipping only the runs of samples at a channel's own limits are kept, and there are
few of them in anything but a square wave; so how far each channel goes must be known beforehand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.inference.pieces import Piece, Stream
from small_dataset_audio.inference.quality import (
    FLAT_TOP_MIN_RUN,
    FLAT_TOP_MIN_STEP,
    FLAT_TOP_TOLERANCE,
    FRAME_MS,
    NOISE_FRAME_S,
    NOISE_MAX_SPREAD_DB,
    NOISE_MIN_BANDS,
    NOISE_MIN_FLATNESS,
    NOISE_MIN_FRAMES,
    NOISE_POWER_FLOOR,
    SIGNAL_RMS,
    noise_measures,
    octave_bands,
    rate,
    runs_of,
    whole_frames,
)
from small_dataset_audio.inference.stereo import Extremes

_FULL_SCALE = 0.999
_NEIGHBOURS = 2  # samples on either side of a run that tell whether it ends in an edge


def score_stream(
    stream: Stream, sample_rate: int, extremes: Extremes, *, signal_rms: float = SIGNAL_RMS
) -> dict[str, Any]:
    """Rate a take, going through it once; `extremes` are its own, and `signal_rms` as for :class:`QualityMeter`."""
    meter = QualityMeter(sample_rate, extremes, signal_rms=signal_rms)
    for piece in stream.pieces():
        meter.push(piece)
    return meter.score()


class QualityMeter:
    """Scores a take while it goes by.

    Parameters
    ----------
    sample_rate : int [Hz]
    extremes : Extremes
        Of the very samples that will go by.
    signal_rms : float
        Frames with an RMS over this are signal, the others are noise or rests.
    """

    def __init__(self, sample_rate: int, extremes: Extremes, *, signal_rms: float = SIGNAL_RMS) -> None:
        self._extremes = extremes
        self._num_samples = 0
        self._ratio = _RatioMeter(sample_rate, signal_rms)
        self._noise = _NoiseMeter(sample_rate, signal_rms)
        self._clipping = [
            _ChannelClipping(high, low) for high, low in zip(extremes.highest[:, 0], extremes.lowest[:, 0], strict=True)
        ]

    def push(self, piece: Piece) -> None:
        """Measure the next piece."""
        self._num_samples += piece.shape[1]
        self._ratio.push(piece)
        self._noise.push(piece)
        for meter, channel in zip(self._clipping, piece, strict=True):
            meter.push(channel)

    def score(self) -> dict[str, Any]:
        """Rate what has gone by; see :func:`~small_dataset_audio.inference.compute_quality_score`."""
        snr_db = self._ratio.finish()
        clipping = self._clipping_figures()
        sounds_like_noise = self._noise.finish()
        rating, reason = rate(snr_db, clipping, sounds_like_noise)
        return {
            "rating": rating,
            "reason": reason,
            "snr_db": snr_db,
            "clipping": clipping,
            "sounds_like_noise": sounds_like_noise,
        }

    def _clipping_figures(self) -> dict[str, int | float]:
        found = [meter.finish() for meter in self._clipping]
        clipped_samples = sum(samples for samples, _, _ in found)
        return {
            "clipped_samples": clipped_samples,
            "clipped_percentage": 100 * clipped_samples / (self._num_samples * len(found)),
            "peak": float(self._extremes.peak),
            "longest_run": max(longest for _, longest, _ in found),
            "flat_tops": sum(tops for _, _, tops in found),
        }


class _Framer:
    """Cuts pieces of any length into whole frames; the rest waits for the next piece."""

    def __init__(self, frame_samples: int) -> None:
        self._frame_samples = frame_samples
        self._rest: Piece | None = None

    def push(self, piece: Piece) -> Piece:
        """Return all frames that are now whole, end to end [shape=(channels, frames * frame_samples)]."""
        joined = piece if self._rest is None else np.concatenate([self._rest, piece], axis=1)
        whole = joined.shape[1] - joined.shape[1] % self._frame_samples
        self._rest = joined[:, whole:].copy()
        return joined[:, :whole]


class _RatioMeter:
    """Powers of 10 ms frames: 800 bytes a second of audio are kept."""

    def __init__(self, sample_rate: int, signal_rms: float) -> None:
        self._signal_rms = signal_rms
        self._frame_samples = max(1, round(FRAME_MS * sample_rate / 1000))
        self._framer = _Framer(self._frame_samples)
        self._powers: list[NDArray[np.float64]] = [np.empty(0)]

    def push(self, piece: Piece) -> None:
        for frames in whole_frames(self._framer.push(piece), self._frame_samples):
            self._powers.append(np.square(frames).mean(axis=(0, 2)))

    def finish(self) -> float | None:
        power = np.concatenate(self._powers)
        loud = power > self._signal_rms**2
        if loud.all() or not loud.any():
            return None
        noise_power = max(float(power[~loud].mean()), NOISE_POWER_FLOOR)
        return 10 * math.log10(float(power[loud].mean()) / noise_power)


class _NoiseMeter:
    """Three figures of each loud frame of 43 ms: under 600 bytes a second of audio are kept."""

    def __init__(self, sample_rate: int, signal_rms: float) -> None:
        self._signal_rms = signal_rms
        self._frame_samples = max(2, round(NOISE_FRAME_S * sample_rate))
        self._bands = octave_bands(self._frame_samples, sample_rate)
        self._framer = _Framer(self._frame_samples)
        self._measures: list[NDArray[np.float64]] = [np.empty((3, 0))]

    def push(self, piece: Piece) -> None:
        if len(self._bands) > 1:
            for frames in whole_frames(self._framer.push(piece), self._frame_samples):
                self._measures.append(noise_measures(frames, self._bands, self._signal_rms))

    def finish(self) -> bool:
        flatness, num_bands, level_db = np.concatenate(self._measures, axis=1)
        if len(level_db) < NOISE_MIN_FRAMES:
            return False
        low_db, high_db = np.percentile(level_db, [10, 90])
        return bool(
            np.median(flatness) > NOISE_MIN_FLATNESS
            and np.median(num_bands) > NOISE_MIN_BANDS
            and high_db - low_db < NOISE_MAX_SPREAD_DB
        )


class _ChannelClipping:
    """Runs of one channel at full scale, and at its own highest and lowest level."""

    def __init__(self, highest: np.float32, lowest: np.float32) -> None:
        self._tops = (_FlatTops(highest), _FlatTops(np.float32(-lowest)))
        self._full_scale = _RunLog()
        # What is beyond the ends of a channel is no neighbour: NaN compares with nothing.
        self._window = np.full(_NEIGHBOURS, np.nan, dtype=np.float32)
        self._position = 0

    def push(self, channel: NDArray[np.float32]) -> None:
        self._window = np.concatenate([self._window, channel])
        decided = len(self._window) - 2 * _NEIGHBOURS
        if decided > 0:
            self._decide(decided)

    def finish(self) -> tuple[int, int, int]:
        """Clipped samples, the longest run of them, and the number of flat tops."""
        self.push(np.full(_NEIGHBOURS, np.nan, dtype=np.float32))
        tops = [flat.finish() for flat in self._tops]
        starts, stops = _union([*tops, self._full_scale.merged()[:2]])
        lengths = stops - starts
        return int(lengths.sum()), int(lengths.max(initial=0)), sum(len(begin) for begin, _ in tops)

    def _decide(self, count: int) -> None:
        """Log the runs of `count` samples, whose neighbours on both sides are known by now."""
        inside = self._window[_NEIGHBOURS : _NEIGHBOURS + count]
        self._tops[0].push(self._window, count, self._position)
        self._tops[1].push(-self._window, count, self._position)
        starts, stops = runs_of((inside >= _FULL_SCALE) | (inside <= -_FULL_SCALE))
        self._full_scale.add(starts + self._position, stops + self._position, np.zeros((2, len(starts))))
        self._position += count
        self._window = self._window[count:].copy()


class _FlatTops:
    """Runs at the highest level of a channel, and how far it falls on either side of each."""

    def __init__(self, level: np.float32) -> None:
        self._level = level
        self._log = _RunLog()

    def push(self, window: NDArray[np.float32], count: int, position: int) -> None:
        """Log the runs among `count` samples of `window`, which has two neighbours more on either side."""
        if self._level <= 0:
            return
        inside = window[_NEIGHBOURS : _NEIGHBOURS + count]
        starts, stops = runs_of(inside >= self._level * np.float32(1 - FLAT_TOP_TOLERANCE))
        falls = np.stack(
            [self._fall(window[starts + 1], window[starts]), self._fall(window[stops + 2], window[stops + 3])]
        )
        self._log.add(starts + position, stops + position, falls)

    def _fall(self, near: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far the two samples beside a run lie under the level; NaN beyond the ends of the channel."""
        lowest = np.where(np.isnan(near), np.nan, np.fmin(near, far))
        return float(self._level) - lowest.astype(np.float64)

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Starts and stops; none where they look like the round top of a slow wave."""
        starts, stops, falls = self._log.merged()
        long = stops - starts >= FLAT_TOP_MIN_RUN
        # Where one side is beyond the end of the channel, the other alone counts.
        steps = np.fmin(*falls[:, long])
        steep = steps > FLAT_TOP_MIN_STEP * self._level
        # One sharp edge shows where the limit is; then every run at that level was cut off by it.
        return (starts[long], stops[long]) if steep.any() else (starts[:0], stops[:0])


class _RunLog:
    """Runs of samples, in order; those that a border between pieces had parted are one again."""

    def __init__(self) -> None:
        self._starts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._stops: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._falls: list[NDArray[np.float64]] = [np.empty((2, 0))]

    def add(self, starts: NDArray[np.int64], stops: NDArray[np.int64], falls: NDArray[np.float64]) -> None:
        """Add runs and, for each, how far the channel falls before and after it [shape=(2, runs)]."""
        if len(starts):
            self._starts.append(starts)
            self._stops.append(stops)
            self._falls.append(falls)

    def merged(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Starts, stops and falls of all runs."""
        starts, stops = np.concatenate(self._starts), np.concatenate(self._stops)
        falls = np.concatenate(self._falls, axis=1)
        begins = np.append(True, starts[1:] != stops[:-1])[: len(starts)]
        ends = np.append(begins[1:], True)[: len(starts)]
        return starts[begins], stops[ends], np.stack([falls[0, begins], falls[1, ends]])


def _union(runs: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and stops of the samples that lie in any of the runs; runs that touch are one."""
    starts = np.concatenate([begin for begin, _ in runs])
    stops = np.concatenate([end for _, end in runs])
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    begins = np.append(True, starts[1:] > reach[:-1])[: len(starts)]
    ends = np.append(begins[1:], True)[: len(starts)]
    return starts[begins], reach[ends]
