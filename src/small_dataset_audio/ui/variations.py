"""Variations of a take: asked for beside it, and made like any other take."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from small_dataset_audio.ui.html import button, esc
from small_dataset_audio.ui.play_settings import DEFAULT_COUNT, MAX_COUNT
from small_dataset_audio.ui.session import Session

KEY: Final = "amount"
DEFAULT_AMOUNT: Final = 0.2


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
