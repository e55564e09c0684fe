"""What happened to a folder of recordings since a training of it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from small_dataset_audio.corpus import Clip
from small_dataset_audio.training.checkpoint_header import Recording

_NAMED: Final = 3


@dataclass(frozen=True)
class CorpusChanges:
    """Names of the recordings that differ; those that were only moved or renamed do not.

    Parameters
    ----------
    added, removed, changed : tuple of str
        Paths relative to the corpus folder. `changed` ones have their name from before and another content.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        kinds = (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        return ", ".join(f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds if names) or "none is known"


def changes_between(before: Sequence[Recording], clips: Sequence[Clip]) -> CorpusChanges:
    """Compare recordings by content, and name what differs."""
    hashes_before, hashes_now = {item.content_hash for item in before}, {clip.content_hash for clip in clips}
    gone = {item.name for item in before if item.content_hash not in hashes_now}
    new = {clip.name for clip in clips if clip.content_hash not in hashes_before}
    return CorpusChanges(tuple(sorted(new - gone)), tuple(sorted(gone - new)), tuple(sorted(new & gone)))


def _first(names: Sequence[str]) -> str:
    more = ["..."] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])
