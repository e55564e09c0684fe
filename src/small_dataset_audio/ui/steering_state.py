"""What the sliders of a model are set to, as a browser set them: of each control a number, two numbers, or a curve.

They are kept with what else is set under Play, by name of control, as :class:`GenerationConfig` has them. Two numbers are a
ramp: from the first at the beginning of the take to the second at its end. Curves of other points come with presets and takes
alone, and stay as they are until their slider is moved. What is not named is not steered, which is the middle of every slider.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from small_dataset_audio.controls.sliders import SLIDER_END, UNITS
from small_dataset_audio.ui.play_settings import STEERED
from small_dataset_audio.ui.session import Session

Setting: TypeAlias = float | Sequence[Sequence[float]]

_SHARES: Final = (0.0, 1.0)


def ends_of(setting: Setting) -> tuple[float, float] | None:
    """First and last value of a setting that changes over the take; None of one that is a number."""
    if isinstance(setting, int | float):
        return None
    return float(setting[0][1]), float(setting[-1][1])


def is_ramp(setting: Setting) -> bool:
    """Whether a setting is two numbers: one for the beginning, one for the end."""
    return not isinstance(setting, int | float) and tuple(point[0] for point in setting) == _SHARES


def settings_kept(session: Session) -> dict[str, Any]:
    """All that is set, by name of control."""
    return dict(session.recall("play").get(STEERED, {}))


def keep_settings(session: Session, controls: Mapping[str, Any] | None) -> None:
    """Set all sliders at once, as a preset or a take has them."""
    session.remember("play", {**session.recall("play"), STEERED: dict(controls or {})})


def settings_wanted(session: Session, live: Collection[str] | None = None) -> dict[str, Any]:
    """What takes are to be asked for: of the controls in `live`, or of all, what is anywhere out of the middle."""
    kept = settings_kept(session)
    return {
        name: setting
        for name, setting in kept.items()
        if (live is None or name in live) and not (is_ramp(setting) and ends_of(setting) == (0.0, 0.0))
    }


def set_slider(session: Session, name: object, value: object, end: object = None) -> None:
    """Move a slider; what is no control or no number changes nothing.

    Parameters
    ----------
    session : Session
    name : str
        Of the control.
    value : float, or text of one [-10 to 10]
    end : {"first", "last"}, optional
        Which of its two numbers, where the control changes over the take.
    """
    try:
        number = float(str(value))
    except ValueError:
        return
    if not math.isfinite(number) or name not in UNITS:
        return
    moved = min(SLIDER_END, max(-SLIDER_END, number))
    kept = settings_kept(session)
    if end in {"first", "last"}:
        first, last = ends_of(kept.get(str(name), 0.0)) or (moved, moved)
        _put(session, str(name), _ramp(moved, last) if end == "first" else _ramp(first, moved))
    else:
        _put(session, str(name), moved)


def set_changing(session: Session, name: object, changing: bool) -> None:
    """Say whether a control changes over the take; where it no longer does, it stays at what it began with."""
    if name not in UNITS:
        return
    setting = settings_kept(session).get(str(name), 0.0)
    ends = ends_of(setting)
    if changing and ends is None:
        _put(session, str(name), _ramp(float(setting), float(setting)))
    elif not changing and ends is not None:
        _put(session, str(name), ends[0])


def _ramp(first: float, last: float) -> list[list[float]]:
    return [[_SHARES[0], first], [_SHARES[1], last]]


def _put(session: Session, name: str, setting: Any) -> None:  # noqa: ANN401 - a number, or a curve
    kept = {**settings_kept(session), name: setting}
    if setting == 0.0:  # the middle: a take that nothing is asked of
        del kept[name]
    keep_settings(session, kept)
