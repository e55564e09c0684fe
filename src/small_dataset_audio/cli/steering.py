"""How controls are written on the command line: ``brightness=+3``, ``brightness=-5:+5``, ``brightness=@curve.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import typer

from small_dataset_audio.controls.sliders import NAMES, Curve, curve_from_seconds
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.names import one_line

_MOST_CURVE_BYTES: Final = 100_000
_HINT: Final = "'--set'"


def read_settings(texts: Sequence[str], duration_s: float) -> dict[str, float | Curve]:
    """Read settings of controls as people write them.

    Parameters
    ----------
    texts : sequence of str
        ``NAME=VALUE``; ``NAME=FROM:TO``, a ramp over the take, of as many points as there are colons and one; ``NAME=@FILE``,
        a JSON file of points ``[[seconds, value], ...]``.
    duration_s : float [s]
        Of the take.

    Raises
    ------
    typer.BadParameter
        What is none of these, or a control that is set twice.
    """
    settings: dict[str, float | Curve] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise _wrong(
                f"{text!r} sets nothing; write it as brightness=+3, brightness=-5:+5 or brightness=@curve.json"
            )
        if name not in NAMES:
            raise _wrong(f"{name!r} is no control; the controls are {', '.join(NAMES)}")
        if name in settings:
            raise _wrong(f"{name} is set twice; set it once, or as a ramp: {name}=-5:+5")
        settings[name] = _from_file(name, value[1:], duration_s) if value.startswith("@") else _written(text, value)
    return settings


def _written(text: str, value: str) -> float | Curve:
    try:
        values = [float(part) for part in value.split(":")]
    except ValueError:
        raise _wrong(f"{text!r} sets no number; write it as brightness=+3, or as a ramp, brightness=-5:+5") from None
    if len(values) == 1:
        return values[0]
    return tuple((place / (len(values) - 1), each) for place, each in enumerate(values))


def _from_file(name: str, path: str, duration_s: float) -> Curve:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_CURVE_BYTES + 1)
        if len(data) > _MOST_CURVE_BYTES:
            raise _wrong(f"{path} is over 100 kB, which no curve is; give points as [[seconds, value], ...]")
        return curve_from_seconds(name, msgspec.json.decode(data, type=list[tuple[float, float]]), duration_s)
    except OSError as error:
        raise _wrong(
            f"{path} cannot be read ({error.strerror}); give a JSON file of [[seconds, value], ...]"
        ) from error
    except msgspec.DecodeError as error:
        raise _wrong(
            f"{path} holds no curve ({one_line(str(error))}); give a JSON file of [[seconds, value], ...]"
        ) from error
    except InvalidConfigError as error:
        raise _wrong(f"{path}: {error}") from error


def _wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=_HINT)
