"""Places on the map of a corpus: two coordinates. Importing this module loads nothing heavy."""

from __future__ import annotations

import math
from typing import Final

from small_dataset_audio.errors import InvalidConfigError

MAP_END: Final = 10.0
"""Coordinates go from minus this to plus this."""


def clamped(x: float, y: float) -> tuple[float, float]:
    """Bring a place onto the map.

    Raises
    ------
    InvalidConfigError
        A coordinate that is not finite.
    """
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InvalidConfigError(f"the place {x:g},{y:g} is not on the map; give two numbers from -10 to 10")
    return min(max(x, -MAP_END), MAP_END), min(max(y, -MAP_END), MAP_END)
