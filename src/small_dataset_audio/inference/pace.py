"""How time runs in a take: now faster, now slower than in the recordings, as a player leans forward and holds back."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.audio.time_bend import HOP_LENGTH
from small_dataset_audio.constants import SAMPLE_RATE

_HOLD_S: Final = 1.0
"""From one drawn pace to the next; about a phrase."""

_LEAST: Final = 0.4
"""Of the largest bend: a pace that kept near that of the recording would be the recording."""


def draw_pace(
    num_samples: int, bend: float, generator: np.random.Generator, even_samples: int | None = None
) -> NDArray[np.float64]:
    """Draw the pace of a take.

    Parameters
    ----------
    num_samples : int [at 48 kHz]
    bend : float [0 or more]
        At 0.3 time runs up to 30 % faster, and slower by the same factor.
    generator : numpy.random.Generator
    even_samples : int, optional
        Over so many samples, from the first on, time shall run as long as recorded on the whole: what was planned for them is
        then what is heard in them.

    Returns
    -------
    ndarray [shape=(hops,), seconds of recording for each second of the take]
    """
    hops = -(-num_samples // HOP_LENGTH) + 1
    hold = _HOLD_S * SAMPLE_RATE / HOP_LENGTH
    num_knots = int(hops / hold) + 2
    knots = generator.uniform(_LEAST, 1.0, num_knots) * generator.choice([-1.0, 1.0], num_knots)
    exponents = np.interp(np.arange(hops) / hold, np.arange(num_knots), knots)
    pace = np.asarray((1.0 + bend) ** exponents)
    return pace if even_samples is None else pace / pace[: even_samples // HOP_LENGTH + 1].mean()
