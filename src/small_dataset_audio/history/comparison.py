"""Two takes side by side: the settings and figures in which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from small_dataset_audio.history.records import TakeRecord

_FIGURES: Final = (
    "model_name",
    "model_sha256",
    "duration_s",
    "channels",
    "rating",
    "reason",
    "similarity_percent",
    "copied_share",
    "stars",
    "note",
    "state",
)


@dataclass(frozen=True)
class Difference:
    """Something that two takes differ in: its name, and what each of them has; None where one does not have it."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True)
class TakeComparison:
    """Two takes side by side.

    Parameters
    ----------
    first, second : TakeRecord
    settings : tuple of Difference
        Of what was asked for, the seed among it.
    figures : tuple of Difference
        Of what came out, and of what the user makes of it.
    same_audio : bool
        Whether both are the same samples.
    """

    first: TakeRecord
    second: TakeRecord
    settings: tuple[Difference, ...]
    figures: tuple[Difference, ...]
    same_audio: bool


def compare_records(first: TakeRecord, second: TakeRecord) -> TakeComparison:
    """Say in what two takes differ."""
    before = {**first.settings, "seed": first.seed}
    after = {**second.settings, "seed": second.seed}
    names = [*before, *(name for name in after if name not in before)]
    return TakeComparison(
        first=first,
        second=second,
        settings=tuple(
            Difference(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
        ),
        figures=tuple(
            Difference(name, getattr(first, name), getattr(second, name))
            for name in _FIGURES
            if getattr(first, name) != getattr(second, name)
        ),
        same_audio=bool(first.audio_sha256) and first.audio_sha256 == second.audio_sha256,
    )
