"""Figures of a take in a musician's words. The figures themselves stay beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

RATINGS: Final[Mapping[str, tuple[str, str]]] = {
    "green": ("Clean", "good"),
    "yellow": ("Worth a listen", "warn"),
    "red": ("Faulty", "bad"),
}
"""Of each rating: a word, and the kind of badge that it goes into."""

_ALIKE: Final = (
    (85.0, "sounds just like your recordings"),
    (70.0, "sounds like your recordings"),
    (50.0, "loosely like your recordings"),
    (0.0, "far from your recordings"),
)
_COPIED: Final = (
    (0.30, "much of it repeats them as they are"),
    (0.10, "some stretches repeat them as they are"),
    (0.02, "a few moments repeat them as they are"),
    (0.0, "hardly a moment repeats them as they are"),
)


def alike(similarity_percent: float | None) -> str:
    """How like the corpus a take is; empty where that was not measured."""
    if similarity_percent is None:
        return ""
    words = next(words for least, words in _ALIKE if similarity_percent >= least or least == 0.0)
    return f"{words} ({similarity_percent:.0f} %)"


def copied(share: float | None) -> str:
    """How much of a take is copied; empty where that was not measured."""
    if share is None:
        return ""
    if share == 0.0:
        return "nothing repeats them as they are"
    words = next(words for least, words in _COPIED if share >= least)
    return f"{words} ({100 * share:.0f} %)" if share >= 0.01 else words


def seam(loop: Mapping[str, Any] | None) -> str:
    """How well a loop hides where it begins again; empty where a take is none."""
    if not loop:
        return ""
    percentile = float(loop.get("step_percentile", 0.0))
    return "loops without a seam to hear" if percentile < 95.0 else "loops; listen to the seam"


def position(seconds: float) -> str:
    """Where something is in a sound."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"
