from __future__ import annotations

import dataclasses
import math

import pytest

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.training.config import MAX_BUDGET_S, MIN_BUDGET_S, TrainingConfig

RANGES = {
    "budget_s": (MIN_BUDGET_S, MAX_BUDGET_S),
    "seed": (0, 2**63 - 1),
    "batch_size": (1, 1024),
    "crop_frames": (16, 4096),
    "learning_rate": (1e-7, 1.0),
    "weight_decay": (0.0, 1.0),
    "kl_weight": (0.0, 100.0),
    "ema_decay": (0.0, 0.99999),
    "gain_db": (0.0, 24.0),
    "pitch_semitones": (0.0, 12.0),
    "augmented_share": (0.0, 1.0),
    "held_out_share": (0.0, 0.5),
    "plateau_share": (0.0, 1.0),
}


def test_the_defaults_are_valid():
    TrainingConfig().validate()


def test_every_field_has_a_range_here():
    assert {field.name for field in dataclasses.fields(TrainingConfig)} == {*RANGES, "max_steps"}


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_belong_to_it(name: str):
    for value in RANGES[name]:
        TrainingConfig(**{name: value}).validate()


@pytest.mark.parametrize("name", RANGES)
def test_a_value_outside_its_range_is_refused_by_name(name: str):
    low, high = RANGES[name]
    step = 1 if isinstance(low, int) else 1e-6
    for value in (low - step, high + max(step, high * 1e-6), -1.0, math.nan, math.inf, -math.inf):
        with pytest.raises(InvalidConfigError, match=f"^{name} is .*; it must be from"):
            TrainingConfig(**{name: value}).validate()


@pytest.mark.parametrize("max_steps", [0, -1])
def test_a_number_of_steps_is_at_least_one(max_steps: int):
    with pytest.raises(InvalidConfigError, match=f"max_steps is {max_steps}; it must be None, or 1 or more"):
        TrainingConfig(max_steps=max_steps).validate()
