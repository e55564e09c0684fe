"""Which recordings training sees, and which are held out to measure it, whole files at a time.

The choice depends on nothing but the contents of the recordings and the seed: not on names, folders or order. So a resumed
training finds the same split, and renaming a file moves nothing between the sides.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from small_dataset_audio.corpus.records import Clip, Corpus
from small_dataset_audio.errors import InvalidConfigError

_SMALL_CORPUS: Final = 9
_MAX_HELD_OUT_DURATION: Final = 0.2
"""Share of the audio that may be held out: a corpus of one long and nine short files must not lose the long one."""


@dataclass(frozen=True)
class Split:
    """Indices into the clips, ascending; every clip is on exactly one side."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]


def split_by_file(clips: Corpus | Sequence[Clip] | Sequence[str], held_out_share: float = 0.1, seed: int = 0) -> Split:
    """Hold out about `held_out_share` of the recordings.

    One recording: nothing is held out. Two to nine: one. More: the rounded share, at least one. Recordings that would
    bring the held-out duration over a fifth of the whole are passed over; where that leaves none, the shortest is taken.

    Parameters
    ----------
    clips : Corpus, sequence of Clip, or sequence of str
        Strings are content hashes, all counted as equally long. Each recording may occur once.
    held_out_share : float [0 to 0.5]
        0 holds nothing out.
    seed : int

    Raises
    ------
    InvalidConfigError
        The share is outside its range, or a content hash occurs twice.
    """
    if not 0 <= held_out_share <= 0.5:
        raise InvalidConfigError(f"held_out_share is {held_out_share}; it must lie between 0 and 0.5")
    items = clips.clips if isinstance(clips, Corpus) else clips
    hashes = [item.content_hash if isinstance(item, Clip) else item for item in items]
    lengths = [len(item.audio) if isinstance(item, Clip) else 1 for item in items]
    if len(set(hashes)) < len(hashes):
        raise InvalidConfigError("a content hash occurs twice; pass each recording once")
    held_out = _choose(hashes, lengths, _number_held_out(len(hashes), held_out_share), seed)
    return Split(
        train=tuple(index for index in range(len(hashes)) if index not in held_out),
        held_out=tuple(sorted(held_out)),
    )


def _number_held_out(count: int, share: float) -> int:
    if count < 2 or share == 0:
        return 0
    if count <= _SMALL_CORPUS:
        return 1
    return max(1, math.floor(count * share + 0.5))


def _choose(hashes: Sequence[str], lengths: Sequence[int], number: int, seed: int) -> set[int]:
    order = sorted(range(len(hashes)), key=lambda index: hashlib.sha256(f"{seed}:{hashes[index]}".encode()).digest())
    room = _MAX_HELD_OUT_DURATION * sum(lengths)
    chosen: set[int] = set()
    for index in order:
        if len(chosen) == number:
            break
        if lengths[index] <= room:
            chosen.add(index)
            room -= lengths[index]
    if number and not chosen:
        chosen.add(min(order, key=lambda index: lengths[index]))
    return chosen
