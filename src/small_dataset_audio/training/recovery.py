"""What a training does about a step that cannot be made: back to the last good state, and on more carefully.

A copy of the state is kept in memory, a new one every few steps. Where a step comes to no finite number, the training goes back
to it with half the learning rate; where a step finds no memory, with half the batch. The rate is given back after many good
steps: a night must not end at a 32nd of it for five bad steps that lie hours apart. All this, and how often it happened, is
part of the state: a resumed training goes back to the same step, and draws the same batches from there, as one that never
stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import torch

from small_dataset_audio.errors import TrainingError
from small_dataset_audio.training.state import GoodState, TrainingState, move_to, point_of, state_tensors

GOOD_EVERY_STEPS: Final = 10
"""Between two copies: of the default model 50 MB, some 10 ms in 2.5 s."""
SMALLEST_RATE_SHARE: Final = 1 / 32
STEADY_STEPS: Final = 200
"""Good steps, one after the other, after which the learning rate is doubled again."""

SetbackCause: TypeAlias = Literal["not finite", "out of memory"]

_OUT_OF_MEMORY: Final = ("out of memory", "can't allocate memory")
"""Words of errors that have no class of their own: Apple's MPS, the CPU."""


class NotFiniteError(ArithmeticError):
    """A loss or a gradient of this step is NaN or infinite; the trainer goes back."""


@dataclass(frozen=True)
class TrainingSetback:
    """A step could not be made; training goes on from an earlier one.

    Parameters
    ----------
    step : int
        The one that failed.
    back_to_step : int
        The last good one.
    cause : {"not finite", "out of memory"}
    rate_share : float
        Of the planned learning rate, from here on.
    batch_size : int
        Crops in a batch, from here on.
    """

    step: int
    back_to_step: int
    cause: SetbackCause
    rate_share: float
    batch_size: int


def keep_when_due(state: TrainingState) -> None:
    """Copy a state that is whole every few steps, as what is gone back to."""
    if state.good is not None and (state.step % GOOD_EVERY_STEPS or state.good.point.step == state.step):
        return
    tensors = {name: value.detach().clone() for name, value in state_tensors(state).items()}
    if state.good is None or all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        state.good = GoodState(point_of(state), tensors)


def give_back_when_due(state: TrainingState) -> None:
    """Count a good step, and double a learning rate that was halved once there are enough of them."""
    if state.rate_share >= 1.0:
        return
    state.steady_steps += 1
    if state.steady_steps >= STEADY_STEPS:
        state.rate_share, state.steady_steps = min(2 * state.rate_share, 1.0), 0


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def go_back(state: TrainingState, failed_step: int, cause: SetbackCause) -> TrainingSetback:
    """Bring the last good state back, with half the learning rate or half the batch.

    Parameters
    ----------
    state : TrainingState
        Changed in place; whole afterwards, also where this raises.
    failed_step : int
    cause : {"not finite", "out of memory"}

    Raises
    ------
    TrainingError
        Nothing is left to halve. Whoever goes on from here all the same draws other batches.
    """
    _restore(state)
    state.setbacks += 1
    state.steady_steps = 0
    if cause == "not finite":
        if state.rate_share / 2 < SMALLEST_RATE_SHARE:
            raise TrainingError(
                f"step {failed_step} came to no finite number, even at 1/{round(1 / state.rate_share)} of the learning rate: "
                "train again under another --name with another --seed"
            )
        state.rate_share /= 2
    else:
        if state.batch_size == 1:
            raise TrainingError(
                f"step {failed_step} found no memory, even with one crop in a batch: "
                "close other programs, or add --device cpu"
            )
        state.batch_size //= 2
    return TrainingSetback(failed_step, state.step, cause, state.rate_share, state.batch_size)


def _restore(state: TrainingState) -> None:
    good = state.good
    if good is None:  # the very first copy found no memory: nothing has changed since
        return
    state.optimizer.zero_grad(set_to_none=True)
    if good.point.step == 0:
        state.optimizer.state.clear()  # it has no moments before the first step
    own = state_tensors(state)
    with torch.no_grad():
        for name, value in good.tensors.items():
            own[name].copy_(value)
    for entries in state.optimizer.state.values():
        entries["step"].fill_(good.point.step)
    move_to(state, good.point)
    del state.history[good.point.step :]
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # blocks in the sizes of the larger batch are of no use to the smaller one
