"""A take like a recording that its model has never heard is nearer to it than takes that are like nothing in particular.

The measure is that of ``benchmarks/near.py``, which the program knows nothing of.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from near import cloud_of_file, distances, model_without, share_beaten

from real.studio import RECORDINGS, Studio
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.workflow import near_recordings

pytestmark = pytest.mark.real


@pytest.mark.parametrize("left_out", ["drum_tom_hi_soft", "ambi_dark_woosh"])
def test_a_take_like_an_unheard_recording_is_nearer_to_it_than_95_percent_of_others(
    studio: Studio, left_out: str, tmp_path: Path
):
    pipeline = model_without(RECORDINGS, left_out, tmp_path)
    wanted = RECORDINGS / f"{left_out}.flac"
    base = GenerationConfig(duration_s=2.0)
    others = distances(pipeline, [replace(base, seed=seed) for seed in range(20)], cloud_of_file(wanted))
    near = near_recordings(pipeline, [wanted])
    like = distances(pipeline, [replace(base, seed=1000 + seed, near=near) for seed in range(3)], cloud_of_file(wanted))
    assert share_beaten(like, others) >= 0.95
    assert np.median(like) < 0.6 * np.median(others)
