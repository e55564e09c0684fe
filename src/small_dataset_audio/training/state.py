"""All that a training has come to so far: what a checkpoint holds, and what a setback goes back to."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.training.config import TrainingConfig

MOMENTS = ("exp_avg", "exp_avg_sq")
"""Of AdamW, by the names that torch gives them."""


@dataclass(frozen=True, slots=True)  # there are as many as steps
class LossPoint:
    """Losses at one step; `held_out` is None where it was not measured.

    Parameters
    ----------
    step : int
    reconstruction : float [mean absolute error in deviations of the corpus's log mels]
    kl : float [nats for each latent number]
    held_out : float or None [as `reconstruction`, on held-out files]
    """

    step: int
    reconstruction: float
    kl: float
    held_out: float | None = None


@dataclass(frozen=True)
class GoodPoint:
    """Where a training stood when its weights were last known to be good; the numbers beside them.

    Parameters
    ----------
    step, progress, best_held_out, best_progress, annealing_steps_left
        See :class:`TrainingState`.
    """

    step: int
    progress: float
    best_held_out: float | None
    best_progress: float
    annealing_steps_left: int | None


@dataclass(frozen=True)
class GoodState:
    """A copy of the state that can be gone back to.

    Parameters
    ----------
    point : GoodPoint
    tensors : dict of str to Tensor
        As :func:`state_tensors` names them.
    """

    point: GoodPoint
    tensors: dict[str, Tensor] = field(repr=False)


@dataclass
class TrainingState:
    """Everything that a resumed training needs; what a checkpoint holds.

    Parameters
    ----------
    model : ConvVAE
    average : dict of str to Tensor
        Running average of the weights.
    optimizer : AdamW
    step : int
        Steps done.
    progress : float [0 to 1]
    elapsed_s : float [s]
    best_held_out, best_progress : float
        Lowest held-out loss, and the progress at which it was measured.
    annealing_steps_left : int or None
        Until a plateau ends the training; None where there is no plateau.
    history : list of LossPoint
        One for each step, from the first.
    batch_size : int
        Crops in a batch; halved where memory did not suffice.
    rate_share : float
        Of the learning rate that was planned; halved where the loss was no number, doubled again after many good steps.
    setbacks : int
        How often it was gone back so far. Batches are drawn anew by it.
    steady_steps : int
        Good ones since the last setback, or since the learning rate was last doubled; 0 where it is whole.
    good : GoodState or None
        What is gone back to; None before the first step.
    """

    model: ConvVAE = field(repr=False)
    average: dict[str, Tensor] = field(repr=False)
    optimizer: torch.optim.AdamW = field(repr=False)
    step: int = 0
    progress: float = 0.0
    elapsed_s: float = 0.0
    best_held_out: float | None = None
    best_progress: float = 0.0
    annealing_steps_left: int | None = None
    history: list[LossPoint] = field(default_factory=list, repr=False)
    batch_size: int = TrainingConfig.batch_size
    rate_share: float = 1.0
    setbacks: int = 0
    steady_steps: int = 0
    good: GoodState | None = None


def new_state(model: ConvVAE, config: TrainingConfig) -> TrainingState:
    """State before the first step."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=config.weight_decay
    )
    average = {name: value.clone() for name, value in model.state_dict().items()}
    return TrainingState(model, average, optimizer, batch_size=config.batch_size)


def state_tensors(state: TrainingState) -> dict[str, Tensor]:
    """All tensors of a state by name; not copies.

    ``model.*`` and ``average.*`` are the weights and their running average, ``optimizer.exp_avg.*`` and
    ``optimizer.exp_avg_sq.*`` AdamW's two moments by parameter name, which are not there before the first step.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in state.model.state_dict().items():
        tensors[f"model.{name}"] = value
        tensors[f"average.{name}"] = state.average[name]
    for name, parameter in state.model.named_parameters():
        moments = state.optimizer.state.get(parameter, {})
        tensors |= {f"optimizer.{moment}.{name}": moments[moment] for moment in MOMENTS if moments}
    return tensors


def point_of(state: TrainingState) -> GoodPoint:
    """Where the training stands."""
    return GoodPoint(state.step, state.progress, state.best_held_out, state.best_progress, state.annealing_steps_left)


def move_to(state: TrainingState, point: GoodPoint) -> None:
    """Let the training stand at `point`; the tensors are the caller's to set."""
    state.step, state.progress = point.step, point.progress
    state.best_held_out, state.best_progress = point.best_held_out, point.best_progress
    state.annealing_steps_left = point.annealing_steps_left
