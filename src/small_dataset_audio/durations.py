"""How people write durations, wherever the program is asked for one."""

from __future__ import annotations

import re
from typing import Final

from small_dataset_audio.errors import InvalidConfigError

_UNITS_S: Final = (3600.0, 60.0, 1.0)
_NUMBER: Final = r"(\d+(?:\.\d*)?|\.\d+)"
_WITH_UNITS: Final = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s)?", re.ASCII)
_SECONDS: Final = re.compile(_NUMBER, re.ASCII)


def read_duration(text: str | float) -> float:
    """Read seconds from ``45``, ``90s``, ``3m``, ``1h`` or ``1h30m``.

    Raises
    ------
    InvalidConfigError
        Anything else, or zero.
    """
    written = "".join(str(text).lower().split())
    if _SECONDS.fullmatch(written):
        seconds = float(written)
    elif written and (match := _WITH_UNITS.fullmatch(written)):
        seconds = sum(float(number) * unit for number, unit in zip(match.groups(), _UNITS_S, strict=True) if number)
    else:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise InvalidConfigError(f"{str(text)!r} is no duration over 0; write 45 or 90s (seconds), 3m, 1h or 1h30m")
    return seconds
