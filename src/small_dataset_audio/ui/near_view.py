"""What takes shall be near to, on the page: recordings to drop, a map to press, and the way that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from small_dataset_audio.ui.html import button, esc, notice, progress
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.near_state import names_of

_DROP: Final = """
<div class="sd-nearest" data-drop="near" role="group" aria-label="Recordings to be like">
<p class="sd-quiet">Drop a recording here, and takes are like it; drop two or more, and takes go from one to the next.
They need not be yours: what is heard is yours.</p>
<div class="sd-row"><button type="button" class="sd-button small" data-pick="files">Choose recordings to be like</button></div>
<p class="sd-quiet" data-drop-news role="status" aria-live="polite"></p></div>
"""


def show_near(kept: Mapping[str, Any], drawn: tuple[str, JobStatus] | None) -> str:
    """Show what is set, and how to set it.

    Parameters
    ----------
    kept : mapping
        See :func:`~small_dataset_audio.ui.near_state.near_set`.
    drawn : (str, JobStatus), optional
        Work that draws the map of the model that is chosen.
    """
    return f'<div class="sd-near">{_way(kept)}{_DROP}{_map(kept.get("places", []), drawn)}</div>'


def _way(kept: Mapping[str, Any]) -> str:
    names = names_of(kept)
    if not names:
        return ""
    rows = "".join(
        f"<li><span>{esc(name)}</span>"
        f"{button('Remove', 'remove', kind='small', label=f'Be near to {name} no more', number=str(number))}</li>"
        for number, name in enumerate(names)
    )
    strength = float(kept["strength"])
    slider = (
        f'<label class="sd-slider"><span><b>Strength</b> <i>0 is as without</i></span><output>{strength:.2g}</output>'
        f'<input type="range" min="0" max="1" step="0.05" value="{strength:g}" aria-label="How near" '
        'data-change="strength"></label>'
    )
    return f'<ol class="sd-way" aria-label="Takes go near to">{rows}</ol>{slider}'


def _map(places: Sequence[Sequence[float]], drawn: tuple[str, JobStatus] | None) -> str:
    if drawn is None:
        return f"<div>{button('Show the map', 'map', kind='small')}</div>"
    job_id, status = drawn
    if status.state == "failed":
        return notice(status.message, "bad") + f"<div>{button('Show the map', 'map', kind='small')}</div>"
    if "map" not in status.files:
        return progress(status.progress, status.message or "waiting for its turn")
    frame, limit = status.news["frame"], float(status.news["limit"])
    marks = "".join(_mark(place, frame, limit, str(number)) for number, place in enumerate(places, 1))
    x, y = places[-1] if places else (0.0, 0.0)
    buttons = button("Near this place", "place", kind="small strong", x=f"{x:g}", y=f"{y:g}")
    if places:
        buttons += button("Then on to this one", "then", kind="small", x=f"{x:g}", y=f"{y:g}")
    return (
        '<div class="sd-mapped" role="group" aria-label="Map of the recordings">'
        '<p class="sd-quiet">Each dot is a moment of a recording; alike ones are close. Press a place, or write it.</p>'
        f'<div class="sd-map" data-map="{",".join(f"{share:g}" for share in frame)}" data-limit="{limit:g}">'
        f'<img src="/studio/file/{esc(job_id)}/map" alt="Map of the recordings of {esc(status.news["model"])}">'
        f'{marks}<i class="sd-pressed" hidden></i></div><div class="sd-row">'
        f"{_coordinate('x', x)}{_coordinate('y', y)}{buttons}</div></div>"
    )


def _mark(place: Sequence[float], frame: Sequence[float], limit: float, words: str) -> str:
    left = 100 * (frame[0] + frame[2] * (place[0] + limit) / (2 * limit))
    bottom = 100 * (frame[1] + frame[3] * (place[1] + limit) / (2 * limit))
    return f'<b style="left:{left:.2f}%;bottom:{bottom:.2f}%" aria-hidden="true">{esc(words)}</b>'


def _coordinate(axis: str, value: float) -> str:
    return (
        f'<label class="sd-coordinate">{axis} <input type="number" min="-10" max="10" step="0.1" value="{value:g}" '
        f'aria-label="{axis} on the map" data-coordinate="{axis}"></label>'
    )
