"""What takes shall be near to, as a browser set it: recordings, places on the map, or what an earlier take was near to.

It is kept with what else is set under Play. No path is: a recording is known by the name that it was dropped under.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from small_dataset_audio.controls.map_places import clamped
from small_dataset_audio.controls.targets import MOST_TARGETS
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.ui.session import Session

KEY: Final = "near"
KINDS: Final = ("files", "places", "targets")
"""One of them at a time; of each, several are gone through one after the other."""


def near_set(session: Session) -> dict[str, Any]:
    """What is set: of one of :data:`KINDS` a list, and ``strength``."""
    return {"strength": GenerationConfig.near_strength, **session.recall("play").get(KEY, {})}


def add_files(session: Session, folder: str, names: Sequence[object]) -> None:
    """Go on to recordings that were dropped.

    Raises
    ------
    InvalidConfigError
        Too many.
    InvalidNameError
    """
    dropped = [[safe_folder_name(folder), safe_folder_name(str(name))] for name in names]
    there = [pair for pair in dropped if (session.corpus_folder(pair[0]) / pair[1]).is_file()]
    _set(session, "files", [*near_set(session).get("files", []), *there])


def set_place(session: Session, x: object, y: object, *, then: bool = False) -> None:
    """Be near to a place of the map, or go on to it from the last one; beyond the map its edge is meant.

    Raises
    ------
    InvalidConfigError
        No number, or too many places.
    """
    try:
        place = float(str(x)), float(str(y))
    except ValueError:
        place = math.nan, math.nan
    if not all(map(math.isfinite, place)):
        raise InvalidConfigError("the place is no place; write a number from -10 to 10 for x and for y")
    _set(session, "places", [*(near_set(session).get("places", []) if then else []), list(clamped(*place))])


def set_targets(session: Session, settings: Mapping[str, Any], model: str) -> None:
    """Be near to what a take of `model` was near to, which may be nothing."""
    strength = settings.get("near_strength", GenerationConfig.near_strength)
    _write(session, {"targets": list(settings.get("near") or []), "model": model, "strength": strength})


def set_strength(session: Session, value: object) -> None:
    """Say how near; what is no number changes nothing."""
    try:
        strength = float(str(value))
    except ValueError:
        return
    if math.isfinite(strength):
        _write(session, {**near_set(session), "strength": min(1.0, max(0.0, strength))})


def remove(session: Session, number: int) -> None:
    """Leave one out."""
    kept = near_set(session)
    _write(
        session,
        {**kept, **{kind: [*kept[kind][:number], *kept[kind][number + 1 :]] for kind in KINDS if kind in kept}},
    )


def names_of(kept: Mapping[str, Any]) -> list[str]:
    """What takes will be near to, in words."""
    return [
        *(name for _, name in kept.get("files", [])),
        *(f"{x:g}, {y:g}" for x, y in kept.get("places", [])),
        *(str(target["name"]) for target in kept.get("targets", [])),
    ]


def near_request(session: Session) -> dict[str, Any]:
    """What the worker is to be told: recordings by their paths; empty where nothing is set."""
    kept = near_set(session)
    if not names_of(kept):
        return {}
    files = [str(session.corpus_folder(folder) / name) for folder, name in kept.get("files", [])]
    return {KEY: {**kept, "files": files}}


def _set(session: Session, kind: str, values: list[Any]) -> None:
    if len(values) > MOST_TARGETS:
        raise InvalidConfigError(f"takes go near to {len(values)} things; at most {MOST_TARGETS} are gone through")
    _write(session, {kind: values, "strength": near_set(session)["strength"]})


def _write(session: Session, values: dict[str, Any]) -> None:
    session.remember("play", {**session.recall("play"), KEY: values})
