"""The training loop: yields progress, knows no screen, and stops wherever its caller stops asking.

Learning rate and KL weight follow `progress`, a number from 0 to 1 that grows by an equal share of what is left each step.
With `max_steps` that is ``step / max_steps``; with a time budget the number of steps left is re-estimated from the measured
step time, so the schedule always ends when the budget does, however the machine's speed drifts. What is done about a step
that cannot be made stands in :mod:`small_dataset_audio.training.recovery`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.dataset import CropDataset
from small_dataset_audio.training.recovery import (
    NotFiniteError,
    SetbackCause,
    TrainingSetback,
    give_back_when_due,
    go_back,
    is_out_of_memory,
    keep_when_due,
)
from small_dataset_audio.training.state import LossPoint, TrainingState

_WARMUP_STEPS = 20
_KL_WARMUP_SHARE = 0.3
_GRADIENT_CLIP = 1.0
_EVALUATION_SHARE = 0.04  # held-out loss is measured after each such share of the training
_EVALUATION_CROPS = 16
_MIN_IMPROVEMENT = 0.003
_ANNEAL_SHARE = 0.15  # a plateau still gets a short fall of the learning rate
_STEP_TIME_MEMORY = 0.9
_FIRST_PLAN_STEPS = 1000  # assumed left until a step has been measured

StopReason = Literal["", "budget", "plateau"]


@dataclass(frozen=True)
class TrainingProgress:
    """What is known after a step.

    Parameters
    ----------
    step, total_steps : int
        Steps done, and the present plan.
    progress : float [0 to 1]
    elapsed_s, remaining_s : float [s]
        Training time so far (over all resumptions), and until the plan ends.
    losses : LossPoint
    stop_reason : {"", "budget", "plateau"}
        Not empty on the last one.
    """

    step: int
    total_steps: int
    progress: float
    elapsed_s: float
    remaining_s: float
    losses: LossPoint
    stop_reason: StopReason = ""


class Trainer:
    """Trains a :class:`ConvVAE` on clips in memory.

    Parameters
    ----------
    state : TrainingState
        Fresh from :func:`new_state`, or from a checkpoint; changed in place.
    train_clips, held_out_clips : sequence of ndarray [shape=(samples,), float32, 48 kHz]
        `held_out_clips` may be empty; then training never ends on a plateau.
    spectrogram : AudioSpectrogram
    config : TrainingConfig
    clock : callable
        Monotonic seconds; a test hands in its own.

    Raises
    ------
    InvalidConfigError
        A field of `config` is outside its range, or there is nothing to train on.
    """

    def __init__(
        self,
        state: TrainingState,
        train_clips: Sequence[NDArray[np.float32]],
        held_out_clips: Sequence[NDArray[np.float32]],
        spectrogram: AudioSpectrogram,
        config: TrainingConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        config.validate()
        self.state = state
        self._config = config
        self._clock = clock
        self._dataset = CropDataset(train_clips, spectrogram, config)
        self._held_out = _held_out_crops(held_out_clips, spectrogram, config)
        self._device = next(state.model.parameters()).device
        self._averaged = copy.deepcopy(state.model).eval()

    def run(self) -> Iterator[TrainingProgress | TrainingSetback]:
        """Train until the budget is used or the held-out loss has stopped falling; yields after every step.

        A setback is yielded in place of the step that could not be made. The caller may stop asking at any time: the state is
        whole after each step.

        Raises
        ------
        TrainingError
            A step comes to no finite number, or finds no memory, whatever is tried; the message says which.
        """
        state = self.state
        started = self._clock() - state.elapsed_s
        step_time_s: float | None = None
        steps_here = 0  # since the start or the resumption
        while state.progress < 1.0:
            before = self._clock()
            # The first step also warms up caches and allocators: it is a measure of the time left until there is a
            # better one, but nothing that the schedule may jump by.
            total_steps = self._plan(started, step_time_s if steps_here > 1 else None)
            made = self._try_step(total_steps)
            if isinstance(made, TrainingSetback):
                yield made
                continue
            now = self._clock()
            duration_s = now - before
            steps_here += 1
            if step_time_s is None or steps_here <= 2:
                step_time_s = duration_s
            else:
                step_time_s = _STEP_TIME_MEMORY * step_time_s + (1 - _STEP_TIME_MEMORY) * duration_s
            state.elapsed_s = now - started
            ends = state.progress >= 1.0
            planned = state.step if ends else self._plan(started, step_time_s)
            yield TrainingProgress(
                step=state.step,
                total_steps=planned,
                progress=state.progress,
                elapsed_s=state.elapsed_s,
                remaining_s=(planned - state.step) * step_time_s,
                losses=made,
                stop_reason=self.stop_reason,
            )

    @property
    def stop_reason(self) -> StopReason:
        """Why the training is at its end; empty where it is not."""
        if self.state.progress < 1.0:
            return ""
        annealing_steps_left = self.state.annealing_steps_left
        return "plateau" if annealing_steps_left is not None and annealing_steps_left <= 0 else "budget"

    def averaged_model(self) -> ConvVAE:
        """Return the model with the running average of the weights, in evaluation mode."""
        self._averaged.load_state_dict(self.state.average)
        return self._averaged

    def _plan(self, started: float, step_time_s: float | None) -> int:
        """Total steps by the present estimate; a plateau's annealing never outlasts the budget."""
        state = self.state
        if self._config.max_steps is not None:
            total_steps = self._config.max_steps
        else:
            left_s = self._config.budget_s - (self._clock() - started)
            steps_left = _FIRST_PLAN_STEPS if step_time_s is None else round(left_s / max(step_time_s, 1e-6))
            total_steps = state.step + (max(steps_left, 1) if left_s > 0 else 1)
        if state.annealing_steps_left is None:
            return total_steps
        return min(total_steps, state.step + max(state.annealing_steps_left, 1))

    def _try_step(self, total_steps: int) -> LossPoint | TrainingSetback:
        step = self.state.step + 1
        cause: SetbackCause
        try:
            keep_when_due(self.state)  # the first time, and after a resumption
            losses = self._take_step(total_steps)
            keep_when_due(self.state)
            give_back_when_due(self.state)
            return losses
        except NotFiniteError:
            cause = "not finite"
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            cause = "out of memory"
        return go_back(self.state, step, cause)  # out here, where no traceback holds on to the tensors of the step

    def _take_step(self, total_steps: int) -> LossPoint:
        state = self.state
        losses = self._step()
        previous = state.progress
        state.step += 1
        state.progress = 1.0 if state.step >= total_steps else _advance(state.progress, state.step, total_steps)
        if state.annealing_steps_left is not None:
            state.annealing_steps_left -= 1
        losses = self._evaluate_when_due(losses, previous)
        state.history.append(losses)
        return losses

    def _step(self) -> LossPoint:
        state, config = self.state, self._config
        mel = self._dataset.batch(state.step, batch_size=state.batch_size, retry=state.setbacks)
        noise_source = torch.Generator().manual_seed(_step_seed(config.seed, state.step, state.setbacks))
        steps = state.model.num_steps(mel.shape[-1])
        noise = torch.randn(mel.shape[0], state.model.latent_dim, steps, generator=noise_source).to(self._device)

        state.model.train()
        rebuilt, mean, log_variance = state.model(mel, noise)
        reconstruction = (rebuilt - mel).abs().mean() / state.model.config.mel_std
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean()
        kl_weight = config.kl_weight * min(state.progress / _KL_WARMUP_SHARE, 1.0)
        loss = reconstruction + kl_weight * kl
        if not torch.isfinite(loss):
            raise NotFiniteError
        for group in state.optimizer.param_groups:
            group["lr"] = config.learning_rate * state.rate_share * _schedule(state.step, state.progress)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), _GRADIENT_CLIP)
        if not torch.isfinite(norm):  # of a loss that is finite, too, where a derivative is not
            raise NotFiniteError
        state.optimizer.step()
        self._update_average()
        return LossPoint(state.step + 1, float(reconstruction.detach()), float(kl.detach()))

    def _update_average(self) -> None:
        # Early on the average follows closely; otherwise it would remember the random start.
        decay = min(self._config.ema_decay, (1 + self.state.step) / (10 + self.state.step))
        with torch.no_grad():
            for name, value in self.state.model.state_dict().items():
                self.state.average[name].lerp_(value, 1.0 - decay)

    def _evaluate_when_due(self, losses: LossPoint, previous_progress: float) -> LossPoint:
        """Measure the held-out loss whenever `progress` has crossed a multiple of the evaluation share."""
        state = self.state
        crossed = math.floor(state.progress / _EVALUATION_SHARE) > math.floor(previous_progress / _EVALUATION_SHARE)
        if self._held_out is None or not (crossed or state.progress >= 1.0):
            return losses
        with torch.inference_mode():
            rebuilt, _, _ = self.averaged_model()(self._held_out)
            held_out = float((rebuilt - self._held_out).abs().mean() / state.model.config.mel_std)
        if not math.isfinite(held_out):
            raise NotFiniteError
        if state.best_held_out is None or held_out < state.best_held_out * (1 - _MIN_IMPROVEMENT):
            state.best_held_out, state.best_progress = held_out, state.progress
        elif self._has_plateaued():
            state.annealing_steps_left = max(round(state.step * _ANNEAL_SHARE), 1)
        return LossPoint(losses.step, losses.reconstruction, losses.kl, held_out)

    def _has_plateaued(self) -> bool:
        state = self.state
        return (
            state.annealing_steps_left is None
            and state.progress > 0.5
            and state.progress - state.best_progress > self._config.plateau_share
        )


def _held_out_crops(
    clips: Sequence[NDArray[np.float32]], spectrogram: AudioSpectrogram, config: TrainingConfig
) -> Tensor | None:
    if not clips:
        return None
    # The same crops at every evaluation, without augmentation: the curve then shows the model alone.
    plain = TrainingConfig(
        seed=config.seed,
        batch_size=_EVALUATION_CROPS,
        crop_frames=config.crop_frames,
        gain_db=0.0,
        augmented_share=0.0,
    )
    return CropDataset(clips, spectrogram, plain).batch(0)


def _advance(progress: float, step: int, total_steps: int) -> float:
    """Grow by an equal share of what is left."""
    return progress + (1.0 - progress) / (total_steps - step + 1)


def _schedule(step: int, progress: float) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine."""
    return min((step + 1) / _WARMUP_STEPS, 1.0) * 0.5 * (1.0 + math.cos(math.pi * progress))


def _step_seed(seed: int, step: int, setbacks: int) -> int:
    key = [seed, step, 1, setbacks] if setbacks else [seed, step, 1]
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
