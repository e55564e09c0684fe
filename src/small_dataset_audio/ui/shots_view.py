"""Single sounds on the page."""

from __future__ import annotations

from typing import Any, Final

from small_dataset_audio.ui.html import esc, link, notice, progress, sound
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.take_view import badge

_COLUMNS: Final = 160


def show_shots(job_id: str, status: JobStatus) -> str:
    """The single sounds that were cut last, or how far their search is."""
    if status.state == "failed":
        return notice(status.message, "bad")
    if not status.is_finished:
        bar = progress(status.progress, status.message or "waiting for its turn")
        return f'<section class="sd-card sd-working">{bar}</section>'
    notes = "".join(notice(words) for words in status.news.get("notes", []))
    if "kit" in status.news:
        return _kit(job_id, status.news, notes)
    shots = "".join(_shot(job_id, number, shot) for number, shot in enumerate(status.news.get("shots", [])))
    if not shots and not notes:
        return ""
    return f'<section class="sd-card"><h2>Single sounds</h2>{notes}<div class="sd-clips">{shots}</div></section>'


def _kit(job_id: str, news: dict[str, Any], notes: str) -> str:
    save = link("Save the kit", f"/studio/file/{job_id}/kit?save=true", download=news["kit"], kind="strong small")
    where = (
        f"{news['sounds']} sounds, each with its key, in SFZ: open the .sfz in your sampler. It stays in your Library."
    )
    return (
        f'<section class="sd-card"><div class="sd-title"><h2>Sampler kit</h2>{save}</div>{notes}'
        f'<p class="sd-quiet">{esc(where)}</p></section>'
    )


def _shot(job_id: str, number: int, shot: dict[str, Any]) -> str:
    address = f"/studio/file/{job_id}/shot-{number}"
    heard = sound(address, shot["name"], shot["outline"], _COLUMNS, shot["duration_s"])
    save = link("Save", f"{address}?save=true", download=shot["file"], kind="small")
    return f'<div class="sd-clip">{heard}<div class="sd-row sd-under">{badge(shot["rating"])}{save}</div></div>'
