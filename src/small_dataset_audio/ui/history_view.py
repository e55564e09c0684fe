"""Takes of the history on the page: rows to hear, mark, note and choose; and two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from small_dataset_audio.history import TakeComparison, TakeRecord
from small_dataset_audio.ui import words
from small_dataset_audio.ui.html import button, clock, esc, link
from small_dataset_audio.ui.take_view import badge

_NAMES: Final[Mapping[str, str]] = {
    "duration_s": "length (s)",
    "novelty": "how new",
    "temperature": "wander",
    "concat_mode": "movement",
    "stereo_mode": "stereo",
    "stereo_width": "width",
    "sample_rate": "sample rate",
    "bit_depth": "bit depth",
    "chunk_duration_s": "length of a moment (s)",
    "overlap_samples": "crossfade (samples)",
    "steps_between": "steps from moment to moment",
    "vocoder": "sound from",
    "model_name": "model",
    "similarity_percent": "like the recordings (%)",
    "copied_share": "repeats them (share)",
}
_UNSAID: Final = frozenset({"model_sha256", "reason", "max_duration_s"})


def rows(records: Sequence[TakeRecord], chosen: Mapping[str, int]) -> str:
    """Takes, newest first."""
    if not records:
        return '<section class="sd-card sd-hint"><h2>No takes here</h2><p>What is made under Play is listed here.</p></section>'
    return f'<div class="sd-history" role="list">{"".join(_row(record, chosen) for record in records)}</div>'


def title(record: TakeRecord) -> str:
    """What a take is called on the page."""
    return f"Take {record.id}"


def _row(record: TakeRecord, chosen: Mapping[str, int]) -> str:
    number, name = str(record.id), title(record)
    address = f"/studio/take/{number}"
    if record.is_missing:
        where = "in the bin" if record.state == "discarded" else "not where it was"
        heard = f'<div class="sd-name"><span>{esc(name)}</span><small>{where}</small></div>'
        save = ""
    else:
        heard = _sound(record, name, f"{address}/thumbnail", "")
        save = link("Save", f"{address}/sound?save=true", download=record.audio_path.name, kind="small")
    marks = "".join(
        button(
            words_,
            "mark",
            kind="small",
            label=f"{words_} {name}",
            pressed=record.state == state,
            number=number,
            state=state,
        )
        for words_, state in (("Keep", "kept"), ("Discard", "discarded"))
    )
    sides = "".join(
        button(
            side.upper(),
            "side",
            kind="small",
            label=f"Compare {name} as {side.upper()}",
            pressed=chosen.get(side) == record.id,
            number=number,
            side=side,
        )
        for side in ("a", "b")
    )
    stars = "".join(
        button(
            "★" if record.stars >= count else "☆",
            "stars",
            kind="star",
            label=f"{count} of 5 stars for {name}",
            pressed=record.stars == count,
            number=number,
            stars=str(count),
        )
        for count in range(1, 6)
    )
    said = "; ".join(filter(None, (words.alike(record.similarity_percent), words.copied(record.copied_share))))
    note = (
        f'<input class="sd-note" type="text" maxlength="2000" placeholder="Note" aria-label="Note on {esc(name)}" '
        f'data-change="note" data-number="{number}" value="{esc(record.note)}">'
    )
    more = button("Use its settings", "settings", kind="small", label=f"Use the settings of {name}", number=number)
    vary = button("Vary it", "vary", kind="small", label=f"Vary {name}", number=number)
    again = button("Make it again", "rerender", kind="small", label=f"Make {name} again", number=number)
    return (
        f'<div class="sd-row-take {esc(record.state)}" role="listitem" aria-label="{esc(name)}">'
        f'<div class="sd-left">{heard}</div>'
        f'<div class="sd-middle"><p>{badge(record.rating)} {esc(record.model_name)} '
        f'<span class="sd-quiet">{esc(when(record.made_at))} · seed {record.seed}</span></p>'
        f'<p class="sd-quiet">{esc(said or record.reason)}</p>'
        f'<div class="sd-noted"><div class="sd-stars" role="group" aria-label="Stars for {esc(name)}">{stars}</div>'
        f"{note}</div></div>"
        f'<div class="sd-right"><div class="sd-row">{marks}{sides}</div>'
        f'<div class="sd-row">{save}{more}{vary}{again}</div></div>'
        "</div>"
    )


def _sound(record: TakeRecord, name: str, picture: str, kind: str) -> str:
    return (
        f'<div class="sd-sound {kind}" data-src="/studio/take/{record.id}/sound" data-name="{esc(name)}">'
        f'<button type="button" class="sd-play" aria-label="Play {esc(name)}" aria-pressed="false"></button>'
        f'<div class="sd-view" data-length="{min(60.0, record.duration_s):.4f}" data-whole="{record.duration_s:.4f}">'
        f'<img class="sd-spectrum" loading="lazy" src="{esc(picture)}" alt="Spectrogram of {esc(name)}">'
        '<i class="sd-at"></i></div>'
        f'<div class="sd-name"><span>{esc(name)}</span><small>{esc(clock(record.duration_s))}</small></div></div>'
    )


def comparison(found: TakeComparison) -> str:
    """Two takes side by side, to switch between at the same moment, and what differs."""
    sides = "".join(
        f'<div class="sd-side"><h3>{letter}</h3>'
        f"{_sound(record, title(record), f'/studio/take/{record.id}/picture', 'sd-large')}</div>"
        for letter, record in (("A", found.first), ("B", found.second))
    )
    differences = [each for each in (*found.settings, *found.figures) if each.name not in _UNSAID]
    table = "".join(
        f'<tr><th scope="row">{esc(_NAMES.get(each.name, each.name.replace("_", " ")))}</th>'
        f"<td>{esc(_value(each.first))}</td><td>{esc(_value(each.second))}</td></tr>"
        for each in differences
    )
    head = '<thead><tr><td></td><th scope="col">A</th><th scope="col">B</th></tr></thead>'
    told = (
        "<p>These are the same samples.</p>"
        if found.same_audio
        else f'<table class="sd-table">{head}<tbody>{table}</tbody></table>'
    )
    switch = '<button type="button" class="sd-button strong" data-switch>Switch between A and B</button>'
    return (
        f'<section class="sd-card sd-ab" aria-label="Comparison"><div class="sd-title"><h2>A and B</h2><div class="sd-row">'
        f"{switch}{button('Close', 'close', kind='small', label='Close the comparison')}</div></div>"
        f'<div class="sd-sides">{sides}</div>{told}</section>'
    )


def when(moment: str) -> str:
    """Say when something was made, as the clock of this machine has it."""
    try:
        made = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).astimezone().strftime("%d %b %Y, %H:%M")


def _value(value: Any) -> str:  # noqa: ANN401 - whatever a sidecar may hold
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
