"""What a walk through the corpus is: places in it, one step after another, in one voice or several.

A second voice goes beside the first through a stretch that sounds alike. What is heard is neither recording: in every band
the louder of the two. The vocoders do that (in the mel, or in the spectrum of the recordings themselves).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

_CONTEXT_STEPS: Final = 4  # 0.17 s to either side of a return


@dataclass(frozen=True)
class Walk:
    """A trajectory through latent space, kept as places in a table.

    Parameters
    ----------
    table : ndarray [shape=(rows, latent_dim), float32]
        Latents to choose from; those of a corpus, step by step, where `is_recorded`.
    rows : ndarray [shape=(voices, steps), int64]
        Which one each voice is at.
    path_lengths : ndarray [shape=(paths,), int64, rows of each recording, in the order of `table`]
    lead_steps : int
        Rows of silence that each recording's path begins with.
    displacement : ndarray [shape=(steps, latent_dim), float32], optional
        What is added to every voice.
    is_heard : ndarray [shape=(voices, steps), bool], optional
        Where a voice rests, its row is that of the first; without it all sound all the time.
    levels : ndarray [shape=(voices, steps), float32, 0 to 1, linear], optional
        How loud each step is played beside what is recorded there; at 0 the voice rests. What is decoded instead of played
        knows no levels.
    detuning : ndarray [shape=(voices, steps), float32, -2 to 2], optional
        By how much of what its recording bears each step is played higher or lower; the same all along a run.
    is_recorded : bool
        Whether rows are places in recordings, so that they can be played there.
    """

    table: NDArray[np.float32] = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    path_lengths: NDArray[np.int64] = field(repr=False)
    lead_steps: int = 0
    displacement: NDArray[np.float32] | None = field(default=None, repr=False)
    is_heard: NDArray[np.bool_] | None = field(default=None, repr=False)
    levels: NDArray[np.float32] | None = field(default=None, repr=False)
    detuning: NDArray[np.float32] | None = field(default=None, repr=False)
    is_recorded: bool = True

    @property
    def num_voices(self) -> int:
        """Voices that sound together."""
        return int(self.rows.shape[0])

    @property
    def can_be_played(self) -> bool:
        """Whether every step is a place in a recording, and nothing was moved away from it."""
        return self.is_recorded and self.displacement is None

    def latents(self, first: int, last: int) -> NDArray[np.float32]:
        """Gather steps `first` to `last` [shape=(voices, latent_dim, steps), float32]; fewer at the end of the walk."""
        gathered = self.table[self.rows[:, first:last]]
        if self.displacement is not None:
            gathered = gathered + self.displacement[first:last]
        return np.ascontiguousarray(gathered.transpose(0, 2, 1))


def returning_stretch(walk: Walk, num_steps: int, period_steps: int) -> Walk:
    """Cut the stretch out of a walk that comes back best to where it began.

    Every stretch is asked how far apart its first sounds and those `period_steps` later are, from before each to after it;
    what comes before a beginning is also what a loop leads into it with.

    Parameters
    ----------
    walk : Walk
        Longer than `num_steps`; the longer, the more there is to choose from.
    num_steps : int
        Of the stretch.
    period_steps : int
        From its beginning to its return.

    Returns
    -------
    Walk [of `num_steps`, or all there is]
    """
    total = walk.rows.shape[1]
    choices = total - max(num_steps, period_steps + _CONTEXT_STEPS)
    if choices <= 0 or period_steps <= 0:
        return walk
    latents = walk.latents(0, total)
    apart = ((latents[..., period_steps:] - latents[..., :-period_steps]) ** 2).sum(axis=(0, 1))
    around = np.convolve(apart, np.ones(2 * _CONTEXT_STEPS + 1), mode="same")
    first = int(around[_CONTEXT_STEPS : choices + 1].argmin()) + _CONTEXT_STEPS if choices >= _CONTEXT_STEPS else 0
    here = slice(first, first + num_steps)
    return replace(
        walk,
        rows=walk.rows[:, here],
        displacement=None if walk.displacement is None else walk.displacement[here],
        is_heard=None if walk.is_heard is None else walk.is_heard[:, here],
        levels=None if walk.levels is None else walk.levels[:, here],
        detuning=None if walk.detuning is None else walk.detuning[:, here],
    )
