"""Pieces of the page that are no widgets. All that comes from a user or a file goes through :func:`esc`."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, Final

OUTLINE_COLUMNS: Final = 300
"""Width of the box that the outline of a take lies in."""

ON_CLICK: Final = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-act]');
  if (pressed && element.contains(pressed)) { trigger('click', {...pressed.dataset}); }
});
element.addEventListener('change', (event) => {
  const changed = event.target.closest('[data-change]');
  if (changed) {
    const value = changed.type === 'checkbox' ? String(changed.checked) : changed.value;
    trigger('click', {...changed.dataset, act: changed.dataset.change, value});
  }
});
element.addEventListener('studio', (event) => trigger('click', event.detail));
"""
"""Of every piece with buttons or inputs in it: what is pressed or changed is told to the program with its ``data-…``."""


def esc(value: object) -> str:
    """Text as HTML, in an attribute too."""
    return html.escape(str(value), quote=True)


def button(words: str, act: str, *, kind: str = "", label: str = "", pressed: bool | None = None, **data: str) -> str:
    """Button that tells the program `act`, with some values; one that is either pressed or not says which."""
    values = "".join(f' data-{name}="{esc(value)}"' for name, value in data.items())
    aria = f' aria-label="{esc(label)}"' if label else ""
    if pressed is not None:
        aria += f' aria-pressed="{str(pressed).lower()}"'
    return (
        f'<button type="button" class="sd-button {esc(kind)}" data-act="{esc(act)}"{values}{aria}>{esc(words)}</button>'
    )


def link(words: str, address: str, *, download: str = "", kind: str = "", title: str = "") -> str:
    """Something that looks like a button and fetches a file."""
    hint = f' title="{esc(title)}"' if title else ""
    return f'<a class="sd-button {esc(kind)}" href="{esc(address)}" download="{esc(download)}"{hint}>{esc(words)}</a>'


def sound(
    url: str,
    name: str,
    outline: str,
    columns: int,
    duration_s: float,
    *,
    picture: str = "",
    note: str = "",
    shown_s: float | None = None,
) -> str:
    """Sound to hear: a button, and an outline that shows where it is and can be pressed to go there.

    Parameters
    ----------
    url : str
        Of the sound.
    name : str
    outline : str
        Of :func:`~small_dataset_audio.plots.waveform_outline`.
    columns : int
        Width of its box.
    duration_s : float [s]
    picture : str
        Address of a spectrogram to lay under the outline; may be empty.
    note : str
        Quiet words behind the name.
    shown_s : float [s], optional
        How much of it the outline shows; all of it without.
    """
    shown = (
        f'<svg class="sd-wave" viewBox="0 -104 {columns} 208" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{esc(outline)}"/></svg>'
    )
    seen_s = duration_s if shown_s is None else shown_s
    under = f'<img class="sd-spectrum" src="{esc(picture)}" alt="Spectrogram of {esc(name)}">' if picture else ""
    return (
        f'<div class="sd-sound{" sd-large" if picture else ""}" data-src="{esc(url)}" data-name="{esc(name)}">'
        f'<button type="button" class="sd-play" aria-label="Play {esc(name)}" aria-pressed="false"></button>'
        f'<div class="sd-view" data-length="{seen_s:.4f}" data-whole="{duration_s:.4f}">{shown}{under}'
        '<i class="sd-at"></i></div>'
        f'<div class="sd-name"><span>{esc(name)}</span><small>{esc(note or clock(duration_s))}</small></div></div>'
    )


def clock(duration_s: float) -> str:
    """Say how long something is or takes."""
    if duration_s < 10.0:
        return f"{duration_s:.2f} s" if duration_s < 1.0 else f"{duration_s:.1f} s"
    if duration_s < 60.0:
        return f"{duration_s:.0f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def progress(share: float, words: str) -> str:
    """Bar with what is being done beside it."""
    percent = round(100 * min(1.0, max(0.0, share)))
    return (
        f'<div class="sd-progress" role="progressbar" aria-label="{esc(words or "progress")}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><b style="width:{percent}%"></b></div>'
        f'<p class="sd-quiet">{esc(words)}</p>'
    )


def notice(words: str, kind: str = "") -> str:
    """Words that stand apart: plain, ``warn`` or ``bad``."""
    return f'<div class="sd-notice {esc(kind)}" role="status">{esc(words)}</div>' if words else ""


def facts(pairs: Sequence[tuple[str, object]]) -> str:
    """Short list of properties."""
    rows = "".join(f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="sd-facts">{rows}</dl>'


def curve(points: Sequence[Sequence[float]], held_out: Sequence[Sequence[float]], total: float) -> str:
    """Error of a training over its steps, on a logarithmic scale, as far as it is.

    Parameters
    ----------
    points, held_out : sequence of (step, error)
    total : float
        Steps that are planned: the width of the picture.
    """
    known = [pair for pair in (*points, *held_out) if pair[1] > 0]
    if len(known) < 2:
        return '<div class="sd-curve sd-empty">the curve begins in a moment</div>'
    low = math.log(min(pair[1] for pair in known))
    high = max(math.log(max(pair[1] for pair in known)), low + 0.1)
    width = max(total, known[-1][0], 1.0)

    def place(pair: Sequence[float]) -> str:
        return f"{600 * pair[0] / width:.1f},{10 + 160 * (high - math.log(max(pair[1], 1e-9))) / (high - low):.1f}"

    trained = " ".join(place(pair) for pair in points)
    kept = " ".join(place(pair) for pair in held_out)
    dots = "".join('<circle cx="{}" cy="{}" r="3"/>'.format(*place(pair).split(",")) for pair in held_out)
    last: Any = points[-1][1] if points else held_out[-1][1]
    return (
        f'<figure class="sd-curve"><svg viewBox="0 0 600 180" preserveAspectRatio="none" role="img" '
        f'aria-label="Error over time, now {last:.3f}"><polyline class="a" points="{trained}"/>'
        f'<polyline class="b" points="{kept}"/><g class="b">{dots}</g></svg>'
        '<figcaption><i class="a"></i>recordings it learns from<i class="b"></i>recordings kept aside</figcaption></figure>'
    )
