"""The corpus as one long strip of audio, out of which runs are cut and spliced.

All clips lie end to end, each between silence and padded to whole hops, so that frame f of the strip is centred on sample
f * hop. Runs of consecutive frames are taken *in time*, with all their phases, transients and noise, and joined by crossfades:
raised cosine, phase-aligned by the cross-correlation of the two sides, and levelled by it so that a join neither dips nor
bulges.

Where recordings are stereo, the strip has a second row: their side beside the mid. Lags and crossfades are those of the mid,
so a stereo splice has the very mid that the mono one is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.io import check_audio, resample
from small_dataset_audio.audio.joins import best_lag, level_crossfade
from small_dataset_audio.errors import InvalidAudioError

SILENT_FRAMES = 8
"""Before and after each clip: attacks are taken with the silence before them, and sounds can end."""


TUNING_UNIT = 4800
"""Samples, a tenth of a second: a run is resampled in blocks of it, which take a whole number of samples from the recording."""


@dataclass(frozen=True)
class Run:
    """Consecutive frames of the strip placed at consecutive target frames.

    Parameters
    ----------
    target_frame, source_frame, num_frames : int
    gain : float [linear]
    lag : int or None [samples]
        Shift that aligns the run with the one before it; None leaves it to be found where they are joined.
    tuning : int [1/4800]
        By how much faster and higher the run is played than it was recorded: 1 is 0.36 cents.
    """

    target_frame: int
    source_frame: int
    num_frames: int
    gain: float = 1.0
    lag: int | None = None
    tuning: int = 0


class CorpusSource:
    """Clips to be cut and spliced.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
    hop_length : int [samples]
    join_hops : int
        Length of a crossfade in hops.
    sides : sequence of (ndarray [shape=(samples,), float32, 48 kHz] or None), optional
        The side of each clip, None of one that is mono; without any, all are.

    Raises
    ------
    InvalidAudioError
        A clip or side with NaN or infinite samples, or a side that is not as long as its clip.
    """

    def __init__(
        self,
        clips: Sequence[NDArray[np.float32]],
        hop_length: int,
        join_hops: int,
        sides: Sequence[NDArray[np.float32] | None] = (),
    ) -> None:
        self._hop = hop_length
        self._join_hops = join_hops
        self._sides = _checked_sides(clips, sides)
        self._lengths = [len(clip) for clip in clips]
        hops = [-(-length // hop_length) for length in self._lengths]
        self.num_frames = np.array(hops, dtype=np.int64) + 2 * SILENT_FRAMES
        """Frames of each clip, the silence around it included."""
        # Filled in place: with an hour of clips there is no room for a second hour that is only on its way.
        self.samples = np.zeros(int(self.num_frames.sum()) * hop_length, dtype=np.float32)
        begins = (np.cumsum(self.num_frames) - self.num_frames + SILENT_FRAMES) * hop_length
        for number, (clip, begin) in enumerate(zip(clips, begins, strict=True)):
            checked = check_audio(clip, name=f"clips[{number}]", allow_empty=True)
            self.samples[begin : begin + len(clip)] = checked

    @cached_property
    def energy_before(self) -> NDArray[np.float64]:
        """Sum of squares before each frame, and of all [shape=(frames + 1,)]; found once, however many takes follow."""
        hops = self.samples.reshape(-1, self._hop)
        return np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", hops, hops, dtype=np.float64))])

    def recordings(self) -> list[NDArray[np.float32]]:
        """Return the clips as they were given [shape=(samples,) each], without a copy."""
        begins = (np.cumsum(self.num_frames) - self.num_frames + SILENT_FRAMES) * self._hop
        return [
            self.samples[begin : begin + length] for begin, length in zip(begins.tolist(), self._lengths, strict=True)
        ]

    def clips(self) -> Iterator[NDArray[np.float32]]:
        """Go through the clips with the silence around them [shape=(samples,), whole hops]."""
        for number in range(len(self.num_frames)):
            yield self.clip(number)

    def clip(self, number: int) -> NDArray[np.float32]:
        """Return one clip with the silence around it [shape=(samples,), whole hops]."""
        begin = int(self.num_frames[:number].sum()) * self._hop
        return self.samples[begin : begin + int(self.num_frames[number]) * self._hop]

    @cached_property
    def _side_samples(self) -> NDArray[np.float32] | None:
        """The strip's second row; None where no recording is stereo. Laid out when first heard: mono takes need none."""
        if not self._sides:
            return None
        row = np.zeros_like(self.samples)
        begins = (np.cumsum(self.num_frames) - self.num_frames + SILENT_FRAMES) * self._hop
        for begin, side in zip(begins.tolist(), self._sides, strict=True):
            if side is not None:
                row[begin : begin + len(side)] = side
        return row

    def splice(self, runs: Sequence[Run], num_samples: int, *, with_side: bool = False) -> NDArray[np.float32]:
        """Overlap-add the runs' own samples, crossfaded around the middle between the last frame and the next.

        Parameters
        ----------
        runs : sequence of Run
            One after the other, from target frame 0 on.
        num_samples : int
        with_side : bool
            Splice the side as well, by what the mid decides.

        Returns
        -------
        ndarray [shape=(num_samples,), float32; with the side (2, num_samples): mid, side]
        """
        join = self._join_hops * self._hop
        reach = join // 2
        length = num_samples + join + self._hop
        out = np.zeros((2, length) if with_side else length, dtype=np.float32)
        written = 0  # samples of `out` that hold the runs so far, their last fade not yet applied
        for number, run in enumerate(runs):
            begin = max(run.target_frame * self._hop - self._hop // 2 - reach, 0) if number else 0
            end = min((run.target_frame + run.num_frames) * self._hop - self._hop // 2 + reach, length)
            if begin >= end:
                continue
            if number == 0:
                out[..., begin:end] = self._take(run, begin, end - begin, with_side) * np.float32(run.gain)
            else:
                overlap = min(written, end) - begin
                tail = out[..., begin : begin + overlap].copy()
                if run.lag is None:
                    run = replace(run, lag=self._best_lag(np.atleast_2d(tail)[0], run, begin))
                piece = self._take(run, begin, end - begin, with_side) * np.float32(run.gain)
                out[..., begin + overlap : end] = piece[..., overlap:]
                out[..., begin : begin + overlap] = level_crossfade(tail, piece[..., :overlap])
            written = end
        return out[..., :num_samples]

    def find_lags(self, runs: Sequence[Run]) -> list[int]:
        """Align each run with the one before it, beforehand: a stretch spliced alone then is as in the whole.

        Parameters
        ----------
        runs : sequence of Run
            One after the other; each at least as long as a crossfade.

        Returns
        -------
        list of int [samples, one for each run; 0 for the first]
        """
        join = self._join_hops * self._hop
        lags = [0] if runs else []
        for before, run in itertools.pairwise(runs):
            begin = run.target_frame * self._hop - self._hop // 2 - join // 2
            tail = self._take(replace(before, lag=lags[-1]), begin, join, with_side=False)
            lags.append(self._best_lag(tail, run, begin))
        return lags

    def _best_lag(self, tail: NDArray[np.float32], run: Run, begin: int) -> int:
        """Shift of up to half a hop either way that aligns an incoming run with the outgoing samples at `begin`."""
        reach = self._hop // 2
        if len(tail) < self._hop:
            return 0
        return best_lag(tail, self._take(replace(run, lag=0), begin - reach, len(tail) + 2 * reach, with_side=False))

    def _take(self, run: Run, begin: int, num_samples: int, with_side: bool) -> NDArray[np.float32]:
        """Play a run at target sample `begin` [shape=(num_samples,), or with the side (2, num_samples)]."""
        anchor = run.source_frame * self._hop + (run.lag or 0)
        into = begin - run.target_frame * self._hop
        if not run.tuning:
            return self._copy(anchor + into, num_samples, with_side)
        # One block earlier and later: the resampler's own ends lie outside of what is heard.
        first = into // TUNING_UNIT - 1
        skipped = into - first * TUNING_UNIT
        blocks = -(-(skipped + num_samples) // TUNING_UNIT) + 1
        step = TUNING_UNIT + run.tuning
        recorded = self._copy(anchor + first * step, blocks * step, with_side)
        # A run that is played faster comes to the end of its recording early: there is silence, not the next one.
        low, high = self._bounds_around(run.source_frame)
        positions = anchor + first * step + np.arange(blocks * step)
        recorded[..., (positions < low) | (positions >= high)] = 0.0
        return resample(recorded, step, TUNING_UNIT)[..., skipped : skipped + num_samples]

    def _bounds_around(self, frame: int) -> tuple[int, int]:
        """First sample of the clip that a frame lies in, with the silence around it, and the first one after it."""
        ends = np.cumsum(self.num_frames)
        clip = min(int(np.searchsorted(ends, frame, side="right")), len(ends) - 1)
        return int(ends[clip] - self.num_frames[clip]) * self._hop, int(ends[clip]) * self._hop

    def _copy(self, position: int, num_samples: int, with_side: bool) -> NDArray[np.float32]:
        """Copy source samples [shape=(num_samples,), or with the side (2, num_samples)]."""
        mid = self._read(position, num_samples)
        if not with_side:
            return mid
        side = np.zeros_like(mid) if self._side_samples is None else _cut(self._side_samples, position, num_samples)
        return np.stack([mid, side])

    def _read(self, position: int, num_samples: int) -> NDArray[np.float32]:
        return _cut(self.samples, position, num_samples)


def _checked_sides(
    clips: Sequence[NDArray[np.float32]], sides: Sequence[NDArray[np.float32] | None]
) -> list[NDArray[np.float32] | None]:
    if sides and len(sides) != len(clips):
        raise InvalidAudioError(
            f"sides has {len(sides)} entries for {len(clips)} clips; give one for each, or none at all"
        )
    checked: list[NDArray[np.float32] | None] = []
    for number, (clip, side) in enumerate(zip(clips, sides, strict=False)):
        if side is not None:
            side = check_audio(side, name=f"sides[{number}]", allow_empty=True)
            if side.shape != (len(clip),):
                raise InvalidAudioError(f"sides[{number}] has shape {side.shape}; its clip has {len(clip)} samples")
        checked.append(side)
    return checked


def _cut(row: NDArray[np.float32], position: int, num_samples: int) -> NDArray[np.float32]:
    """Copy samples of a row; zeros outside."""
    out = np.zeros(num_samples, dtype=np.float32)
    first, last = max(position, 0), min(position + num_samples, len(row))
    if first < last:
        out[first - position : last - position] = row[first:last]
    return out


def runs_of(
    frames: NDArray[np.int64],
    gains: NDArray[np.float32] | None = None,
    lags: NDArray[np.int64] | None = None,
    tunings: NDArray[np.int64] | None = None,
) -> list[Run]:
    """Gather frames that follow one another, at one gain, lag and tuning, into runs.

    Parameters
    ----------
    frames : ndarray [shape=(n,), frame of the strip at each target frame]
    gains : ndarray [shape=(n,)], optional
        1 without.
    lags : ndarray [shape=(n,), samples], optional
        To be found where runs are joined, without.
    tunings : ndarray [shape=(n,), 1/4800], optional
        As recorded, without.
    """
    levels = np.ones(len(frames), dtype=np.float32) if gains is None else gains
    shifts = np.zeros(len(frames), dtype=np.int64) if lags is None else lags
    speeds = np.zeros(len(frames), dtype=np.int64) if tunings is None else tunings
    breaks = (np.diff(frames) != 1) | (np.diff(levels) != 0.0) | (np.diff(shifts) != 0) | (np.diff(speeds) != 0)
    bounds = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(frames)]
    return [
        Run(
            begin,
            int(frames[begin]),
            end - begin,
            float(levels[begin]),
            None if lags is None else int(lags[begin]),
            int(speeds[begin]),
        )
        for begin, end in itertools.pairwise(bounds)
        if end > begin
    ]
