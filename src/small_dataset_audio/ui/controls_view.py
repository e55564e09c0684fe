"""The sliders of a model: each with its range in its unit, and how the recordings lie in that.

One that changes over the take has two: what it begins with, and what it ends with.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from small_dataset_audio.controls.sliders import SLIDER_END
from small_dataset_audio.ui.html import button, esc, notice, progress
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.steering_state import Setting, ends_of, is_ramp

_WORDS: Final[Mapping[str, str]] = {
    "brightness": "darker to brighter",
    "warmth": "thinner to warmer",
    "roughness": "smoother to rougher",
    "noisiness": "more tone to more noise",
    "density": "fewer to more sounds",
    "pulse": "freer to steadier",
    "pitch": "lower to higher",
    "tension": "calmer to tenser harmony",
    "loudness": "quieter to louder",
    "attack": "softer to harder beginnings",
}
_BARS: Final = 40


def live_names(news: Mapping[str, Any]) -> list[str]:
    """Controls of a model that do what they say."""
    return [str(report["name"]) for report in news.get("controls") or [] if report["is_live"]]


def show_sliders(status: JobStatus, values: Mapping[str, Any]) -> str:
    """Sliders of a model, or how to get them.

    Parameters
    ----------
    status : JobStatus
        Of the work that tells what its controls do.
    values : mapping of str to float or curve
        What is set.
    """
    if status.state == "failed":
        return notice(status.message, "warn")
    if not status.is_finished:
        return progress(status.progress, status.message or "looking for its sliders") if status.message else ""
    reports = status.news.get("controls")
    if reports is None:
        return (
            '<div class="sd-nearest"><p class="sd-quiet">Brightness, density, pitch and more can be steered once it is '
            f"measured what they do in this model.</p><div>{button('Find its sliders', 'measure', kind='small')}</div></div>"
        )
    live = [report for report in reports if report["is_live"]]
    if not live:
        return '<p class="sd-quiet">Nothing can be steered in this model: its recordings are too much alike.</p>'
    rows = "".join(_slider(report, values.get(report["name"], 0.0)) for report in live)
    centre = button("All to the middle", "centre", kind="small")
    dead = [str(report["name"]) for report in reports if not report["is_live"]]
    without = (
        f'<p class="sd-quiet">No slider for {esc(", ".join(dead))}: in these recordings that does not change by itself.</p>'
        if dead
        else ""
    )
    return f'<fieldset class="sd-sliders"><legend>Steer</legend>{rows}<div>{centre}</div>{without}</fieldset>'


def _slider(report: Mapping[str, Any], setting: Setting) -> str:
    name, unit = str(report["name"]), str(report["unit"])
    title, words = name.capitalize(), _WORDS.get(name, "")
    low, neutral, high = float(report["low"]), float(report["neutral"]), float(report["high"])
    ends = ends_of(setting)
    if ends is None:
        alone = float(setting) if isinstance(setting, int | float) else 0.0
        said, inputs = f"{_in_unit(alone, low, neutral, high):.3g}", _input(name, alone, f"{title}: {words}")
    else:
        first, last = (f"{_in_unit(value, low, neutral, high):.3g}" for value in ends)
        said = f"{first} to {last}"
        inputs = (
            f'<label class="sd-end"><span>from</span>{_input(name, ends[0], f"{title} from, as it begins", "first")}</label>'
            f'<label class="sd-end"><span>to</span>{_input(name, ends[1], f"{title} to, as it ends", "last")}</label>'
        )
    # A curve stays what it is until a slider is moved, and then goes straight from one end to the other.
    told = f"{said} {unit}".strip() if ends is None or is_ramp(setting) else _curve(setting)
    changes = (
        f'<label class="sd-changes"><input type="checkbox" data-change="changing" data-name="{esc(name)}" '
        f'aria-label="{esc(title)} changes over the take"{" checked" if ends else ""}> changes over the take</label>'
    )
    return (
        f'<div class="sd-slider{" sd-ramp" if ends else ""}" role="group" aria-label="{esc(title)}">'
        f"<span><b>{esc(title)}</b> <i>{esc(words)}</i></span>"
        f"<output>{esc(told)}</output>{_distribution(report['corpus'], low, neutral, high)}{inputs}"
        f"<small><span>{low:.3g}</span><span>{neutral:.3g}</span><span>{high:.3g} {esc(unit)}</span></small>"
        f"{changes}</div>"
    )


def _input(name: str, value: float, label: str, end: str = "") -> str:
    which = f' data-end="{end}"' if end else ""
    return (
        f'<input type="range" min="{-SLIDER_END:g}" max="{SLIDER_END:g}" step="0.5" value="{value:g}" '
        f'aria-label="{esc(label)}" data-change="control" data-name="{esc(name)}"{which}>'
    )


def _in_unit(value: float, low: float, neutral: float, high: float) -> float:
    inside = min(SLIDER_END, max(-SLIDER_END, value))  # beyond its end a slider does what it does there
    return neutral + (high - neutral if inside > 0 else neutral - low) * inside / SLIDER_END


def _curve(setting: Setting) -> str:
    count = 1 if isinstance(setting, int | float) else len(setting)
    return f"a curve of {count} point{'' if count == 1 else 's'}"


def _distribution(quantiles: Sequence[float], low: float, neutral: float, high: float) -> str:
    """How often the recordings are where along a slider; between two quantiles lies the same share of them."""
    half = _BARS // 2
    # The middle of a slider is where takes are by themselves, wherever that lies between its ends.
    edges = [low + (neutral - low) * bar / half for bar in range(half)]
    edges += [neutral + (high - neutral) * bar / half for bar in range(half + 1)]
    heights = [0.0] * _BARS
    for first, second in itertools.pairwise(quantiles):
        span = max(second - first, 1e-9)
        for bar, (left, right) in enumerate(itertools.pairwise(edges)):
            heights[bar] += max(0.0, min(second, right) - max(first, left)) / span
    most = max(heights) or 1.0
    bars = "".join(
        f'<rect x="{bar}" y="{30 - 30 * height / most:.1f}" width="0.85" height="{30 * height / most:.1f}"/>'
        for bar, height in enumerate(heights)
    )
    return f'<svg class="sd-spread" viewBox="0 0 {_BARS} 30" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
