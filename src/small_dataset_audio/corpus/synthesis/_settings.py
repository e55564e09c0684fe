"""The checks that the three instruments share."""

from __future__ import annotations

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError

MAX_DURATION_S = 600.0


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Raise unless `value` is a number from `low` to `high`.

    Raises
    ------
    InvalidConfigError
        Outside, or NaN.
    """
    if not low <= value <= high:  # NaN fails this too
        raise InvalidConfigError(f"{name} is {value}; it must be from {low:g} to {high:g}")


def num_samples(duration_s: float) -> int:
    """Return how many samples a note of `duration_s` has: at least 10 ms, at most 10 minutes.

    Raises
    ------
    InvalidConfigError
        Outside that range, or NaN.
    """
    check_between("duration_s", duration_s, 0.01, MAX_DURATION_S)
    return round(duration_s * SAMPLE_RATE)
