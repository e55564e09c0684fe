"""One sound cut out of a take, the same bits every time: its place, its fades, and a loop where it sustains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.joins import level_crossfade, rise
from small_dataset_audio.errors import SidecarError
from small_dataset_audio.inference.sampler_chunk import MIDDLE_C, Loop, SamplerNotes
from small_dataset_audio.inference.stereo import peak_normalize
from small_dataset_audio.names import quoted


@dataclass(frozen=True)
class Cut:
    """Where a sound lies in its take [all in samples of the take].

    Parameters
    ----------
    first, num_samples : int
    fade_in, fade_out : int
        Raised cosines at its two ends.
    loop_first, loop_last : int or None [from `first`, both are played]
        What a sampler plays over and over while a key is held.
    loop_fade : int
        So many samples before `loop_last` turn into those before `loop_first`.
    root_key : int or None [0 to 127, MIDI note]
        Its pitch, where that is clear.
    root_cents : int [0 to 99]
        How much over `root_key` it is.
    """

    first: int
    num_samples: int
    fade_in: int
    fade_out: int
    loop_first: int | None = None
    loop_last: int | None = None
    loop_fade: int = 0
    root_key: int | None = None
    root_cents: int = 0

    def to_json(self) -> dict[str, Any]:
        """All fields, as a sidecar has them."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, values: object, take_samples: int) -> Cut:
        """Read a cut from a sidecar and check that it lies in a take of so many samples.

        Raises
        ------
        SidecarError
            A field is missing, unknown, no whole number, or out of range.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or set(values) - set(names) or set(names[:4]) - set(values):
            raise SidecarError(f"one_shot is {quoted(values)}; it must hold {', '.join(names[:4])} and nothing unknown")
        for name, value in values.items():
            optional = name in {"loop_first", "loop_last", "root_key"} and value is None
            if not optional and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                raise SidecarError(f"one_shot.{name} is {quoted(value)}; it must be a whole number, 0 or more")
        cut = cls(**values)
        inside = cut.num_samples >= 1 and cut.first + cut.num_samples <= take_samples
        if not inside or max(cut.fade_in, cut.fade_out) > cut.num_samples:
            raise SidecarError(f"one_shot is {quoted(values)}; it must lie inside its take of {take_samples} samples")
        if (cut.loop_first is None) != (cut.loop_last is None):
            raise SidecarError("one_shot has one end of a loop; it must have both or none")
        if cut.loop_first is not None and cut.loop_last is not None:
            length = cut.loop_last - cut.loop_first + 1
            if not (length > 0 and cut.loop_last < cut.num_samples and cut.loop_fade <= min(length, cut.loop_first)):
                raise SidecarError(f"one_shot is {quoted(values)}; its loop must lie inside it, after a fade's length")
        if (cut.root_key or 0) > 127 or cut.root_cents > 99:
            raise SidecarError(f"one_shot is {quoted(values)}; root_key must be at most 127, root_cents at most 99")
        return cut

    @property
    def sampler_notes(self) -> SamplerNotes | None:
        """What its WAV says to a sampler; None where there is nothing to say."""
        loop = None
        if self.loop_first is not None and self.loop_last is not None:
            loop = Loop(self.loop_first, self.loop_last)
        if loop is None and self.root_key is None:
            return None
        return SamplerNotes(loop, MIDDLE_C if self.root_key is None else self.root_key, float(self.root_cents))

    def apply(self, take: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut, fade, close the loop and bring the peak to -1 dBFS.

        Parameters
        ----------
        take : ndarray [shape=(samples,) or (2, samples), float32]

        Returns
        -------
        ndarray [shape=(num_samples,) or (2, num_samples), float32]
        """
        sound = np.atleast_2d(take)[:, self.first : self.first + self.num_samples].copy()
        sound[:, : self.fade_in] *= rise(self.fade_in)
        sound[:, self.num_samples - self.fade_out :] *= rise(self.fade_out)[::-1]
        if self.loop_first is not None and self.loop_last is not None and self.loop_fade:
            tail = slice(self.loop_last + 1 - self.loop_fade, self.loop_last + 1)
            head = slice(self.loop_first - self.loop_fade, self.loop_first)
            sound[:, tail] = level_crossfade(sound[:, tail], sound[:, head])
        scaled = peak_normalize(sound)
        return scaled if take.ndim > 1 else scaled[0]
