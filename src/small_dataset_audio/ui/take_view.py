"""A take on the page: heard and seen, judged in words, and set beside the moment that it comes nearest to."""

from __future__ import annotations

from typing import Any, Final

from small_dataset_audio.ui import words
from small_dataset_audio.ui.html import OUTLINE_COLUMNS, button, clock, esc, link, notice, sound

_SMALL: Final = "small"


def large_take(job_id: str, take: dict[str, Any], actions: str, vary: str = "") -> str:
    """Take with its spectrogram, what is said of it, and what can be done with it."""
    number = take["number"]
    address = f"/studio/file/{job_id}"
    heard = sound(
        f"{address}/wav-{number}",
        take["name"],
        take["outline"],
        OUTLINE_COLUMNS,
        take["duration_s"],
        picture=f"{address}/picture-{number}",
        note=" · ".join(filter(None, (clock(take["duration_s"]), f"seed {take['seed']}", _from(take)))),
        shown_s=take.get("shown_s"),
    )
    save = link(
        f"Save the {take['file'].rpartition('.')[2].upper()}",
        f"{address}/wav-{number}?save=true",
        download=take["file"],
        kind="strong small",
    )
    recipe = link(
        "Save its recipe",
        f"{address}/json-{number}?save=true",
        download=f"{take['name']}.json",
        kind=_SMALL,
        title="From this file and the model, the same take can be made again",
    )
    warnings = "".join(notice(text, "warn") for text in take.get("warnings", []))
    return (
        f'<article class="sd-card sd-take" aria-label="Take {esc(take["name"])}">{heard}{judged(take)}{warnings}'
        f"{_nearest(job_id, take)}"
        f'<div class="sd-row">{save}{recipe}{actions}</div>{vary}</article>'
    )


def _from(take: dict[str, Any]) -> str:
    """What a take was made to be near to, and whether it is a variation."""
    near = " → ".join(take.get("near", []))
    return "; ".join(filter(None, (f"near {near}" if near else "", "a variation" if take.get("varied") else "")))


def small_take(job_id: str, take: dict[str, Any]) -> str:
    """Take that is not the one looked at."""
    heard = sound(
        f"/studio/file/{job_id}/wav-{take['number']}",
        take["name"],
        take["outline"],
        OUTLINE_COLUMNS,
        take["duration_s"],
    )
    look = button("Look", "look", kind=_SMALL, label=f"Look at {take['name']}", job=job_id, number=str(take["number"]))
    return f'<div class="sd-clip">{heard}<div class="sd-row sd-under">{badge(take["rating"])}{look}</div></div>'


def judged(take: dict[str, Any]) -> str:
    """Quality and novelty in words."""
    found = take.get("evaluation") or {}
    said = [
        take["reason"].removeprefix("clean: "),
        words.alike(found.get("similarity_percent")),
        words.copied(found.get("copied_share")),
        words.seam(take.get("loop")),
    ]
    return f'<p class="sd-judged">{badge(take["rating"])} {esc("; ".join(filter(None, said)))}</p>'


def badge(rating: str) -> str:
    """Rating as a word in its colour."""
    word, kind = words.RATINGS.get(rating, (rating, ""))
    return f'<span class="sd-badge {kind}">{esc(word)}</span>'


def _nearest(job_id: str, take: dict[str, Any]) -> str:
    nearest = take.get("nearest")
    if not nearest:
        return ""
    heard = sound(
        f"/studio/file/{job_id}/nearest-{take['number']}",
        nearest["file"],
        nearest["outline"],
        OUTLINE_COLUMNS,
        nearest["duration_s"],
        note=f"at {words.position(nearest['file_s'])}",
    )
    where = words.position(nearest["take_s"])
    go = (
        f'<button type="button" class="sd-button small" data-hear="/studio/file/{esc(job_id)}/wav-{take["number"]}" '
        f'data-from="{nearest["take_s"]:.3f}">Hear the take at {where}</button>'
    )
    return (
        '<div class="sd-nearest"><p class="sd-quiet">It comes nearest to this moment of your recordings:</p>'
        f'<div class="sd-row">{heard}{go}</div></div>'
    )
