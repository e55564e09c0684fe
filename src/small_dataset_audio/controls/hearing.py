"""What would be heard of stretches that are played one after the other: less than they hold, and sometimes more."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.material import FADE_STEPS, FADED_DB, Material, Stretches
from small_dataset_audio.controls.moments import COLUMNS

_MADE_RISE: Final = 4.0  # 6 dB
_LEAST_HEARD: Final = 1e-4  # of the power of the loudest steps: what begins under that begins nothing
_BEGINNING_STEPS: Final = 4
_UNHEARD_STEPS: Final = FADE_STEPS // 2  # of a fade: until then it is 12 dB down, and more
_ONSETS, _ATTACKS, _POWER = (COLUMNS.index(name) for name in ("onsets", "attack", "power"))

_Array = NDArray[np.float64]


def heard_sums(material: Material, drawn: Stretches, lengths: NDArray[np.int64], remaining: int) -> _Array:
    """Sum up what would be heard of stretches [shape=(stretches, columns)]: not their fades, and no attack that is cut off."""
    faded = np.where(drawn.is_clean, 0, np.minimum(_UNHEARD_STEPS, lengths))
    sums: _Array = material.totals[drawn.starts + lengths] - material.totals[drawn.starts + faded]
    if remaining > int(lengths.max(initial=0)):
        return sums
    whole = np.maximum(np.minimum(lengths, remaining - _BEGINNING_STEPS), faded)
    attacks = [_ONSETS, _ATTACKS]
    sums[:, attacks] = (
        material.totals[drawn.starts + whole][:, attacks] - material.totals[drawn.starts + faded][:, attacks]
    )
    return sums


def made_onsets(material: Material, left_at: int | None, drawn: Stretches) -> NDArray[np.bool_]:
    """Say which stretches would bring an attack that is not their own.

    That is where one without an attack follows what is so much quieter that it begins all the same, and where what goes on
    under its fade has an attack.
    """

    def power(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> _Array:
        sums: _Array = (material.totals[ends] - material.totals[starts])[:, _POWER] / _BEGINNING_STEPS
        return sums

    begun = np.minimum(drawn.starts + _BEGINNING_STEPS, drawn.ends)
    # What does not begin with an attack is faded in.
    new = power(drawn.starts, begun) * np.where(drawn.is_clean, 1.0, 10.0 ** (FADED_DB / 10.0))
    old, goes_on = np.zeros(1), False
    if left_at is not None:
        path_end = int(material.path_ends[np.searchsorted(material.path_ends, left_at - 1, side="right")])
        old = power(np.array([left_at]), np.array([min(left_at + _BEGINNING_STEPS, path_end)]))
        attacks = material.totals[[left_at, min(left_at + FADE_STEPS, path_end)], _ONSETS]
        goes_on = bool(attacks[1] > attacks[0])
    has_attack = material.totals[begun, _ONSETS] > material.totals[drawn.starts, _ONSETS]
    begins = ~has_attack & (new > _LEAST_HEARD * material.loudest) & (new > _MADE_RISE * old)
    made: NDArray[np.bool_] = begins | (~drawn.is_clean & goes_on)
    return made
