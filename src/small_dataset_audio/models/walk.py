"""What a walk through the corpus is: places in it, one step after another, in one voice or several.

A second voice goes beside the first through a stretch that sounds alike. What is heard is neither recording: in every band
the louder of the two. The vocoders do that (in the mel, or in the spectrum of the recordings themselves).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


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
