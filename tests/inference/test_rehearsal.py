"""Rehearsals against a take that answers by arithmetic: a tone, always some semitones higher than it was asked to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from small_dataset_audio.controls.planner import Goal
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.steering import SteeredDensity, Wish, goal_of, wish_of
from small_dataset_audio.inference.rehearsal import measured_of, rehearsals_of, rehearse
from small_dataset_audio.models.analysis import NUM_COLUMNS, NUM_CONTROLS, Analysis

RATE = 48_000
PITCH, LOUDNESS, ATTACK = (NAMES.index(name) for name in ("pitch", "loudness", "attack"))
WANTED = 62.0


def asked_for(pitch: float, **wish: object) -> SteeredDensity:
    """A density of which only the goal and the wish are looked at."""
    targets = np.zeros((1, NUM_CONTROLS))
    targets[0, PITCH] = pitch
    only_pitch = np.eye(NUM_CONTROLS)[PITCH]
    goal = Goal(targets, np.full(NUM_CONTROLS, 2.0), np.ones(NUM_CONTROLS))
    wanted = Wish(np.full(NUM_CONTROLS, WANTED), np.full(NUM_CONTROLS, 2.0), only_pitch, only_pitch > 0)
    return SteeredDensity(None, None, goal, 2048, **{"wish": wanted, **wish})  # type: ignore[arg-type]


def tone_above(semitones: float, heard: list[float]) -> Callable[[SteeredDensity], np.ndarray]:
    def hear(density: SteeredDensity) -> np.ndarray:
        heard.append(float(density.goal.targets[0, PITCH]))
        frequency_hz = 440.0 * 2.0 ** ((heard[-1] + semitones - 69.0) / 12.0)
        return (0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE)).astype(np.float32)[None]

    return hear


@pytest.mark.parametrize("semitones", [-5.0, 3.0, 8.0])
def test_what_is_always_missed_is_made_up_for_and_then_it_is_enough(semitones: float):
    heard: list[float] = []
    best, _ = rehearse(asked_for(WANTED), tone_above(semitones, heard), 20)
    assert heard[0] == WANTED
    assert heard[-1] == best.goal.targets[0, PITCH]
    assert len(heard) < 10
    measured = measured_of(tone_above(semitones, [])(best)[0])[PITCH]
    assert abs(measured - WANTED) <= 0.15 * 2.0  # deviations of 2
    assert np.delete(best.goal.targets[0], PITCH).tolist() == [0.0] * (NUM_CONTROLS - 1)  # what counts nothing stays


def test_what_is_met_at_once_is_heard_once():
    heard: list[float] = []
    best, _ = rehearse(asked_for(WANTED), tone_above(0.0, heard), 3)
    assert heard == [WANTED]
    assert best.goal.targets[0, PITCH] == WANTED


def test_what_a_slider_says_is_not_enough_where_others_are_carried_away():
    density = asked_for(WANTED)
    wish = density.wish
    assert wish is not None
    all_count = replace(wish, weights=np.ones(NUM_CONTROLS))  # of others, a tone measures nothing that is wanted here
    heard: list[float] = []
    rehearse(replace(density, wish=all_count), tone_above(0.0, heard), 3)
    assert len(heard) == 3


def test_the_best_rehearsal_counts_and_not_the_last():
    answers = iter([1.0, 12.0, 12.0])
    density = asked_for(WANTED)

    def hear(_: SteeredDensity) -> np.ndarray:
        return tone_above(next(answers), [])(density)

    best, take = rehearse(density, hear, 3)
    assert best.goal is density.goal
    np.testing.assert_array_equal(take, tone_above(1.0, [])(density))


def test_silence_asks_for_nothing_else_and_is_nothing_to_be_content_with():
    heard: list[SteeredDensity] = []

    def hear(density: SteeredDensity) -> np.ndarray:
        heard.append(density)
        return np.zeros((1, 100), np.float32)

    assert rehearse(asked_for(WANTED), hear, 3)[0].goal.targets[0, PITCH] == WANTED
    assert len(heard) == 3


def test_a_take_that_measures_something_is_better_than_silence():
    answers = iter([True, False, True])
    density = asked_for(WANTED)

    def hear(tried: SteeredDensity) -> np.ndarray:
        return np.zeros((1, RATE), np.float32) if next(answers) else tone_above(4.0, [])(tried)

    best, _ = rehearse(density, hear, 3)
    assert best.goal.weights[PITCH] > 1.0  # the second one, after a first that said nothing


def test_without_a_wish_or_a_rehearsal_nothing_is_heard():
    heard: list[float] = []
    # One alone would correct nothing.
    for density, times in ((asked_for(WANTED, wish=None), 4), (asked_for(WANTED), 0), (asked_for(WANTED), 1)):
        assert rehearse(density, tone_above(3.0, heard), times) == (density, None)
    assert heard == []


@pytest.mark.parametrize(("duration_s", "times"), [(0.05, 8), (10.0, 8), (20.0, 4), (40.0, 2), (41.0, 0), (3600.0, 0)])
def test_long_takes_are_not_rehearsed(duration_s: float, times: int):
    assert rehearsals_of(duration_s) == times


def analysis_of(**changes: object) -> Analysis:
    """Sums say 10 where takes measure 12, of everything; sliders go from 8 to 20, and what moves drags along what it can."""
    each = np.ones((NUM_CONTROLS, NUM_CONTROLS), np.float32)
    figures = {
        "sums": np.ones((3, NUM_COLUMNS), np.float32),
        "neutral": np.full(NUM_CONTROLS, 10.0, np.float32),
        "spread": np.full(NUM_CONTROLS, 2.0, np.float32),
        "asked": np.tile(np.array([-1.0, 0.0, 1.0], np.float32), (NUM_CONTROLS, 1)),
        "measured": np.tile(np.array([8.0, 12.0, 20.0], np.float32), (NUM_CONTROLS, 1)),
        "crosstalk": each,
        "weights": each,
        "leans": each,
        "monotonicity": np.ones(NUM_CONTROLS, np.float32),
        "is_live": np.ones(NUM_CONTROLS, bool),
        "quantiles": each,
    }
    return Analysis(**{**figures, **changes})  # type: ignore[arg-type]


def test_a_take_shall_measure_what_its_slider_says_and_of_all_else_what_takes_do():
    analysis = analysis_of()
    controls = {"pitch": 5.0}
    wish = wish_of(analysis, controls, goal_of(analysis, controls).weights)
    assert wish.means[PITCH] == 16.0
    assert np.delete(wish.means, [PITCH, LOUDNESS]).tolist() == [12.0] * (NUM_CONTROLS - 2)
    assert wish.weights[LOUDNESS] == 0.0
    assert wish.weights[PITCH] > wish.weights[ATTACK] > 0.0
    assert wish.missed(np.full(NUM_CONTROLS, 14.0))[[PITCH, ATTACK, LOUDNESS]].tolist() == [-1.0, 1.0, 0.0]
    assert wish.missed(np.full(NUM_CONTROLS, np.nan)).tolist() == [0.0] * NUM_CONTROLS


def test_of_what_no_take_was_measured_nothing_is_wished():
    measured = analysis_of().measured.copy()
    measured[ATTACK] = 0.0
    analysis = analysis_of(measured=measured)
    controls = {"pitch": [(0.0, -10.0), (1.0, 10.0)]}
    wish = wish_of(analysis, controls, goal_of(analysis, controls).weights)
    assert wish.weights[ATTACK] == 0.0
    assert wish.means[PITCH] == pytest.approx((8.0 + 12.0) / 4 + (12.0 + 20.0) / 4, abs=0.1)  # over the ramp


def test_a_density_that_is_rehearsed_is_the_same_but_for_its_goal_and_quicker_plans():
    density = asked_for(WANTED)
    best, _ = rehearse(density, tone_above(3.0, []), 4)
    assert best.effort.most_plans < density.effort.most_plans
    assert replace(best, goal=density.goal, effort=density.effort) == density


def test_what_a_slider_says_counts_more_once_it_was_missed():
    asked: list[np.ndarray] = []

    def hear(density: SteeredDensity) -> np.ndarray:
        asked.append(density.goal.weights)
        return tone_above(5.0, [])(density)

    rehearse(asked_for(WANTED), hear, 3)
    assert asked[0].tolist() == [1.0] * NUM_CONTROLS
    for weights in asked[1:]:
        assert weights[PITCH] > 1.0
        assert np.delete(weights, PITCH).tolist() == [1.0] * (NUM_CONTROLS - 1)


def test_a_take_that_shall_be_near_to_something_is_planned_with_all_effort():
    density = asked_for(WANTED)
    near = replace(density, goal=replace(density.goal, affinity=np.zeros((1, 1))))
    heard: list[float] = []
    assert rehearse(near, tone_above(30.0, heard), 8)[0].effort == density.effort
    assert len(heard) == 4


def test_each_rehearsal_is_told():
    told: list[tuple[int, int]] = []
    rehearse(asked_for(WANTED), tone_above(30.0, []), 3, lambda *both: told.append(both))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
