"""How a take is varied, as its configuration says it. Importing this module loads nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.names import quoted

MAX_SEED: Final = 2**63 - 1
MOST_VARIATIONS: Final = 32

Variation: TypeAlias = tuple[float, int]
"""Amount, from 0 to 1, and seed."""


def checked_variations(variations: object) -> tuple[Variation, ...]:
    """Bring variations, as a caller or a JSON gives them, into their one form.

    Parameters
    ----------
    variations : sequence of (amount, seed)

    Raises
    ------
    InvalidConfigError
        Too many, one that is no such pair, or an amount or seed that is out of range.
    """
    if not _is_list(variations) or not isinstance(variations, Sequence) or len(variations) > MOST_VARIATIONS:
        raise InvalidConfigError(
            f"variations is {quoted(variations)}; it must be a list of at most {MOST_VARIATIONS} pairs (amount, seed)"
        )
    return tuple(_checked(variation) for variation in variations)


def check_amount(amount: object) -> float:
    """Check how much is to be varied.

    Raises
    ------
    InvalidConfigError
        No number from 0 to 1.
    """
    if (
        isinstance(amount, bool)
        or not isinstance(amount, int | float)
        or not 0.0 <= amount <= 1.0
        or math.isnan(amount)
    ):
        raise InvalidConfigError(f"amount is {quoted(amount)}; it must be from 0 to 1")
    return float(amount)


def _checked(variation: object) -> Variation:
    if not _is_list(variation) or not isinstance(variation, Sequence) or len(variation) != 2:
        raise InvalidConfigError(f"variations has {quoted(variation)}; it must be a pair (amount, seed)")
    amount, seed = variation
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InvalidConfigError(f"variations has the seed {quoted(seed)}; it must be from 0 to 2**63 - 1 ({MAX_SEED})")
    return check_amount(amount), seed


def _is_list(value: object) -> bool:
    return not isinstance(value, str | bytes)
