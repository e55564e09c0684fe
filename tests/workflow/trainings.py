"""Trainings to look at: what several tests of the workflow share."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle
from small_dataset_audio.workflow import ModelSaved, TrainRequest, train_corpus
from tiny import hashes_below

NUM_STEPS = 6


@dataclass(frozen=True)
class Training:
    """A training run to its end."""

    events: list[Any]
    request: TrainRequest
    recordings_before: dict[str, tuple[str, int]]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def saved(self) -> ModelSaved:
        (saved,) = self.of(ModelSaved)
        return saved


def train(library: Library, request: TrainRequest, should_stop: Callable[[], bool] = lambda: False) -> Training:
    before = hashes_below(request.folder)
    return Training(list(train_corpus(request, library, should_stop=should_stop)), request, before)


def stop_after(num_steps: int) -> Callable[[], bool]:
    """Ask to stop at the `num_steps`-th question, which is asked after every step."""
    questions = itertools.count(1)
    return lambda: next(questions) >= num_steps


def copy_of(recordings: Path, folder: Path) -> Path:
    shutil.copytree(recordings, folder)
    return folder


def assert_same_weights(one: Path, other: Path) -> None:
    """Weights and density, bit for bit; the time of making differs."""
    first, second = load_bundle(one), load_bundle(other)
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    np.testing.assert_array_equal(first.density.latents, second.density.latents)
