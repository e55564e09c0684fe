"""Row 30 of the fault table: steps that come to no number or find no memory, planted where they are wanted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import TrainingError
from small_dataset_audio.training import (
    CropDataset,
    Trainer,
    TrainingConfig,
    TrainingProgress,
    TrainingSetback,
    recovery,
)
from small_dataset_audio.training.checkpoint import checkpoint_bytes, load_checkpoint, save_checkpoint
from small_dataset_audio.training.recovery import GOOD_EVERY_STEPS
from small_dataset_audio.training.sizing import SMALLER_SIZES, TrainingSize, choose_size, time_a_step
from small_dataset_audio.training.state import TrainingState, new_state, state_tensors
from tiny import five_clips, narrow_model

CONFIG = TrainingConfig(max_steps=24, batch_size=4, crop_frames=32, plateau_share=1.0)

Fault = Callable[[torch.Tensor], torch.Tensor]


def no_number(mel: torch.Tensor) -> torch.Tensor:
    return mel * math.nan


def no_memory(_: torch.Tensor) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault, Callable[[int, int], bool]], None]:
    """Let the batches of some (steps done, setbacks) be faulty."""
    really = CropDataset.batch

    def use(fault: Fault, where: Callable[[int, int], bool]) -> None:
        def batch(self: CropDataset, step: int, *, batch_size: int | None = None, retry: int = 0) -> torch.Tensor:
            mel = really(self, step, batch_size=batch_size, retry=retry)
            return fault(mel) if where(step, retry) else mel

        monkeypatch.setattr(CropDataset, "batch", batch)

    return use


def trainer(config: TrainingConfig = CONFIG, state: TrainingState | None = None) -> Trainer:
    clips = five_clips()
    return Trainer(state or new_state(narrow_model(), config), clips[:3], clips[3:], AudioSpectrogram(), config)


def setbacks(events: list[Any]) -> list[TrainingSetback]:
    return [event for event in events if isinstance(event, TrainingSetback)]


def steps(events: list[Any]) -> list[int]:
    return [event.step for event in events if isinstance(event, TrainingProgress)]


def copied(state: TrainingState) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state_tensors(state).items()}


def assert_same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def assert_same_state(one: TrainingState, other: TrainingState) -> None:
    assert_same_tensors(state_tensors(one), state_tensors(other))
    left_out = {"model", "average", "optimizer", "elapsed_s", "good"}
    for field in {field.name for field in dataclasses.fields(one)} - left_out:
        assert getattr(one, field) == getattr(other, field), field


# --- no number ---


def test_row_30_a_loss_that_is_no_number_goes_back_to_the_last_good_step_with_half_the_learning_rate(plant):
    plant(no_number, lambda step, retry: (step, retry) == (14, 0))
    whole, rates, at_ten = trainer(), {}, {}
    events = []
    for event in whole.run():
        events.append(event)
        if isinstance(event, TrainingSetback):
            assert_same_tensors(state_tensors(whole.state), at_ten)
            assert (whole.state.step, len(whole.state.history)) == (10, 10)
        else:
            rates.setdefault((event.step, whole.state.setbacks), whole.state.optimizer.param_groups[0]["lr"])
            if event.step == 10 and not at_ten:
                at_ten = copied(whole.state)
    assert setbacks(events) == [TrainingSetback(15, 10, "not finite", 0.5, 4)]
    assert steps(events) == [*range(1, 15), *range(11, 25)]
    assert rates[13, 1] == pytest.approx(rates[13, 0] / 2, rel=1e-12)
    assert [point.step for point in whole.state.history] == list(range(1, 25))


def test_row_30_the_batches_after_a_setback_are_others_than_those_that_led_to_it():
    clips = five_clips()
    dataset = CropDataset(clips, AudioSpectrogram(), CONFIG)
    first, again, third = (dataset.batch(14, retry=retry) for retry in (0, 1, 2))
    assert not torch.equal(first, again)
    assert not torch.equal(again, third)
    assert torch.equal(again, dataset.batch(14, retry=1))
    assert torch.equal(first, dataset.batch(14))


def test_row_30_a_gradient_that_is_no_number_is_a_setback_too(monkeypatch: pytest.MonkeyPatch):
    whole = trainer()
    weight = next(whole.state.model.parameters())
    weight.register_hook(lambda grad: grad * math.inf if (whole.state.step, whole.state.setbacks) == (12, 0) else grad)
    events = list(whole.run())
    assert setbacks(events) == [TrainingSetback(13, 10, "not finite", 0.5, 4)]
    assert all(torch.isfinite(value).all() for value in state_tensors(whole.state).values())


def test_row_30_a_held_out_loss_that_is_no_number_is_a_setback_too():
    whole = trainer()
    running = whole.run()
    events = [next(running) for _ in range(3)]
    whole.state.average["decoder.0.weight"].fill_(math.nan)
    events += list(running)
    (setback,) = setbacks(events)
    assert (setback.back_to_step, setback.cause) == (0, "not finite")
    assert math.isfinite(whole.state.history[-1].held_out or math.nan)
    assert whole.state.step == 24


def test_row_30_weights_that_are_no_numbers_are_healed_and_never_kept_as_good(monkeypatch: pytest.MonkeyPatch):
    # Nothing is held out: a measurement would find it in the same step, before a copy is due.
    whole = Trainer(new_state(narrow_model(), CONFIG), five_clips(), [], AudioSpectrogram(), CONFIG)
    really_step = whole.state.optimizer.step

    def step_into_the_void() -> None:
        really_step()
        if (whole.state.step, whole.state.setbacks) == (GOOD_EVERY_STEPS - 1, 0):
            with torch.no_grad():
                next(whole.state.model.parameters()).fill_(math.nan)

    monkeypatch.setattr(whole.state.optimizer, "step", step_into_the_void)
    events = list(whole.run())
    assert setbacks(events) == [TrainingSetback(GOOD_EVERY_STEPS + 1, 0, "not finite", 0.5, 4)]
    assert steps(events)[-1] == 24
    assert all(torch.isfinite(value).all() for value in state_tensors(whole.state).values())


def test_row_30_where_going_back_does_not_help_the_training_ends_and_says_what_to_do(plant):
    plant(no_number, lambda step, _: step >= 12)
    whole = trainer()
    events = []
    with pytest.raises(TrainingError, match=r"step 13 came to no finite number, even at 1/32 .*--seed") as caught:
        for event in whole.run():
            events.append(event)
    assert [setback.rate_share for setback in setbacks(events)] == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]
    assert "\n" not in str(caught.value)
    assert whole.state.step == len(whole.state.history) == 10
    assert whole.state.setbacks == 6  # whoever goes on draws other batches than those that came to this
    assert all(torch.isfinite(value).all() for value in state_tensors(whole.state).values())


def test_row_30_the_learning_rate_is_given_back_after_enough_good_steps(monkeypatch: pytest.MonkeyPatch, plant):
    monkeypatch.setattr(recovery, "STEADY_STEPS", 4)
    plant(no_number, lambda step, retry: (step, retry) in {(3, 0), (3, 1), (14, 2)})
    whole, shares = trainer(), []
    for event in whole.run():
        if isinstance(event, TrainingProgress):
            shares.append((event.step, whole.state.rate_share))
    assert shares[:3] == [(1, 1.0), (2, 1.0), (3, 1.0)]
    # Step 4 fails twice, and it begins anew at a quarter; step 15 fails, and it goes back to step 10.
    again = [(step, 0.25 if step < 4 else 0.5 if step < 8 else 1.0) for step in range(1, 15)]
    assert shares[6:] == [*again, *((step, 0.5 if step < 14 else 1.0) for step in range(11, 25))]
    assert whole.state.steady_steps == 0


def test_row_30_a_setback_without_memory_puts_off_the_giving_back(monkeypatch: pytest.MonkeyPatch, plant):
    monkeypatch.setattr(recovery, "STEADY_STEPS", 12)
    plant(no_number, lambda step, retry: (step, retry) == (1, 0))
    whole = trainer()
    running = whole.run()
    for _ in range(13):
        next(running)
    assert (whole.state.step, whole.state.rate_share, whole.state.steady_steps) == (11, 0.5, 11)
    plant(no_memory, lambda step, retry: (step, retry) == (11, 1))
    next(running)
    assert (whole.state.step, whole.state.rate_share, whole.state.steady_steps) == (10, 0.5, 0)


# --- no memory ---


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
        ),
    ],
    ids=["CUDA", "MPS", "CPU"],
)
def test_row_30_a_step_without_memory_goes_back_with_half_the_batch(plant, error: RuntimeError):
    def fail(_: torch.Tensor) -> torch.Tensor:
        raise error

    plant(fail, lambda step, retry: (step, retry) in {(3, 0), (12, 1)})
    whole = trainer()
    events = list(whole.run())
    assert setbacks(events) == [
        TrainingSetback(4, 0, "out of memory", 1.0, 2),
        TrainingSetback(13, 10, "out of memory", 1.0, 1),
    ]
    assert whole.state.step == 24
    assert whole.state.batch_size == 1
    assert whole._dataset.batch(0, batch_size=whole.state.batch_size).shape[0] == 1


def test_row_30_a_smaller_batch_holds_the_first_crops_of_the_larger_one():
    dataset = CropDataset(five_clips(), AudioSpectrogram(), CONFIG)
    torch.testing.assert_close(dataset.batch(5, batch_size=2), dataset.batch(5)[:2])


def test_row_30_one_crop_without_memory_ends_the_training_and_says_what_to_do(plant):
    whole = trainer()
    plant(no_memory, lambda *_: True)
    with pytest.raises(TrainingError, match=r"step 1 found no memory, even with one crop .* --device cpu"):
        list(whole.run())
    assert (whole.state.step, whole.state.batch_size, whole.state.setbacks) == (0, 1, 3)


def test_row_30_another_error_is_not_taken_for_one_of_memory(plant):
    def fail(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a bug")

    plant(fail, lambda step, _: step == 2)
    with pytest.raises(RuntimeError, match="a bug"):
        list(trainer().run())


def test_row_30_a_size_that_finds_no_memory_is_not_chosen(plant):
    plant(no_memory, lambda *_: True)
    times: dict[int, float] = {}

    def timed(size: TrainingSize) -> float:
        clips = [np.zeros(4800, np.float32)]
        times[size.width] = time_a_step(TrainingSize(8, 2), clips, AudioSpectrogram(), torch.device("cpu"))
        return times[size.width]

    assert choose_size(1e6, timed) == SMALLER_SIZES[-1]
    assert set(times.values()) == {math.inf}


# --- exact resume, setbacks included ---


@pytest.mark.parametrize(
    ("fault", "saved_after"),
    [*((no_number, count) for count in (3, 10, 13, 14, 15, 16, 27)), *((no_memory, count) for count in (13, 16))],
)
def test_row_30_a_training_resumed_before_or_after_a_setback_ends_as_if_it_had_never_stopped(
    tmp_path: Path, plant, fault: Fault, saved_after: int
):
    plant(fault, lambda step, retry: (step, retry) == (14, 0))
    whole = trainer()
    events = list(whole.run())
    interrupted = trainer()
    running = interrupted.run()
    before = [next(running) for _ in range(saved_after)]  # the fifteenth event is the setback
    save_checkpoint(tmp_path / "c", interrupted.state, CONFIG, "c0ffee")
    resumed = trainer(state=load_checkpoint(tmp_path / "c")[0])
    after = list(resumed.run())
    assert setbacks(before + after) == setbacks(events) != []
    assert steps(before + after) == steps(events)
    assert_same_state(resumed.state, whole.state)


@pytest.mark.parametrize("saved_after", [16, 18, 19, 20])
def test_row_30_a_rate_that_is_given_back_comes_back_at_the_same_step_of_a_resumed_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plant, saved_after: int
):
    monkeypatch.setattr(recovery, "STEADY_STEPS", 5)
    plant(no_number, lambda step, retry: (step, retry) == (14, 0))
    whole, interrupted = trainer(), trainer()
    assert len(setbacks(list(whole.run()))) == 1
    running = interrupted.run()
    for _ in range(saved_after):
        next(running)
    assert interrupted.state.rate_share == (1.0 if saved_after == 20 else 0.5)
    save_checkpoint(tmp_path / "c", interrupted.state, CONFIG, "c0ffee")
    resumed = trainer(state=load_checkpoint(tmp_path / "c")[0])
    list(resumed.run())
    assert_same_state(resumed.state, whole.state)


def test_a_checkpoint_holds_a_second_state_only_where_a_setback_would_go_back_to_another(tmp_path: Path):
    interrupted = trainer()
    running = interrupted.run()
    sizes = {}
    for step in range(1, GOOD_EVERY_STEPS + 2):
        next(running)
        save_checkpoint(tmp_path / "c", interrupted.state, CONFIG, "c0ffee")
        sizes[step] = (tmp_path / "c").stat().st_size
    # Before the first copy with moments: weights, average, two moments, and again weights and average.
    assert sizes[1] == pytest.approx(1.5 * sizes[GOOD_EVERY_STEPS], rel=0.1)
    assert sizes[GOOD_EVERY_STEPS + 1] == pytest.approx(2 * sizes[GOOD_EVERY_STEPS], rel=0.1)
    assert max(sizes.values()) < checkpoint_bytes(interrupted.state.model.state_dict(), GOOD_EVERY_STEPS)
