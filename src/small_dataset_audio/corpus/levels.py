"""Recordings brought to one level: the loudest moment of each at -1 dBFS, as takes have it.

How loud a recording is beside the others is mostly where its knobs stood when it was made. A take that passes from one into
another would carry that over as a step, its loudest recording would set the level of all, and what is quiet would be
learnt, and heard, as next to nothing. Levels *within* a recording are its music and stay as they are.

A recording far under the others is raised by so much and no more: a minute of room tone shall stay room tone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.corpus.records import Clip

MAX_CHANGE_DB: Final = 12.0


def even_out(clip: Clip) -> Clip:
    """Bring a clip to the common level, its side with it.

    Parameters
    ----------
    clip : Clip

    Returns
    -------
    Clip
        `level_db` says what was done; silence is returned as it is.
    """
    peak = float(max(clip.audio.max(initial=0.0), -clip.audio.min(initial=0.0)))
    if peak == 0.0:
        return clip
    level_db = float(np.clip(20.0 * np.log10(PEAK_TARGET / peak), -MAX_CHANGE_DB, MAX_CHANGE_DB))
    gain = np.float32(10.0 ** (level_db / 20.0))
    return replace(
        clip,
        audio=clip.audio * gain,
        side=None if clip.side is None else clip.side * gain,
        level_db=clip.level_db + level_db,
    )
