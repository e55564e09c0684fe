"""The names, units and scale of the controls, and what a setting of one may be. Importing this loads nothing heavy.

A slider goes from -10 to +10: at 0 a take is as the model makes it by itself, at the ends as far from that as the corpus goes.
A setting is one number for the whole take, or a curve: points (share of the take, value), straight lines between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.names import quoted

UNITS: Final = MappingProxyType(
    {
        "brightness": "ERB",
        "warmth": "dB",
        "roughness": "",
        "noisiness": "dB",
        "density": "onsets/s",
        "pulse": "",
        "pitch": "semitones",
        "tension": "",
        "loudness": "LUFS",
        "attack": "octaves of ms",
    }
)
"""Every control by name, in the order in which they are shown, and the unit of what it changes."""

NAMES: Final = tuple(UNITS)

LOUDNESS: Final = "loudness"
"""The one control that is a matter of gain and not of what is played."""

SLIDER_END: Final = 10.0
"""Where a slider ends, on both sides of 0."""

MOST_POINTS: Final = 1000

Curve: TypeAlias = tuple[tuple[float, float], ...]
"""Points (share of the take [0 to 1], value on the slider), by rising share."""

Controls: TypeAlias = Mapping[str, float | Curve]
"""Settings by name of control; what is not named stays as the model makes it."""


def checked_controls(controls: Mapping[str, object]) -> dict[str, float | Curve]:
    """Bring settings, as a caller or a JSON gives them, into their one form.

    Parameters
    ----------
    controls : mapping of str to a number or a sequence of (share, value)

    Returns
    -------
    dict of str to float or Curve
        In the order of :data:`NAMES`.

    Raises
    ------
    InvalidConfigError
        A name that is no control; a value that is no finite number, or a curve whose shares do not rise from 0 to 1.
    """
    if not isinstance(controls, Mapping):
        raise InvalidConfigError(f"controls is {quoted(controls)}; it must be an object of settings by name of control")
    unknown = [name for name in controls if name not in UNITS]
    if unknown:
        raise InvalidConfigError(f"controls has {quoted(unknown[0])}; the controls are {', '.join(NAMES)}")
    return {name: _checked(name, controls[name]) for name in NAMES if name in controls}


def value_at(setting: float | Curve, share: float) -> float:
    """Value of a setting at a share of the take, within the slider: what lies outside counts as its end."""
    value = setting if isinstance(setting, float) else _along(setting, share)
    return min(max(value, -SLIDER_END), SLIDER_END)


def beyond_the_slider(controls: Controls) -> list[str]:
    """Name the controls of which a value lies outside of -10 to +10."""
    return [name for name, setting in controls.items() if any(abs(value) > SLIDER_END for value in _values(setting))]


def curve_from_seconds(name: str, points: object, duration_s: float) -> Curve:
    """Make a curve of points in seconds, as people write them down.

    Parameters
    ----------
    name : str
        Of the control, for messages.
    points : sequence of (seconds, value)
    duration_s : float [s]
        Of the take.

    Raises
    ------
    InvalidConfigError
        No points, a point that is no pair of finite numbers, or one outside of the take.
    """
    pairs = _pairs(name, points)
    for time_s, _ in pairs:
        if not 0.0 <= time_s <= duration_s:
            raise InvalidConfigError(
                f"control {name} has a point at {time_s:g} s; it must lie in the take, from 0 to {duration_s:g} s"
            )
    return _rising(name, tuple((time_s / duration_s, value) for time_s, value in pairs))


def _checked(name: str, setting: object) -> float | Curve:
    if isinstance(setting, int | float) and not isinstance(setting, bool):
        return _finite(name, setting)
    return _rising(name, _pairs(name, setting))


def _pairs(name: str, points: object) -> Curve:
    if not isinstance(points, Sequence) or isinstance(points, str | bytes) or not 1 <= len(points) <= MOST_POINTS:
        raise InvalidConfigError(
            f"control {name} is {quoted(points)}; it must be a number from {-SLIDER_END:g} to {SLIDER_END:g}, or 1 to "
            f"{MOST_POINTS} points [place, value]"
        )
    pairs = []
    for point in points:
        if not isinstance(point, Sequence) or isinstance(point, str | bytes) or len(point) != 2:
            raise InvalidConfigError(f"control {name} has the point {quoted(point)}; it must be a pair [place, value]")
        pairs.append((_finite(name, point[0]), _finite(name, point[1])))
    return tuple(pairs)


def _rising(name: str, curve: Curve) -> Curve:
    shares = [share for share, _ in curve]
    if shares != sorted(shares) or not 0.0 <= shares[0] <= shares[-1] <= 1.0:
        raise InvalidConfigError(f"control {name} has points at {quoted(shares)}; they must rise, from 0 to 1 at most")
    return curve


def _finite(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidConfigError(f"control {name} has the value {quoted(value)}; it must be a finite number")
    return float(value)


def _values(setting: float | Curve) -> Iterable[float]:
    return (setting,) if isinstance(setting, float) else (value for _, value in setting)


def _along(curve: Curve, share: float) -> float:
    before = [point for point in curve if point[0] <= share]
    after = [point for point in curve if point[0] > share]
    if not before or not after:
        return (before[-1] if before else after[0])[1]
    (left, from_value), (right, to_value) = before[-1], after[0]
    return from_value + (to_value - from_value) * (share - left) / (right - left)
