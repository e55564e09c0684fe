"""Kits of the library on the page: rows to open, hear and save; and what lies in the bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from small_dataset_audio.library import TrashEntry
from small_dataset_audio.ui.history_view import when
from small_dataset_audio.ui.html import button, esc, link, sound
from small_dataset_audio.workflow import FoundKit

COLUMNS: Final = 160
"""Width of the box that the outline of a sound lies in."""

PAGE: Final = 20

_NOTHING: Final = """
<section class="sd-card sd-hint"><h2>No kit yet</h2>
<p>Under Play, <b>Make a sampler kit</b> lays single sounds on keys.</p></section>
"""


def rows(kits: Sequence[FoundKit], kept: Mapping[str, Any]) -> str:
    """Kits, newest first.

    Parameters
    ----------
    kits : sequence of FoundKit
    kept : mapping
        ``open``, the kit whose sounds are shown, with ``outlines`` of them; and ``limit``, how many kits are.
    """
    if not kits:
        return _NOTHING
    limit = int(kept.get("limit", PAGE))
    shown = "".join(_row(kit, kept.get("outlines", []) if kept.get("open") == kit.id else None) for kit in kits[:limit])
    more = button(f"Show more ({len(kits) - limit})", "more") if len(kits) > limit else ""
    return f'<div class="sd-history" role="list">{shown}</div>{more}'


def bin_of(entries: Sequence[TrashEntry]) -> str:
    """Kits that were put away, newest first."""
    if not entries:
        return ""
    return f'<section class="sd-card"><h3>Kits in the bin</h3>{"".join(map(_discarded, reversed(entries)))}</section>'


def _row(kit: FoundKit, outlines: Sequence[str] | None) -> str:
    count = len(kit.sounds)
    sounds = f"{count} sound{'' if count == 1 else 's'}"
    is_open = outlines is not None
    save = link("Save the kit", f"{_address(kit)}/zip", download=f"{kit.name}.zip", kind="small strong")
    hear = button("Its sounds", "open", kind="small", label=f"Sounds of {kit.name}", pressed=is_open, kit=kit.id)
    discard = button("Discard", "discard", kind="small", label=f"Discard {kit.name}", kit=kit.id)
    heard = "" if outlines is None else f'<div class="sd-clips">{_sounds(kit, outlines)}</div>'
    return (
        f'<div class="sd-card" role="listitem" aria-label="{esc(kit.name)}"><div class="sd-title">'
        f'<h2>{esc(kit.name)}</h2><div class="sd-row">{hear}{save}{discard}</div></div>'
        f"<p>{sounds} of {esc(kit.model_name)} "
        f'<span class="sd-quiet">{esc(when(kit.made_at))}</span></p>'
        f'<p class="sd-quiet">{esc(kit.folder)}</p>{heard}</div>'
    )


def _sounds(kit: FoundKit, outlines: Sequence[str]) -> str:
    pairs = zip(kit.sounds, [*outlines, *[""] * len(kit.sounds)], strict=False)
    return "".join(
        '<div class="sd-clip">'
        + sound(
            f"{_address(kit)}/{number}", f"Key {each.key}, sound {each.position}", outline, COLUMNS, each.duration_s
        )
        + "</div>"
        for number, (each, outline) in enumerate(pairs)
    )


def _discarded(entry: TrashEntry) -> str:
    back = button("Bring it back", "restore", kind="small", label=f"Bring {entry.name} back", kit=entry.id)
    moment = f'<span class="sd-quiet">discarded {esc(when(entry.deleted_at.isoformat()))}</span>'
    return f'<div class="sd-row"><span>{esc(entry.name)}</span>{moment}{back}</div>'


def _address(kit: FoundKit) -> str:
    return f"/studio/kit/{quote(kit.folder.parent.name)}/{quote(kit.name)}"
