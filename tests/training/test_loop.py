from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from edges import noise
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.training import scale
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import Trainer, TrainingProgress
from small_dataset_audio.training.scale import corpus_scale
from small_dataset_audio.training.state import LossPoint, TrainingState, new_state
from tiny import narrow_model

QUICK = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32)


class FakeClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def trainer_with_clock(
    config: TrainingConfig,
    step_time_s: Callable[[int], float],
    *,
    held_out: Callable[[float], float] | None = None,
    state: TrainingState | None = None,
) -> tuple[Trainer, FakeClock]:
    """A trainer whose steps do nothing but take time, and whose held-out loss is what `held_out` says of its progress."""
    clock = FakeClock()
    model = narrow_model(width=8, latent_dim=2)
    trainer = Trainer(state or new_state(model, config), [noise(4800)], [], AudioSpectrogram(), config, clock)

    def step() -> LossPoint:
        clock.now_s += step_time_s(trainer.state.step)
        return LossPoint(trainer.state.step + 1, 1.0, 0.0)

    def rebuild(mel: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        assert held_out is not None
        return mel + held_out(trainer.state.progress), None, None

    trainer._step = step  # type: ignore[method-assign]
    if held_out is not None:
        trainer._held_out = torch.zeros(1)
        trainer.averaged_model = lambda: rebuild  # type: ignore[method-assign, assignment, return-value]
    return trainer, clock


def assert_runs_evenly_to_the_end(progress: list[TrainingProgress]) -> None:
    shares = [point.progress for point in progress]
    assert all(before < after for before, after in itertools.pairwise(shares))
    assert shares[-1] == 1.0
    assert [point.step for point in progress] == list(range(1, len(progress) + 1))
    assert all(point.total_steps >= point.step for point in progress)
    assert all(point.stop_reason == "" for point in progress[:-1])
    assert progress[-1].stop_reason != ""
    assert progress[-1].remaining_s == 0.0


# --- the budget ---

STEP_TIMES: dict[str, Callable[[int], float]] = {
    "constant": lambda _: 0.3,
    "a slow first step": lambda step: 6.0 if step == 0 else 0.3,
    "three times slower from the middle": lambda step: 0.3 if step < 150 else 0.9,
    "three times faster from the middle": lambda step: 0.9 if step < 50 else 0.3,
    "ever slower": lambda step: 0.1 * 1.01**step,
    "noisy": lambda step: 0.1 + 0.4 * float(np.random.default_rng(step).random()),
    "a pause of ten seconds": lambda step: 10.0 if step == 120 else 0.3,
    "slow for a while": lambda step: 1.0 if 100 <= step < 120 else 0.2,
}


@pytest.mark.parametrize("name", STEP_TIMES)
def test_training_ends_when_the_budget_does_however_the_speed_drifts(name: str):
    trainer, clock = trainer_with_clock(TrainingConfig(budget_s=90.0), STEP_TIMES[name])
    began = clock.now_s
    progress = list(trainer.run())
    assert_runs_evenly_to_the_end(progress)
    last_steps_s = [STEP_TIMES[name](step) for step in range(len(progress))][-10:]
    assert clock.now_s - began == pytest.approx(90.0, abs=1.6 * max(last_steps_s))
    assert progress[-1].stop_reason == "budget"
    assert progress[-1].elapsed_s == clock.now_s - began


def test_time_that_the_caller_takes_between_steps_counts():
    trainer, clock = trainer_with_clock(TrainingConfig(budget_s=90.0), lambda _: 0.3)
    began = clock.now_s
    for point in trainer.run():
        if point.step in (50, 100):
            clock.now_s += 15.0  # a preview
    assert clock.now_s - began == pytest.approx(90.0, abs=0.5)


def test_a_budget_shorter_than_a_step_is_two_steps_long():
    trainer, _ = trainer_with_clock(TrainingConfig(budget_s=5.0), lambda _: 20.0)
    progress = list(trainer.run())
    assert_runs_evenly_to_the_end(progress)
    assert len(progress) == 2  # nobody knows how long a step is before the first one


@pytest.mark.parametrize("first_step_s", [0.3, 3.0])
def test_the_time_left_is_right(first_step_s: float):
    trainer, clock = trainer_with_clock(TrainingConfig(budget_s=90.0), lambda step: first_step_s if step == 0 else 0.3)
    points = [(point, clock.now_s) for point in trainer.run()]
    end_s = points[-1][1]
    for point, now_s in points[1:]:
        assert point.remaining_s == pytest.approx(end_s - now_s, rel=0.1, abs=0.5)
        assert point.total_steps == pytest.approx(len(points), rel=0.02)
    # Of the first step nothing is known but itself: what is left of the budget is all there is to say.
    assert points[0][0].remaining_s == pytest.approx(90.0 - first_step_s, rel=0.02)


def test_the_time_left_is_known_again_soon_after_a_slowdown():
    trainer, clock = trainer_with_clock(TrainingConfig(budget_s=90.0), STEP_TIMES["three times slower from the middle"])
    points = [(point, clock.now_s) for point in trainer.run()]
    for point, now_s in points[165:]:
        assert point.remaining_s == pytest.approx(points[-1][1] - now_s, rel=0.1, abs=1.5)


def test_a_slow_first_step_after_a_resumption_does_not_rush_the_schedule():
    config = TrainingConfig(budget_s=100.0)
    state = new_state(narrow_model(width=8, latent_dim=2), config)
    state.step, state.progress, state.elapsed_s = 100, 0.5, 50.0
    trainer, _ = trainer_with_clock(config, lambda step: 5.0 if step == 100 else 0.5, state=state)
    progress = list(itertools.islice(trainer.run(), 19))
    # 90 steps of half a second are left after the slow one; 18 of them are a fifth of the way.
    assert progress[-1].progress == pytest.approx(0.5 + 0.5 * 18 / 90, abs=0.01)
    assert progress[-1].elapsed_s == 50.0 + 5.0 + 18 * 0.5


def test_a_resumed_training_uses_what_is_left_of_its_budget():
    config = TrainingConfig(budget_s=100.0)
    state = new_state(narrow_model(width=8, latent_dim=2), config)
    state.step, state.progress, state.elapsed_s = 100, 0.5, 50.0
    trainer, clock = trainer_with_clock(config, lambda _: 0.5, state=state)
    began = clock.now_s
    progress = list(trainer.run())
    assert clock.now_s - began == pytest.approx(50.0, abs=1.0)
    assert progress[-1].elapsed_s == pytest.approx(100.0, abs=1.0)
    assert progress[-1].progress == 1.0


def test_a_number_of_steps_is_kept_whatever_the_time():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=37, budget_s=5.0), STEP_TIMES["noisy"])
    progress = list(trainer.run())
    assert_runs_evenly_to_the_end(progress)
    assert len(progress) == 37
    assert {point.total_steps for point in progress} == {37}
    for point in progress:
        assert point.progress == pytest.approx(point.step / 37, abs=1e-12)
    assert progress[-1].stop_reason == "budget"


# --- the plateau ---


def falls_until(share: float) -> Callable[[float], float]:
    """Held-out loss that falls evenly up to `share` of the training, and is flat from there on."""
    return lambda progress: 2.0 - min(progress, share)


def test_training_ends_early_on_a_plateau_and_says_so():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=200), lambda _: 0.1, held_out=falls_until(0.3))
    progress = list(trainer.run())
    assert_runs_evenly_to_the_end(progress)
    assert progress[-1].stop_reason == "plateau"
    # Flat from 0.3 on; noticed 0.35 later, after 132 steps or so; 15 % of them again to bring the learning rate down.
    assert 145 <= len(progress) <= 165
    annealing = progress[140:]
    assert annealing[0].total_steps == len(progress)
    assert annealing[0].remaining_s == pytest.approx(0.1 * (len(progress) - 141))


def test_no_plateau_is_found_in_the_first_half():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=200), lambda _: 0.1, held_out=falls_until(0.0))
    assert list(trainer.run())[-1].step >= 100


def test_a_held_out_loss_that_falls_to_the_end_is_no_plateau():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=200), lambda _: 0.1, held_out=falls_until(1.0))
    progress = list(trainer.run())
    assert (len(progress), progress[-1].stop_reason) == (200, "budget")


@pytest.mark.parametrize("share", [0.57, 0.61, 0.63, 0.65])
def test_a_plateau_found_late_does_not_outlast_the_plan(share: float):
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=200), lambda _: 0.1, held_out=falls_until(share))
    progress = list(trainer.run())
    assert_runs_evenly_to_the_end(progress)
    assert (len(progress), progress[-1].stop_reason) == (200, "budget")


def test_a_plateau_found_late_does_not_outlast_the_budget():
    trainer, clock = trainer_with_clock(TrainingConfig(budget_s=90.0), lambda _: 0.3, held_out=falls_until(0.61))
    began = clock.now_s
    assert_runs_evenly_to_the_end(list(trainer.run()))
    assert clock.now_s - began == pytest.approx(90.0, abs=0.5)


def test_a_resumed_plateau_ends_where_it_would_have_ended():
    config = TrainingConfig(max_steps=200)
    trainer, _ = trainer_with_clock(config, lambda _: 0.1, held_out=falls_until(0.3))
    uninterrupted = list(trainer.run())
    trainer, _ = trainer_with_clock(config, lambda _: 0.1, held_out=falls_until(0.3))
    before = list(itertools.islice(trainer.run(), 140))
    assert trainer.state.annealing_steps_left is not None
    resumed, _ = trainer_with_clock(config, lambda _: 0.1, held_out=falls_until(0.3), state=trainer.state)
    after = list(resumed.run())
    assert [point.progress for point in before + after] == [point.progress for point in uninterrupted]
    assert after[-1].stop_reason == "plateau"


def test_without_held_out_recordings_nothing_is_measured_and_training_goes_to_the_end():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=60), lambda _: 0.1)
    progress = list(trainer.run())
    assert (len(progress), progress[-1].stop_reason) == (60, "budget")
    assert all(point.losses.held_out is None for point in progress)


def test_the_held_out_loss_is_measured_evenly_and_at_the_end():
    trainer, _ = trainer_with_clock(TrainingConfig(max_steps=200), lambda _: 0.1, held_out=falls_until(1.0))
    measured = [point.step for point in trainer.run() if point.losses.held_out is not None]
    assert 25 <= len(measured) <= 26
    assert max(after - before for before, after in itertools.pairwise([0, *measured])) <= 9
    assert measured[-1] == 200


# --- learning ---


@dataclasses.dataclass(frozen=True)
class Learnt:
    progress: list[TrainingProgress]
    rates: list[float]
    trainer: Trainer


@pytest.fixture(scope="module")
def learnt(clips: list[np.ndarray], spectrogram: AudioSpectrogram) -> Learnt:
    two = clips[:2]
    mean, deviation = corpus_scale(two, spectrogram)
    config = TrainingConfig(max_steps=60, batch_size=4, crop_frames=64, learning_rate=3e-3)
    state = new_state(narrow_model(width=32, latent_dim=8, mel_mean=mean, mel_std=deviation), config)
    trainer = Trainer(state, two, [clips[2]], spectrogram, config)
    progress, rates = [], []
    for point in trainer.run():
        progress.append(point)
        rates.append(state.optimizer.param_groups[0]["lr"])
    return Learnt(progress, rates, trainer)


def test_two_recordings_are_learnt_in_sixty_steps(learnt: Learnt):
    losses = [point.losses.reconstruction for point in learnt.progress]
    assert losses[0] == pytest.approx(1.0, abs=0.3)  # an untrained model knows the mean: one deviation off
    assert np.mean(losses[-5:]) < 0.6 * losses[0]


def test_what_is_learnt_also_holds_for_a_recording_that_was_held_out(learnt: Learnt):
    held_out = [point.losses.held_out for point in learnt.progress if point.losses.held_out is not None]
    assert held_out[-1] < 0.8 * held_out[0]


def test_the_learning_rate_warms_up_and_falls_as_a_cosine_to_nothing(learnt: Learnt):
    expected = [3e-3 * min((k + 1) / 20, 1.0) * 0.5 * (1 + math.cos(math.pi * k / 60)) for k in range(60)]
    np.testing.assert_allclose(learnt.rates, expected, rtol=1e-9)


def test_the_history_holds_the_losses_of_every_step(learnt: Learnt):
    assert learnt.trainer.state.history == [point.losses for point in learnt.progress]
    assert all(math.isfinite(point.kl) and point.kl >= 0 for point in learnt.trainer.state.history)


def test_the_averaged_model_holds_the_average_and_not_the_last_weights(learnt: Learnt):
    averaged = learnt.trainer.averaged_model()
    assert not averaged.training
    last = learnt.trainer.state.model.state_dict()
    for name, value in averaged.state_dict().items():
        assert torch.equal(value, learnt.trainer.state.average[name])
    assert any(not torch.equal(value, last[name]) for name, value in averaged.state_dict().items())


def fresh_trainer(clips: list[np.ndarray], spectrogram: AudioSpectrogram, config: TrainingConfig = QUICK) -> Trainer:
    return Trainer(new_state(narrow_model(), config), clips, clips[:1], spectrogram, config)


def test_the_average_follows_closely_at_first(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    trainer = fresh_trainer(clips, spectrogram)
    before = copy.deepcopy(trainer.state.model.state_dict())
    next(trainer.run())
    for name, value in trainer.state.model.state_dict().items():
        torch.testing.assert_close(trainer.state.average[name], 0.1 * before[name] + 0.9 * value)


def weights(state: TrainingState) -> dict[str, torch.Tensor]:
    return {
        **{f"model.{name}": value.clone() for name, value in state.model.state_dict().items()},
        **{f"average.{name}": value.clone() for name, value in state.average.items()},
    }


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_training_is_a_function_of_corpus_and_seed(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    runs = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        trainer = fresh_trainer(clips, spectrogram)
        losses = [point.losses for point in trainer.run()]
        assert torch.equal(torch.get_rng_state(), before)
        runs.append((losses, weights(trainer.state)))
    assert runs[0][0] == runs[1][0]
    assert_same_weights(runs[0][1], runs[1][1])
    other_seed = fresh_trainer(clips, spectrogram, dataclasses.replace(QUICK, seed=1))
    assert [point.losses for point in other_seed.run()] != runs[0][0]


def test_whoever_stops_asking_can_go_on_later(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    whole = fresh_trainer(clips, spectrogram)
    losses = [point.losses for point in whole.run()]
    interrupted = fresh_trainer(clips, spectrogram)
    first: Iterator[Any] = interrupted.run()
    points = [next(first).losses for _ in range(2)]
    assert interrupted.state.step == len(interrupted.state.history) == 2
    points += [point.losses for point in interrupted.run()]
    assert points == losses
    assert_same_weights(weights(interrupted.state), weights(whole.state))


def test_a_finished_training_has_nothing_left_to_do(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    trainer = fresh_trainer(clips, spectrogram)
    list(trainer.run())
    assert list(trainer.run()) == []


def test_a_trainer_checks_its_settings_and_clips(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    with pytest.raises(InvalidConfigError, match="batch_size is 0"):
        fresh_trainer(clips, spectrogram, TrainingConfig(batch_size=0))
    with pytest.raises(InvalidConfigError, match="clips is empty"):
        Trainer(new_state(narrow_model(), QUICK), [], [], spectrogram, QUICK)


def test_the_model_that_is_trained_is_the_one_handed_in(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    model: ConvVAE = narrow_model()
    before = copy.deepcopy(model.state_dict())
    state = new_state(model, QUICK)
    list(Trainer(state, clips, [], spectrogram, QUICK).run())
    assert state.model is model
    assert any(not torch.equal(value, before[name]) for name, value in model.state_dict().items())


# --- the scale of a corpus ---


def test_the_scale_is_mean_and_deviation_of_all_log_mels(clips: list[np.ndarray], spectrogram: AudioSpectrogram):
    mels = [spectrogram.waveform_to_mel(torch.from_numpy(clip)).flatten().double() for clip in clips]
    everything = torch.cat(mels).numpy()
    mean, deviation = corpus_scale(clips, spectrogram)
    assert mean == pytest.approx(everything.mean(), rel=1e-9)
    assert deviation == pytest.approx(everything.std(), rel=1e-6)


def test_the_scale_of_a_long_recording_is_added_up_over_all_of_it(spectrogram: AudioSpectrogram):
    # Five times as loud in every quarter as in the one before; over 16 000 frames.
    long = np.repeat([0.001, 0.005, 0.025, 0.125], 4096 * 512).astype(np.float32) * noise(4 * 4096 * 512)
    everything = spectrogram.waveform_to_mel(torch.from_numpy(long)).double()
    mean, deviation = corpus_scale([long], spectrogram)
    assert mean == pytest.approx(float(everything.mean()), rel=1e-9)
    assert deviation == pytest.approx(float(everything.std()), rel=1e-6)


def test_of_a_large_corpus_the_middle_of_every_recording_sets_the_scale(
    spectrogram: AudioSpectrogram, monkeypatch: pytest.MonkeyPatch
):
    loud, quiet = noise(48_000), 0.001 * noise(96_000)
    monkeypatch.setattr(scale, "_SCALE_SECONDS", 1.5)
    middles = [loud[12_000:36_000], quiet[24_000:72_000]]
    expected = corpus_scale(middles, spectrogram)
    loud[:12_000], loud[36_000:] = 0.0, 0.0  # what is left out may be anything
    assert corpus_scale([loud, quiet], spectrogram) == expected


def test_the_scale_of_silence_does_not_vanish(spectrogram: AudioSpectrogram):
    mean, deviation = corpus_scale([np.zeros(4800, np.float32)], spectrogram)
    assert mean == pytest.approx(-5.0, abs=1e-6)
    assert deviation == 0.05
