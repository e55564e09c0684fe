from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from controls.corpora import LENGTH, STEP_SAMPLES, corpus_of
from small_dataset_audio.controls.hearing import made_onsets
from small_dataset_audio.controls.material import Stretches, material_of
from small_dataset_audio.controls.moments import COLUMNS, deviations, estimate
from small_dataset_audio.controls.planner import Goal, Plan, plan_take
from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.controls.weave import weave

BRIGHT = NAMES.index("brightness")
PITCH = NAMES.index("pitch")


def only(name_weights: dict[str, float]) -> np.ndarray:
    return np.array([name_weights.get(name, 1e-9) for name in NAMES])


def goal(values: list[dict[str, float]], weights: dict[str, float], **extra) -> Goal:
    targets = np.array([[value.get(name, 0.0) for name in NAMES] for value in values])
    # By about as much takes of such a corpus differ.
    return Goal(targets, np.full(len(NAMES), 0.2), only(weights), **extra)


def planned(material, aim: Goal, steps: int = 480, seed: int = 0) -> tuple[Plan, np.ndarray]:
    plan = plan_take(material, aim, steps, STEP_SAMPLES, np.random.default_rng(seed))
    sums = (material.totals[plan.ends] - material.totals[plan.starts]).sum(axis=0)
    return plan, estimate(sums, STEP_SAMPLES)


@pytest.mark.parametrize("wanted", [-0.8, 0.0, 0.3, 0.9])
def test_a_plan_measures_what_was_asked_for(wanted: float):
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist() * 3)
    _, figures = planned(material_of(density, sums), goal([{"brightness": wanted}], {"brightness": 1.0}))
    assert figures[BRIGHT] == pytest.approx(wanted, abs=0.1)


def test_a_take_comes_back_to_a_recording_only_now_and_then():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist() * 3)
    for seed in range(4):
        plan, _ = planned(material_of(density, sums), goal([{"brightness": 0.5}], {"brightness": 1.0}), seed=seed)
        recordings = (plan.starts // LENGTH).tolist()
        assert all(one != other for one, other in itertools.pairwise(recordings))
        assert len(set(recordings)) > len(recordings) / 2


def test_what_is_held_stays_where_it_was_while_another_is_steered():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist() * 6)
    material = material_of(density, sums)
    for wanted in (-0.6, 0.6):
        _, free = planned(material, goal([{"brightness": wanted}], {"brightness": 1.0}))
        _, held = planned(material, goal([{"brightness": wanted}], {"brightness": 1.0, "pitch": 1.0}))
        assert held[BRIGHT] == pytest.approx(wanted, abs=0.15)
        assert abs(held[PITCH]) < max(0.15, abs(free[PITCH]))


def test_a_ramp_is_dark_at_first_and_bright_at_last():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist())
    material = material_of(density, sums)
    plan, _ = planned(material, goal([{"brightness": -0.9}, {"brightness": 0.9}], {"brightness": 1.0}), 960)
    halves = np.array_split(np.arange(len(plan.starts)), 2)
    first, second = (
        estimate((material.totals[plan.ends[half]] - material.totals[plan.starts[half]]).sum(axis=0), STEP_SAMPLES)
        for half in halves
    )
    assert first[BRIGHT] < -0.2
    assert second[BRIGHT] > 0.2


def test_plans_of_other_seeds_differ_and_of_the_same_do_not():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist())
    material, aim = material_of(density, sums), goal([{}], {"brightness": 1.0})
    one, same, other = (planned(material, aim, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.starts, same.starts)
    assert one.starts.tolist() != other.starts.tolist()


def test_an_affinity_draws_a_plan_to_what_costs_least():
    density, sums = corpus_of([0.0] * 8)
    affinity = np.full((8 * LENGTH, 1), 5.0)
    affinity[3 * LENGTH : 4 * LENGTH] = 0.0
    plan, _ = planned(material_of(density, sums), goal([{}], {}, affinity=affinity))
    played = np.concatenate([np.arange(a, b) for a, b in zip(plan.starts, plan.ends, strict=True)])
    assert (played // LENGTH == 3).mean() > 0.9


def test_stretches_lie_within_a_recording_and_begin_where_one_may():
    density, sums = corpus_of([0.0] * 5)
    material = material_of(density, sums)
    drawn = material.draw(4000, np.random.default_rng(0))
    assert (drawn.ends > drawn.starts).all()
    np.testing.assert_array_equal(drawn.starts // LENGTH, (drawn.ends - 1) // LENGTH)
    # An onset at 2, 22, 42 of each: a step before it; and in between every six, four from those at least.
    assert set((drawn.starts[drawn.is_clean] % LENGTH).tolist()) == {1, 21, 41}
    held = (drawn.starts[~drawn.is_clean] % LENGTH)[:, None]
    assert (np.abs(held - np.array([1, 21, 41])).min(axis=1) >= 4).all()


def test_no_stretch_begins_an_attack_and_cuts_it_off():
    density, sums = corpus_of([0.0] * 5)
    drawn = material_of(density, sums).draw(4000, np.random.default_rng(0))
    inside = drawn.ends[drawn.ends % LENGTH != 0] % LENGTH
    since = inside[:, None] - np.array([2, 22, 42])
    assert len(inside) > 500
    assert not ((since >= 0) & (since <= 4)).any()


def test_what_is_planned_after_the_end_of_a_take_counts_nothing():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist())
    material = material_of(density, sums)
    heard, aim = 150, goal([{"brightness": 0.7}], {"brightness": 1.0})
    for seed in range(5):
        plan = plan_take(material, aim, 400, STEP_SAMPLES, np.random.default_rng(seed), heard_steps=heard)
        begins = np.cumsum(plan.ends - plan.starts) - (plan.ends - plan.starts)
        ends = np.minimum(plan.ends, plan.starts + np.maximum(heard - begins, 0))
        figures = estimate((material.totals[ends] - material.totals[plan.starts]).sum(axis=0), STEP_SAMPLES)
        assert plan.num_steps >= 400
        assert figures[BRIGHT] == pytest.approx(0.7, abs=0.15)


def test_attacks_that_nobody_played_are_foreseen():
    density, sums = corpus_of([0.0, 0.0, 0.0])
    power = COLUMNS.index("power")
    sums[:LENGTH, power] = 1e-7  # the first recording hardly sounds
    material = material_of(density, sums)
    starts = LENGTH + np.array([21, 27, 50])
    drawn = Stretches(starts, starts + 8, np.array([True, False, False]))
    # After what is silent, a held place is heard to begin, unless the take is over 40 dB louder elsewhere.
    assert made_onsets(material, 30, drawn).tolist() == [False, True, True]
    assert made_onsets(material, None, drawn).tolist() == [False, True, True]
    # After what sounds as loud it is not; where an attack comes in what goes on under its fade, that one is heard.
    assert made_onsets(material, 2 * LENGTH + 24, drawn).tolist() == [False, False, False]
    assert made_onsets(material, 2 * LENGTH + 15, drawn).tolist() == [False, True, True]


def test_recordings_of_a_single_step_and_of_silence_can_be_planned_with():
    density, sums = corpus_of([0.0])
    from small_dataset_audio.models.config import DensityConfig
    from small_dataset_audio.models.latent_paths import fit_density

    tiny = fit_density([np.zeros((1, 3), dtype=np.float32)], DensityConfig(lead_steps=2, tail_steps=1))
    for density_, sums_ in ((tiny, np.zeros((1, 12), dtype=np.float32)), (density, np.zeros_like(sums))):
        plan = plan_take(
            material_of(density_, sums_), goal([{}], {"brightness": 1.0}), 50, STEP_SAMPLES, np.random.default_rng(0)
        )
        assert plan.num_steps >= 50


def test_deviations_add_up_and_vanish_on_target():
    density, sums = corpus_of([0.5, -0.5])
    material = material_of(density, sums)
    whole = material.totals[[2 * LENGTH]] - material.totals[[0]]
    parts = np.diff(material.totals[[0, 17, 50, 2 * LENGTH]], axis=0)
    target = np.random.default_rng(0).standard_normal((1, len(NAMES)))
    np.testing.assert_allclose(
        deviations(parts, target, STEP_SAMPLES).sum(axis=0), deviations(whole, target, STEP_SAMPLES)[0], atol=1e-6
    )
    there = estimate(whole, STEP_SAMPLES)
    np.testing.assert_allclose(deviations(whole, there, STEP_SAMPLES), 0.0, atol=1e-4)


def test_silence_is_no_way_to_meet_a_target():
    density, sums = corpus_of([0.0, 1.0])
    silent = np.zeros_like(sums)
    silent[:, -1] = 1.0
    density, _ = corpus_of([0.0, 1.0, 0.0, 0.0])
    material = material_of(density, np.concatenate([sums, silent]))
    plan, _ = planned(material, goal([{"brightness": 0.0}], {"brightness": 1.0}))
    played = np.concatenate([np.arange(a, b) for a, b in zip(plan.starts, plan.ends, strict=True)])
    assert (played < 2 * LENGTH).mean() == pytest.approx(0.5, abs=0.1)


# ---- woven


def woven(plan: Plan, material, steps: int) -> tuple[np.ndarray, np.ndarray]:
    return weave(plan, material, steps)


def test_voices_take_turns_and_one_always_sounds_in_full_or_both_make_it_up():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist())
    material = material_of(density, sums)
    plan, _ = planned(material, goal([{}], {"brightness": 1.0}))
    rows, levels = woven(plan, material, 480)
    assert rows.shape == levels.shape == (2, 480)
    assert ((levels >= 0) & (levels <= 1)).all()
    power = np.square(levels).sum(axis=0)
    assert power.min() >= 0.3  # no hole of over 5 dB
    assert power.max() <= 2.0


def test_an_attack_begins_at_once_and_a_held_sound_is_faded_in_evenly_in_decibels():
    density, sums = corpus_of([0.0, 0.0])
    material = material_of(density, sums)
    plan = Plan(np.array([0, LENGTH + 21, 30]), np.array([20, LENGTH + 41, 55]), np.array([True, True, False]))
    rows, levels = woven(plan, material, plan.num_steps)
    np.testing.assert_array_equal(rows[1, 20:40], np.arange(LENGTH + 21, LENGTH + 41))
    np.testing.assert_array_equal(levels[1, 20:40], 1.0)
    assert (np.diff(levels[0, 19:24]) < 0).all()
    np.testing.assert_array_equal(rows[0, 20:23], [20, 21, 22])  # it goes on as it was recorded while it fades
    rise_db = np.diff(20 * np.log10(levels[0, 40:52]))
    np.testing.assert_allclose(rise_db, rise_db[0], atol=1e-3)
    assert 0 < rise_db[0] < 6.0
    assert (np.diff(levels[1, 39:52]) < 0).all()


def test_what_fades_at_the_end_of_its_recording_ends_there():
    density, sums = corpus_of([0.0, 0.0])
    material = material_of(density, sums)
    plan = Plan(np.array([0, 30]), np.array([LENGTH, 55]), np.array([True, False]))
    rows, levels = woven(plan, material, plan.num_steps)
    np.testing.assert_array_equal(levels[0, LENGTH:], 0.0)
    assert levels[1, LENGTH] < 10 ** (-20 / 20)  # what follows comes in as softly as over something that goes on
    assert (np.diff(levels[1, LENGTH : LENGTH + 12]) > 0).all()
    np.testing.assert_array_equal(levels[1, LENGTH + 12 :], 1.0)
    assert (rows[0, LENGTH:] == rows[1, LENGTH:]).all()


def test_a_plan_tells_what_will_be_heard_of_it():
    density, sums = corpus_of(np.linspace(-1, 1, 12).tolist())
    material, heard = material_of(density, sums), 150
    plan = plan_take(
        material,
        goal([{"brightness": 0.5}], {"brightness": 1.0}),
        400,
        STEP_SAMPLES,
        np.random.default_rng(0),
        heard_steps=heard,
    )
    expected, position = np.zeros(len(COLUMNS)), 0
    for start, end, is_clean in zip(plan.starts, plan.ends, plan.is_clean, strict=True):
        played = min(end - start, max(heard - position, 0))
        faded = 0 if is_clean else min(6, played)
        expected += sums[start + faded : start + played].sum(axis=0)
        position += end - start
    attacks = [COLUMNS.index("onsets"), COLUMNS.index("attack")]  # also counted where a join makes them
    np.testing.assert_allclose(np.delete(plan.heard, attacks), np.delete(expected, attacks), rtol=1e-4)
    assert -1 <= plan.heard[attacks[0]] - expected[attacks[0]] <= len(plan.starts)


def test_a_take_that_must_change_over_often_is_cut_into_shorter_stretches_and_a_long_one_is_left_alone():
    material = dataclasses.replace(material_of(*corpus_of([-1.0, 1.0])), lengths=(100, 400))
    assert material.cut_for(240).lengths == (20, 240)
    assert material.cut_for(24).lengths == (12, 24)  # half a second, however short the take
    assert material.cut_for(100_000).lengths == (100, 400)
