"""What size is chosen, for machines that exist only as a table of step times, and how a step is timed by a false clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from edges import noise
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.training import sizing
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import Trainer
from small_dataset_audio.training.sizing import (
    DEFAULT_SIZE,
    ENOUGH_STEPS,
    LARGER_SIZE,
    SMALLER_SIZES,
    TrainingSize,
    choose_size,
    time_a_step,
)
from small_dataset_audio.training.state import LossPoint


class Machine:
    """Its steps take as long as a model is wide, and it remembers what was timed."""

    def __init__(self, default_step_s: float) -> None:
        self.timed: list[TrainingSize] = []
        self._default_step_s = default_step_s

    def __call__(self, size: TrainingSize) -> float:
        self.timed.append(size)
        share = (size.width / DEFAULT_SIZE.width) * (size.batch_size / DEFAULT_SIZE.batch_size)
        return self._default_step_s * share


def test_the_default_size_is_that_of_the_configurations():
    assert TrainingSize(VAEConfig().width, TrainingConfig().batch_size) == DEFAULT_SIZE


def test_sizes_get_smaller_one_by_one():
    work = [size.work for size in (LARGER_SIZE, DEFAULT_SIZE, *SMALLER_SIZES)]
    assert work == sorted(set(work), reverse=True)


def test_a_machine_that_gets_enough_steps_trains_the_default_and_times_nothing_else():
    machine = Machine(0.25)
    assert choose_size(170.0, machine) == DEFAULT_SIZE
    assert machine.timed == [DEFAULT_SIZE]


def test_exactly_enough_steps_are_enough():
    assert choose_size(0.5 * ENOUGH_STEPS, Machine(0.5)) == DEFAULT_SIZE


@pytest.mark.parametrize(
    ("default_step_s", "expected"),
    [(0.7, SMALLER_SIZES[0]), (1.0, SMALLER_SIZES[1]), (2.0, SMALLER_SIZES[2]), (100.0, SMALLER_SIZES[2])],
)
def test_a_slower_machine_trains_the_largest_that_still_gets_enough_steps(
    default_step_s: float, expected: TrainingSize
):
    assert choose_size(170.0, Machine(default_step_s)) == expected


def test_a_slow_machine_loses_no_time_with_timing_smaller_sizes():
    machine = Machine(100.0)
    choose_size(170.0, machine)
    assert machine.timed == [DEFAULT_SIZE]


def test_a_long_budget_trains_a_larger_model():
    assert choose_size(3600.0, Machine(0.1)) == LARGER_SIZE


def test_a_larger_model_that_would_get_too_few_steps_is_not_trained():
    machine = Machine(0.1)
    assert choose_size(450.0, machine) == DEFAULT_SIZE  # 4500 steps of the default, 3000 of the larger
    assert machine.timed == [DEFAULT_SIZE, LARGER_SIZE]


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def step_times(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], FakeClock]:
    """Steps that do nothing but take the time they are told to; the last time holds from there on."""
    clock = FakeClock()

    def use(times_s: list[float]) -> FakeClock:
        def step(self: Trainer) -> LossPoint:
            clock.now_s += times_s[min(self.state.step, len(times_s) - 1)]
            steps.append(self.state.step)
            return LossPoint(self.state.step + 1, 1.0, 0.0)

        monkeypatch.setattr(Trainer, "_step", step)
        return clock

    steps: list[int] = []
    use.steps = steps  # type: ignore[attr-defined]
    return use


def timed(clock: FakeClock) -> float:
    return time_a_step(TrainingSize(8, 1), [noise(4800)], AudioSpectrogram(), torch.device("cpu"), clock=clock)


def test_the_first_step_is_not_counted(step_times: Callable[[list[float]], FakeClock]):
    assert timed(step_times([30.0, 0.2])) == pytest.approx(0.2)


def test_one_step_that_was_held_up_does_not_count(step_times: Callable[[list[float]], FakeClock]):
    assert timed(step_times([1.0, 0.2, 0.2, 0.9, 0.2])) == pytest.approx(0.2)


def test_a_slow_machine_is_timed_for_two_steps_and_no_more(step_times: Callable[[list[float]], FakeClock]):
    assert timed(step_times([9.0, 5.0])) == pytest.approx(5.0)
    assert len(step_times.steps) == 3  # type: ignore[attr-defined]


def test_timing_ends_after_a_moment_or_fifty_steps(step_times: Callable[[list[float]], FakeClock]):
    clock = step_times([0.01])
    assert timed(clock) == pytest.approx(0.01)
    assert len(step_times.steps) == sizing._MOST_TIMED + 1  # type: ignore[attr-defined]


def test_timing_trains_the_size_it_is_told_and_leaves_the_global_generator_alone(monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[int, int]] = []

    def step(self: Trainer) -> LossPoint:
        seen.append((self.state.model.config.width, self._dataset.batch(0).shape[0]))
        clock.now_s += 10.0
        return LossPoint(self.state.step + 1, 1.0, 0.0)

    clock = FakeClock()
    monkeypatch.setattr(Trainer, "_step", step)
    before = torch.random.get_rng_state()
    time_a_step(TrainingSize(24, 3), [noise(4800)], AudioSpectrogram(), torch.device("cpu"), clock=clock)
    assert set(seen) == {(24, 3)}
    assert torch.equal(torch.random.get_rng_state(), before)
