"""A take that is shorter than a chunk is a sound too."""

from __future__ import annotations

import numpy as np
import pytest

from real.studio import TrainedOn
from small_dataset_audio.inference.config import CONCAT_MODES, GenerationConfig

pytestmark = pytest.mark.real

NUM_TAKES = 24


@pytest.mark.parametrize("mode", CONCAT_MODES)
def test_no_take_of_50_ms_is_silent(mode: str, trained: TrainedOn):
    configs = (GenerationConfig(duration_s=0.05, seed=seed, concat_mode=mode) for seed in range(NUM_TAKES))
    silent = [config.seed for config in configs if not np.any(trained.pipeline.generate(config).audio)]
    assert silent == []
