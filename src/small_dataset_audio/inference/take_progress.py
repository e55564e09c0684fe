"""How far a take is: its rehearsals and what is rendered of it, told as seconds of the take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.pieces import Piece

OnProgress: TypeAlias = Callable[[float, float], None]
"""Called with how far it is and how far it goes, in seconds of the take."""


class TakeProgress:
    """Tells the progress of one take.

    Every rehearsal takes as long as the take itself; where fewer are needed than there may be, what is left goes quicker.

    Parameters
    ----------
    num_samples : int
        Of the take, at 48 kHz.
    tell : callable, optional
    """

    def __init__(self, num_samples: int, tell: OnProgress | None) -> None:
        self._num_samples = num_samples
        self._tell = tell
        self._rehearsed = 0.0

    def rehearsed(self, done: int, most: int) -> None:
        """Tell of one rehearsal more, of `most`."""
        self._rehearsed = done / (most + 1)
        self._say(self._rehearsed)

    def of(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Pass on the pieces of the take; what is done with one is over before it is told."""
        done = 0
        for piece in pieces:
            done += piece.shape[1]
            yield piece
            self._say(self._rehearsed + (1.0 - self._rehearsed) * done / self._num_samples)

    def _say(self, share: float) -> None:
        if self._tell is not None:
            whole_s = self._num_samples / SAMPLE_RATE
            self._tell(whole_s * share, whole_s)
