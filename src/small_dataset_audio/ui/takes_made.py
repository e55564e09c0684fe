"""Takes that a browser had made, as Play shows them: one large, with what can be done with it, and the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from small_dataset_audio.ui import take_view
from small_dataset_audio.ui.html import button, notice, progress
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.shots_view import show_shots
from small_dataset_audio.ui.variations import amount_set, vary_row

if TYPE_CHECKING:
    from small_dataset_audio.ui.page import Studio

_SHOWN_JOBS: Final = 12
_BEFORE: Final = """
<section class="sd-card sd-hint"><h2>Nothing played yet</h2>
<p>Choose a model and press <b>Make takes</b>. They come one after the other, to be heard, seen and saved. A take that you like
can be made again from its seed, at any time, to the same bit.</p></section>
"""


def show_takes(studio: Studio, session: Session) -> str:
    """Takes of this browser, newest first; one of them large."""
    del studio
    jobs = session.queue.of_session(session.id, "take")[:_SHOWN_JOBS]
    if not jobs:
        return _BEFORE
    made = [(job_id, status, take) for job_id, status in jobs for take in reversed(status.news.get("takes", []))]
    look = session.recall("play").get("look")
    chosen = next((found for found in made if look == [found[0], found[2]["number"]]), made[0] if made else None)
    large = (
        "" if chosen is None else take_view.large_take(chosen[0], chosen[2], *_actions(session, chosen[0], chosen[2]))
    )
    rest = "".join(take_view.small_take(job_id, take) for job_id, _, take in made if chosen and take is not chosen[2])
    others = f'<h2>Other takes</h2><div class="sd-clips">{rest}</div>' if rest else ""
    return f"{_at_work(*jobs[0])}{large}{others}"


def show_single(studio: Studio, session: Session) -> str:
    """Single sounds that were cut out last."""
    del studio
    found = session.job("shots")
    return "" if found is None else show_shots(*found)


def _at_work(job_id: str, status: JobStatus) -> str:
    if status.state == "failed":
        return notice(status.message, "bad")
    if status.is_finished:
        return ""
    stop = button("Stop", "stop", kind="small", label="Stop making takes", job=job_id)
    bar = progress(status.progress, status.message or "waiting for its turn")
    return f'<section class="sd-card sd-working">{bar}{stop}</section>'


def _actions(session: Session, job_id: str, take: dict[str, Any]) -> tuple[str, str]:
    """Buttons beside a take, and the row to vary it."""
    number = str(take["number"])
    again = button(
        "Use its settings", "settings", kind="small", label="Use the settings of this take", job=job_id, number=number
    ) + button(
        "And its seed", "again", kind="small", label="Use settings and seed of this take", job=job_id, number=number
    )
    return again, vary_row(job_id, number, take["name"], amount_set(session))
