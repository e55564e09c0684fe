"""Variations of a take: asked for beside it, and made like any other take.

A take that was varied is made again from its seed and its variations. They are no widgets: they are kept for that seed, with
what else is set under Play, and the page says so. With another seed there is nothing that they would be variations of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from small_dataset_audio.ui.events import on, piece
from small_dataset_audio.ui.html import button, esc
from small_dataset_audio.ui.play_settings import DEFAULT_COUNT, MAX_COUNT, SETTINGS, VARIED
from small_dataset_audio.ui.refresh import Followed, Refresh
from small_dataset_audio.ui.session import Session

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

KEY: Final = "amount"
DEFAULT_AMOUNT: Final = 0.2


@dataclass(frozen=True)
class VariedLine:
    """What is said of variations that are kept, and the way to be rid of them."""

    line: gr.HTML

    @property
    def followed(self) -> Followed:
        """What follows the disk."""
        return Followed("play", self.line, show_varied)

    def connect(self, studio: Studio, refresh: Refresh) -> None:
        """Say what happens when."""

        def drop(request: gr.Request) -> None:
            keep_variations(studio.session(request), {}, "")

        refresh.after(on(self.line.click, drop, in_turn=SETTINGS))


def build() -> VariedLine:
    """Lay out the line."""
    return VariedLine(piece("varied"))


def keep_variations(session: Session, settings: Mapping[str, Any], seed: str) -> None:
    """Keep the variations of settings for the seed that comes with them; without one, or without any, nothing is kept."""
    variations = list(settings.get(VARIED) or [])
    kept = {"seed": seed, VARIED: variations} if seed and variations else {}
    session.remember("play", {**session.recall("play"), VARIED: kept})


def variations_of(session: Session, seed: object) -> list[Any]:
    """What is kept for a seed, as it stands in its field."""
    kept = session.recall("play").get(VARIED, {})
    return list(kept[VARIED]) if kept and kept["seed"] == str(seed or "").strip() else []


def show_varied(studio: Studio, session: Session) -> str:
    """Say what is kept, and for which seed."""
    del studio
    kept = session.recall("play").get(VARIED, {})
    if not kept:
        return ""
    amounts = ", then by ".join(f"{100 * amount:.0f} %" for amount, _ in kept[VARIED])
    drop = button("Drop the variation", "drop", kind="small")
    return (
        f'<div class="sd-row sd-varied"><p class="sd-quiet">With seed {esc(kept["seed"])}, takes are varied by '
        f"{esc(amounts)}, as the take was.</p>{drop}</div>"
    )


def amount_set(session: Session) -> float:
    """Share of a take's moments that a variation exchanges."""
    return float(session.recall("play").get(KEY, DEFAULT_AMOUNT))


def set_amount(session: Session, value: object) -> None:
    """Say how much is exchanged; what is no number changes nothing."""
    try:
        amount = float(str(value))
    except ValueError:
        return
    if math.isfinite(amount):
        session.remember("play", {**session.recall("play"), KEY: min(1.0, max(0.0, amount))})


def start_variations(session: Session, sidecar: Path) -> str:
    """Ask for as many variations of a take as takes are asked for; returns the job."""
    kept = session.recall("play")
    values = kept.get("values", {})
    session.remember("play", {**kept, "look": None})
    request = {
        "vary": str(sidecar),
        "amount": amount_set(session),
        "count": min(MAX_COUNT, max(1, int(values.get("count") or DEFAULT_COUNT))),
        "evaluate": bool(values.get("evaluate", True)),
        "device": str(values.get("device") or "auto"),
    }
    return session.start("take", request)


def vary_row(job_id: str, number: str, name: str, amount: float) -> str:
    """Slider and button to vary a take."""
    vary = button("Vary it", "vary", kind="small", label=f"Vary {name}", job=job_id, number=number)
    return (
        '<div class="sd-vary"><label class="sd-slider"><span><b>Vary</b> <i>its settings and course, some moments '
        f"exchanged</i></span><output>{100 * amount:.0f} %</output>"
        f'<input type="range" min="0" max="1" step="0.05" value="{amount:g}" aria-label="Share of {esc(name)} to exchange" '
        f'data-change="amount"></label>{vary}</div>'
    )
