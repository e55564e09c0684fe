"""A walk that keeps to the recordings is played from them: nothing has to be searched for.

Each step of such a walk *is* a place in a recording. Its samples are taken from there, run by run. Where several voices go
side by side, each run of a further voice is made as loud as the run of the first beside it, within a limit: otherwise the
louder stroke would be heard alone, as it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.models.vocoder.corpus_source import SILENT_FRAMES, TUNING_UNIT, CorpusSource, Run, runs_of
from small_dataset_audio.models.walk import Walk

_SILENT_POWER = 1e-12


@dataclass(frozen=True)
class CorpusPath:
    """Where in the corpus each voice is, frame by frame.

    Parameters
    ----------
    frames : ndarray [shape=(voices, steps), int64, first frame of each step in the strip of recordings]
    gains : ndarray [shape=(voices, steps), float32, linear]
    lags : ndarray [shape=(voices, steps), int64, samples that align a run with the one before it]
    tunings : ndarray [shape=(voices, steps), int64, see `Run.tuning`]
    frames_per_step : int
    levels : ndarray [shape=(voices, steps), float32, 0 to 1], optional
        How loud each voice is in the middle of each step, straight lines between; voices are then summed, not blended.
    """

    frames: NDArray[np.int64] = field(repr=False)
    gains: NDArray[np.float32] = field(repr=False)
    lags: NDArray[np.int64] = field(repr=False)
    tunings: NDArray[np.int64] = field(repr=False)
    frames_per_step: int
    levels: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def num_voices(self) -> int:
        """Voices that sound together."""
        return len(self.frames)

    @cached_property
    def _begins(self) -> NDArray[np.int64]:
        """Step at which the run begins that each step belongs to [shape=(voices, steps)]."""
        goes_on = np.diff(self.frames) == self.frames_per_step
        for values in (self.gains, self.lags, self.tunings):
            goes_on &= np.diff(values) == 0
        steps = np.arange(self.frames.shape[1])
        begins = np.where(np.pad(goes_on, ((0, 0), (1, 0))), 0, steps)
        return np.maximum.accumulate(begins, axis=1)

    def runs(self, voice: int, first: int, last: int) -> list[Run]:
        """Gather what a voice plays from step `first` to `last`; nothing where it rests all the time.

        The first of them may begin earlier, at a target frame under 0: how a run is tuned is counted from its beginning.
        """
        if not self.gains[voice, first:last].any():
            return []
        runs = _runs_along(
            self.frames[voice, first:last],
            self.gains[voice, first:last],
            self.lags[voice, first:last],
            self.tunings[voice, first:last],
            self.frames_per_step,
        )
        earlier = (first - int(self._begins[voice, first])) * self.frames_per_step
        begun = runs[0]
        runs[0] = replace(
            begun,
            target_frame=begun.target_frame - earlier,
            source_frame=begun.source_frame - earlier,
            num_frames=begun.num_frames + earlier,
        )
        return runs

    def envelope(self, voice: int, first: int, num_samples: int, step_samples: int) -> NDArray[np.float32]:
        """Say how loud a voice is at each sample from step `first` on [shape=(num_samples,)]; 1 without levels."""
        if self.levels is None:
            return np.ones(num_samples, dtype=np.float32)
        steps = first + np.arange(num_samples) / step_samples - 0.5
        levels = np.interp(steps, np.arange(self.levels.shape[1]), self.levels[voice])
        return np.asarray(levels, dtype=np.float32)

    def sounding_runs(self, first: int, last: int) -> list[list[Run]]:
        """Gather what every voice plays there; those that rest all the time are left out."""
        voices = (self.runs(voice, first, last) for voice in range(self.num_voices))
        return [runs for runs in voices if runs]


def _runs_along(
    frames: NDArray[np.int64],
    gains: NDArray[np.float32],
    lags: NDArray[np.int64] | None,
    tunings: NDArray[np.int64],
    frames_per_step: int,
) -> list[Run]:
    """Gather the runs of one voice, given the first frame of each step and what holds for all frames of the step."""
    return runs_of(
        (frames[:, None] + np.arange(frames_per_step)).ravel(),
        np.repeat(gains, frames_per_step),
        None if lags is None else np.repeat(lags, frames_per_step),
        np.repeat(tunings, frames_per_step),
    )


def place_in_corpus(
    walk: Walk,
    source: CorpusSource,
    hop_length: int,
    frames_per_step: int,
    match_db: float,
    tolerable_cents: Callable[[int], float],
) -> CorpusPath:
    """Find the places of a walk's steps in the recordings, and how loud each voice shall be there.

    Parameters
    ----------
    walk : Walk
        One that can be played.
    source : CorpusSource
        Its clips in the order of the walk's paths.
    hop_length : int [samples]
    frames_per_step : int
    match_db : float [dB]
        How far a further voice is raised or lowered.
    tolerable_cents : callable
        Says by how much a recording, given its number, may be detuned.

    Returns
    -------
    CorpusPath
    """
    path_starts = np.cumsum(walk.path_lengths) - walk.path_lengths
    clip_starts = np.cumsum(source.num_frames) - source.num_frames
    path = np.repeat(np.arange(len(walk.path_lengths)), walk.path_lengths)[walk.rows]
    step_of_clip = walk.rows - path_starts[path] - walk.lead_steps
    frames = clip_starts[path] + SILENT_FRAMES + step_of_clip * frames_per_step
    power = _power_from(source, hop_length, frames, frames_per_step)
    gains = _gains(walk, power, match_db)
    tunings = np.zeros_like(frames)
    if walk.detuning is not None:
        visited, where = np.unique(path, return_inverse=True)
        bears = np.array([tolerable_cents(int(clip)) for clip in visited])[where].reshape(path.shape)
        tunings = np.where(gains == 0.0, 0, _tunings(walk.detuning * bears))
    lags = np.stack([_lags(source, *voice, frames_per_step) for voice in zip(frames, gains, tunings, strict=True)])
    return CorpusPath(frames, gains, lags, tunings, frames_per_step, walk.levels)


def _tunings(cents: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint((2.0 ** (cents / 1200.0) - 1.0) * TUNING_UNIT).astype(np.int64)


def _lags(
    source: CorpusSource,
    frames: NDArray[np.int64],
    gains: NDArray[np.float32],
    tunings: NDArray[np.int64],
    frames_per_step: int,
) -> NDArray[np.int64]:
    runs = _runs_along(frames, gains, None, tunings, frames_per_step)
    per_frame = np.repeat(source.find_lags(runs), [run.num_frames for run in runs])
    lags: NDArray[np.int64] = per_frame[::frames_per_step].astype(np.int64)
    return lags


def _power_from(
    source: CorpusSource, hop_length: int, frames: NDArray[np.int64], num_frames: int
) -> NDArray[np.float64]:
    """Mean square of the frames from each given one on."""
    energy = source.energy_before
    first, last = np.clip(frames, 0, len(energy) - 1), np.clip(frames + num_frames, 0, len(energy) - 1)
    power: NDArray[np.float64] = np.maximum(energy[last] - energy[first], 0.0) / (num_frames * hop_length)
    return power


def _gains(walk: Walk, power: NDArray[np.float64], match_db: float) -> NDArray[np.float32]:
    """Make each run of a further voice as loud as the first voice is meanwhile; one gain for a run, within the limit."""
    if walk.levels is not None:
        return (walk.levels > 0.0).astype(np.float32)
    limit = 10.0 ** (match_db / 20.0)
    gains = np.ones(walk.rows.shape, dtype=np.float32)
    for voice in range(1, walk.num_voices):
        begins = np.concatenate([[0], np.flatnonzero(np.diff(walk.rows[voice]) != 1) + 1])
        wanted = np.add.reduceat(power[0], begins) + _SILENT_POWER
        given = np.add.reduceat(power[voice], begins) + _SILENT_POWER
        of_runs = np.clip(np.sqrt(wanted / given), 1.0 / limit, limit)
        gains[voice] = np.repeat(of_runs, np.diff([*begins, walk.rows.shape[1]]))
    return gains if walk.is_heard is None else np.where(walk.is_heard, gains, np.float32(0.0))
