from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from models.latents import rng, wandering_paths, with_silence
from small_dataset_audio.constants import SAMPLE_RATE, STEP_SAMPLES
from small_dataset_audio.errors import InvalidConfigError, ModelDamagedError
from small_dataset_audio.models import DensityConfig, LatentDensity, fit_density
from small_dataset_audio.models.config import MAX_TEMPERATURE, WalkStyle
from small_dataset_audio.models.density import _DRIFT_STEPS, StandardNormal, _run_numbers
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.latent_paths import _EXCLUDED_STEPS
from small_dataset_audio.models.walk import Walk


def places(density: LatentDensity, num_steps: int, seed: int = 0, **style: float) -> np.ndarray:
    """Which steps of the corpus the first voice visits."""
    return density.walk(num_steps, rng(seed), WalkStyle(**style)).rows[0]


def parallel_roads(distances: np.ndarray, **config: float) -> LatentDensity:
    """Two recordings side by side: step i of one is the only neighbour of step i of the other, `distances[i]` away."""
    length = len(distances)
    numbers = np.arange(2 * length)
    beside = ((numbers + length) % (2 * length))[:, None]
    return LatentDensity(
        latents=numbers[:, None].astype(np.float32),
        path_lengths=np.array([length, length]),
        neighbours=beside,
        neighbour_distances=np.tile(distances, 2)[:, None].astype(np.float32),
        partners=beside.copy(),
        config=DensityConfig(num_neighbours=1, num_partners=1, **config),
    )


def test_a_density_shows_its_settings_and_not_thousands_of_numbers():
    density = fit_density(wandering_paths((40,)))
    assert repr(density) == f"LatentDensity(config={density.config!r})"


# ---- the walk


def assert_every_step_is_explained(density: LatentDensity, visited: np.ndarray) -> int:
    """Each step goes on, or leaves an end for a start, or jumps to a neighbour of one of these; returns the jumps."""
    starts = np.cumsum(density.path_lengths) - density.path_lengths
    last_steps = set((np.cumsum(density.path_lengths) - 1).tolist())
    jumps = 0
    for before, after in zip(visited[:-1].tolist(), visited[1:].tolist(), strict=True):
        due = set(starts.tolist()) if before in last_steps else {before + 1}
        if after not in due:
            jumps += 1
            assert any(after in density.neighbours[step] for step in due), (before, after)
    return jumps


@pytest.mark.parametrize("min_run_steps", [1, 2, 5])
def test_a_walk_follows_a_recording_unless_it_jumps_to_what_resembles_the_next_step(min_run_steps: int):
    paths = with_silence(wandering_paths((40, 25, 60, 1, 33)), 2, 3)
    density = fit_density(paths, DensityConfig(min_run_steps=min_run_steps))
    assert assert_every_step_is_explained(density, places(density, 3000, jump_scale=1.5)) > 30


@pytest.mark.parametrize("min_run_steps", [1, 2, 3, 7])
def test_between_two_jumps_there_are_at_least_as_many_steps_as_asked_for(min_run_steps: int):
    density = parallel_roads(np.ones(5000), min_run_steps=min_run_steps)
    visited = places(density, 4000, jump_scale=2.0)
    at_an_end = (visited[:-1] + 1) % 5000 == 0  # going on from there is no jump
    jumps = np.flatnonzero((np.diff(visited) != 1) & ~at_an_end)
    assert len(jumps) > 100
    assert np.diff(jumps).min() >= min_run_steps


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("jump_scale", [0.5, 0.7, 1.0, 2.0])
def test_jumps_are_as_likely_as_the_formula_says(jump_scale: float, temperature: float):
    # Every distance is the median; every second one of the rest is twice it.
    distances = np.where(np.arange(40_000) % 3 == 2, 2.0, 1.0)
    density = parallel_roads(distances, min_run_steps=1)
    visited = places(density, 20_000, jump_scale=jump_scale, temperature=temperature)
    due = (visited[:-1] + 1) % 40_000
    jumped = np.diff(visited) != 1
    for distance in (1.0, 2.0):
        tried = jumped[distances[due] == distance]
        expected = np.exp(-((distance / (jump_scale * temperature)) ** 2))
        assert tried.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(tried)) + 1e-6)


@pytest.mark.parametrize("recording_weight", [0.0, 0.5, 1.0])
def test_a_jump_to_a_recording_of_less_weight_is_rarer_by_the_ratio_of_the_weights(recording_weight: float):
    # Two recordings, 9000 and 1000 steps; each step of the shorter one has a twin in the longer one.
    twins = np.arange(10_000)
    twins[:1000], twins[9000:] = np.arange(9000, 10_000), np.arange(1000)
    density = LatentDensity(
        latents=np.zeros((10_000, 1), np.float32),
        path_lengths=np.array([9000, 1000]),
        neighbours=twins[:, None],
        neighbour_distances=np.zeros((10_000, 1), np.float32),
        partners=twins[:, None],
        config=DensityConfig(recording_weight=recording_weight, num_neighbours=1, min_run_steps=1),
    )
    walks = [places(density, 3000, seed) for seed in range(40)]
    before, after = (np.concatenate([walk[part] for walk in walks]) for part in (slice(-1), slice(1, None)))
    from_long = before < 998
    left = after[from_long] == before[from_long] + 1 + 9000
    expected = 9.0**-recording_weight
    assert left.mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / len(left)) + 1e-6)
    from_short = (before >= 9000) & (before < 9998)
    assert from_short.sum() > 100
    assert (after[from_short] == before[from_short] + 1 - 9000).all()


def test_silence_that_most_steps_share_does_not_set_the_scale_of_jumps():
    distances = np.where(np.arange(20_000) % 10 < 7, 0.0, 3.0)
    density = parallel_roads(distances, min_run_steps=1)
    visited = places(density, 10_000, jump_scale=1.0)
    tried = (np.diff(visited) != 1)[distances[(visited[:-1] + 1) % 20_000] > 0]
    assert tried.mean() == pytest.approx(np.exp(-1.0), abs=4 * np.sqrt(0.25 / len(tried)))


def test_where_few_steps_have_neighbours_these_set_the_scale_of_jumps():
    # A straight line, barely longer than what is excluded: most steps have no neighbour, the others one 1.0 away.
    line = np.linspace(0, 1 + 4 / (_EXCLUDED_STEPS + 1), _EXCLUDED_STEPS + 5)
    density = fit_density([line[:, None].astype(np.float32)], DensityConfig(num_neighbours=1, min_run_steps=1))
    visited = places(density, 20_000)
    due = (visited[:-1] + 1) % len(line)
    tried = (visited[1:] != due)[(due < 4) | (due > _EXCLUDED_STEPS)]
    expected = np.exp(-((1 / WalkStyle().jump_scale) ** 2))
    assert tried.mean() == pytest.approx(expected, abs=0.05 * expected + 4 * np.sqrt(expected / len(tried)))


@pytest.mark.parametrize(
    "style", [{"jump_scale": 0.0}, {"temperature": 0.0}, {"jump_scale": 100.0, "temperature": 0.0}]
)
def test_without_a_jump_scale_or_temperature_only_twins_are_jumped_between(style: dict[str, float]):
    distances = np.where(np.arange(2000) % 4 == 0, 0.0, 1e-3)
    visited = places(parallel_roads(distances, min_run_steps=1), 900, **style)
    jumped = np.diff(visited) != 1
    np.testing.assert_array_equal(jumped, distances[(visited[:-1] + 1) % 2000] == 0.0)


def test_a_jump_that_could_not_go_back_is_not_taken():
    # Step 30 has step 5 for a neighbour, but step 5 has others.
    numbers = np.arange(40)
    neighbours = np.full((40, 1), 5)
    neighbours[5] = 20
    density = LatentDensity(
        latents=numbers[:, None].astype(np.float32),
        path_lengths=np.array([20, 20]),
        neighbours=neighbours,
        neighbour_distances=np.zeros((40, 1), np.float32),
        partners=neighbours.copy(),
        config=DensityConfig(num_neighbours=1, min_run_steps=1),
    )
    visited = places(density, 2000)
    jumps = {(a, b) for a, b in zip(visited[:-1].tolist(), visited[1:].tolist(), strict=True) if b != a + 1}
    # 5 and 20 are neighbours of each other, and what is due before a jump may be either start.
    assert jumps <= {(19, 0), (19, 20), (39, 0), (39, 20), (4, 20), (39, 5), (19, 5)}
    assert (4, 20) in jumps


SHIPPED = WalkStyle().jump_scale


@pytest.mark.parametrize(("min_run_steps", "jump_scale"), [(1, 0.7), (2, 0.7), (5, 0.7), (2, SHIPPED), (5, SHIPPED)])
@pytest.mark.parametrize("silent_steps", [(0, 0), (2, 3), (2, 12)])
def test_a_long_walk_spends_its_time_as_the_corpus_does_but_for_the_weight_of_long_recordings(
    min_run_steps: int, jump_scale: float, silent_steps: tuple[int, int]
):
    lengths = tuple(int(length) for length in rng(9).integers(20, 60, 12))
    paths = with_silence(wandering_paths(lengths), *silent_steps)
    num_steps = 100_000
    unlikeness = []
    for recording_weight in (0.0, 0.5, 1.0):
        density = fit_density(paths, DensityConfig(min_run_steps=min_run_steps, recording_weight=recording_weight))
        visited = places(density, num_steps, seed=1, voices=1, jump_scale=jump_scale)
        visits = np.bincount(visited, minlength=len(density.latents))
        weights = np.repeat(density.path_lengths.astype(float) ** recording_weight, density.path_lengths)
        expected = num_steps * weights / weights.sum()
        unlikeness.append(((visits - expected) ** 2 / expected).sum() / (len(visits) - 1))
        assert (visits > 0.5 * expected).all()
        assert (visits < 1.5 * expected).all()
    # Chi-square over its degrees of freedom is about 1 for independent visits. Walks that skip from what cannot be
    # jumped back to reach 60, walks that never leave a start 6.
    assert max(unlikeness) < 2.0


def test_half_of_all_walks_begin_where_a_recording_does_and_the_rest_with_a_second_of_it_to_come():
    density = fit_density(wandering_paths((300,)))
    firsts = np.array([places(density, 100, seed)[0] for seed in range(1000)])
    assert stats.binomtest(int((firsts == 0).sum()), 1000, 0.5 + 0.5 / 277).pvalue > 1e-3
    assert firsts.max() == 300 - 24


@pytest.mark.parametrize("num_steps", [1, 3, 200])
def test_no_walk_begins_and_no_anchor_lies_in_the_silence_around_a_recording(num_steps: int):
    paths = with_silence(wandering_paths((40, 1, 90)), 2, 1)
    density = replace(fit_density(paths), config=DensityConfig(lead_steps=2, tail_steps=1))
    silent = {0, 1, 42, 43, 44, 46, 47, 48, 139}
    firsts = {int(places(density, num_steps, seed)[0]) for seed in range(300)}
    assert firsts.isdisjoint(silent)
    assert {2, 45, 49} <= firsts
    anchors = density.draw_anchors(2000, np.random.default_rng(0))
    drawn = {int(np.flatnonzero((density.latents == anchor).all(axis=1))[0]) for anchor in anchors}
    assert drawn.isdisjoint(silent)
    assert len(drawn) == len(density.latents) - len(silent)


def test_a_walk_longer_than_its_first_recording_begins_with_its_attack():
    density = fit_density(wandering_paths((5, 8, 3)))
    firsts = {int(places(density, 40, seed)[0]) for seed in range(100)}
    assert firsts == {0, 5, 13}


@pytest.mark.parametrize("recording_weight", [0.0, 0.5, 1.0])
def test_longer_recordings_are_begun_more_often_by_their_share_of_time(recording_weight: float):
    density = fit_density(wandering_paths((300, 100)), DensityConfig(recording_weight=recording_weight))
    began_in_first = sum(places(density, 1, seed)[0] < 300 for seed in range(1000))
    odds = 3.0 ** (1.0 + recording_weight)
    assert stats.binomtest(began_in_first, 1000, odds / (odds + 1.0)).pvalue > 1e-3


@pytest.mark.parametrize("lengths", [(1,), (2,), (1, 1), (1, 1, 1, 1, 1), (13,), (14,), (20,), (26,), (3, 1, 1)])
@pytest.mark.parametrize("voices", [1, 2, 8])
@pytest.mark.parametrize("temperature", [0.0, 1.0, MAX_TEMPERATURE])
def test_the_smallest_corpora_can_be_walked(lengths: tuple[int, ...], voices: int, temperature: float):
    density = fit_density(wandering_paths(lengths), DensityConfig(min_run_steps=1))
    walk = density.walk(200, rng(), WalkStyle(voices=voices, temperature=temperature))
    assert walk.latents(0, 200).shape == (voices, 4, 200)
    assert np.isfinite(walk.latents(0, 200)).all()
    assert_every_step_is_explained(density, walk.rows[0])
    assert set(places(density, 2000, temperature=temperature).tolist()) == set(range(sum(lengths)))


def test_one_recording_without_any_neighbour_is_played_again_and_again():
    visited = places(fit_density(wandering_paths((10,)), DensityConfig(min_run_steps=1)), 95)
    np.testing.assert_array_equal(visited, (visited[0] + np.arange(95)) % 10)


@pytest.mark.parametrize("num_steps", [5, 100])
def test_a_corpus_of_one_latent_repeated_can_be_walked(num_steps: int):
    density = fit_density([np.full((num_steps, 3), 0.5, np.float32), np.full((num_steps, 3), 0.5, np.float32)])
    np.testing.assert_array_equal(density.walk(50, rng()).latents(0, 50), np.full((1, 3, 50), 0.5))


def test_the_same_recording_twice_can_be_walked():
    path = wandering_paths((50,))[0]
    density = fit_density([path, path], DensityConfig(min_run_steps=1))
    walked = density.walk(500, rng()).latents(0, 500)
    assert {step.tobytes() for voice in walked for step in voice.T} <= {step.tobytes() for step in path}
    assert density.neighbour_distances[:, 0].max() == 0.0


@given(num_steps=st.integers(1, 60), seed=st.integers(0, 2**63), voices=st.integers(1, 8))
@settings(deadline=None, max_examples=50)
def test_a_walk_has_the_shape_promised_and_the_same_generator_gives_the_same_walk(
    num_steps: int, seed: int, voices: int
):
    density = fit_density(wandering_paths((9, 14)))
    style = WalkStyle(voices=voices, temperature=1.5)
    walk, again = (density.walk(num_steps, rng(seed), style) for _ in range(2))
    assert walk.rows.shape == (voices, num_steps)
    assert walk.rows.dtype == np.int64
    assert walk.num_voices == voices
    np.testing.assert_array_equal(walk.rows, again.rows)
    np.testing.assert_array_equal(walk.displacement, again.displacement)


@given(
    paths=st.lists(
        arrays(np.float32, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-5, 5, width=16)),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=60)
def test_up_to_temperature_1_every_step_of_every_voice_is_of_the_corpus(paths: list[np.ndarray]):
    density = fit_density(paths, DensityConfig(min_run_steps=1))
    known = {latent.tobytes() for latent in np.concatenate(paths)}
    walked = density.walk(40, rng(), WalkStyle(voices=3)).latents(0, 40)
    assert {step.tobytes() for voice in walked for step in voice.T} <= known


def test_a_walk_carries_what_is_needed_to_play_it():
    density = fit_density(wandering_paths((60, 80)), DensityConfig(lead_steps=2, tail_steps=1))
    walk = density.walk(100, rng())
    assert walk.is_recorded
    assert walk.can_be_played
    assert walk.lead_steps == 2
    np.testing.assert_array_equal(walk.table, density.latents)
    np.testing.assert_array_equal(walk.path_lengths, density.path_lengths)


def test_another_seed_is_another_walk():
    density = fit_density(wandering_paths((60, 80)))
    assert not np.array_equal(density.walk(100, rng(1)).rows, density.walk(100, rng(2)).rows)


def test_no_global_random_state_is_read_or_changed():
    density = fit_density(wandering_paths((60, 80)))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - shows that it is left alone
    density.walk(100, rng(1), WalkStyle(voices=3, temperature=2.0))
    density.draw_anchors(100, rng(1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002 - as above


# ---- further voices


def assert_in_step(density: LatentDensity, walk: Walk, number: int, solo_steps: int) -> int:
    """Check where a further voice rests, goes on, and is drawn anew; return how often it is drawn."""
    first, voice = walk.rows[0].tolist(), walk.rows[number].tolist()
    last_steps = set((np.cumsum(density.path_lengths) - 1).tolist())
    drawn = 0
    for begin, end in runs_in(walk.rows[0], last_steps):
        is_long = end - begin > solo_steps
        assert (walk.is_heard[number, begin:end] == is_long).all()
        if not is_long:
            assert voice[begin:end] == first[begin:end]
            continue
        for step in range(begin, end):
            if step == begin or first[step - 1] in last_steps or voice[step - 1] in last_steps:
                assert voice[step] in density.partners[first[step]]
                drawn += 1
            else:
                assert voice[step] == voice[step - 1] + 1
    return drawn


def runs_in(rows: np.ndarray, last_steps: set[int]) -> list[tuple[int, int]]:
    """Where stretches of steps that follow one another in a recording begin and end."""
    begins = [
        step for step in range(1, len(rows)) if rows[step] != rows[step - 1] + 1 or int(rows[step - 1]) in last_steps
    ]
    bounds = [0, *begins, len(rows)]
    return list(itertools.pairwise(bounds))


@pytest.mark.parametrize("lengths", [(60, 80, 35), (5, 1, 9, 3), (200,), (1, 1)])
@pytest.mark.parametrize("voices", [2, 3, 8])
@pytest.mark.parametrize("solo_steps", [0, 1, 4])
def test_a_further_voice_runs_in_step_and_changes_where_the_first_jumps_or_its_own_recording_ends(
    lengths: tuple[int, ...], voices: int, solo_steps: int
):
    density = fit_density(wandering_paths(lengths), DensityConfig(min_run_steps=3))
    drawn = 0
    for seed in range(5):
        walk = density.walk(400, rng(seed), WalkStyle(voices=voices, solo_steps=solo_steps))
        assert walk.is_heard[0].all()
        drawn += sum(assert_in_step(density, walk, number, solo_steps) for number in range(1, voices))
    assert drawn > 5 or max(lengths) <= solo_steps


def test_every_partner_is_as_likely():
    density = fit_density(wandering_paths((60, 80, 35)), DensityConfig(num_partners=4))
    counts = np.zeros(4)
    for seed in range(2000):
        walk = density.walk(1, rng(seed), WalkStyle(voices=2, solo_steps=0))
        counts[density.partners[walk.rows[0, 0]].tolist().index(walk.rows[1, 0])] += 1
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("num_partners", [2, 8])
def test_where_voices_begin_beside_the_first_each_has_another_partner(num_partners: int):
    density = fit_density(wandering_paths((60, 80, 35)), DensityConfig(num_partners=num_partners))
    for seed in range(200):
        rows = density.walk(1, rng(seed), WalkStyle(voices=3, solo_steps=0)).rows
        assert rows[1, 0] != rows[2, 0]


def test_the_first_voice_does_not_depend_on_how_many_go_with_it():
    density = fit_density(wandering_paths((60, 80)))
    alone = places(density, 200, voices=1)
    np.testing.assert_array_equal(places(density, 200, voices=4), alone)


# ---- temperature


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_up_to_temperature_1_nothing_is_displaced(temperature: float):
    walk = fit_density(wandering_paths((60, 80))).walk(100, rng(), WalkStyle(temperature=temperature))
    assert walk.displacement is None
    assert walk.can_be_played


@pytest.mark.parametrize("temperature", [1.1, 2.0, 3.0])
@pytest.mark.parametrize("dim", [2, 32])
def test_over_temperature_1_steps_are_displaced_by_about_that_many_median_distances(temperature: float, dim: int):
    density = fit_density(wandering_paths((60, 80), dim=dim))
    walk = density.walk(40_000, rng(), WalkStyle(temperature=temperature, voices=1))
    assert walk.displacement.shape == (40_000, dim)
    assert walk.displacement.dtype == np.float32
    assert not walk.can_be_played
    latents = np.concatenate(wandering_paths((60, 80), dim=dim)).astype(np.float64)
    apart = np.linalg.norm(latents[:, None] - latents, axis=2)
    for number, row in enumerate(apart):
        begin, end = (0, 60) if number < 60 else (60, 140)
        row[max(number - _EXCLUDED_STEPS, begin) : min(number + _EXCLUDED_STEPS + 1, end)] = np.inf
    expected = (temperature - 1.0) * np.median(apart.min(axis=1))
    squares = (walk.displacement.astype(np.float64) ** 2).sum(axis=1)
    # At the knots one draw, between them a mean of two, which is shorter.
    share = np.arange(_DRIFT_STEPS) / _DRIFT_STEPS
    for phase, shrunk in enumerate((1 - share) ** 2 + share**2):
        reach = np.sqrt(np.mean(squares[phase::_DRIFT_STEPS]))
        assert reach == pytest.approx(expected * np.sqrt(shrunk), rel=4 / np.sqrt(dim * len(squares) / _DRIFT_STEPS))


def test_the_displacement_moves_in_straight_lines_from_knot_to_knot():
    walk = fit_density(wandering_paths((60, 80))).walk(100, rng(), WalkStyle(temperature=2.0))
    bends = np.linalg.norm(np.diff(walk.displacement, 2, axis=0), axis=1)
    at_knots = np.arange(1, 99) % _DRIFT_STEPS == 0
    assert bends[~at_knots].max() < 1e-5
    assert bends[at_knots].min() > 1e-3


def test_a_warm_walk_is_at_the_places_of_a_walk_at_that_jump_scale_displaced():
    density = fit_density(wandering_paths((60, 80)))
    warm = density.walk(100, rng(3), WalkStyle(temperature=2.0, jump_scale=1.0))
    wide = density.walk(100, rng(3), WalkStyle(temperature=1.0, jump_scale=2.0))
    np.testing.assert_array_equal(warm.rows, wide.rows)
    np.testing.assert_allclose(warm.latents(0, 100), wide.latents(0, 100) + warm.displacement.T, atol=1e-6)


# ---- anchors


def test_anchors_are_steps_of_the_corpus_each_as_likely():
    density = fit_density(wandering_paths((13, 2, 25)))
    anchors = density.draw_anchors(20_000, rng())
    assert anchors.shape == (20_000, 4)
    assert anchors.dtype == np.float32
    number_of = {latent.tobytes(): number for number, latent in enumerate(density.latents)}
    counts = np.bincount([number_of[anchor.tobytes()] for anchor in anchors], minlength=40)
    assert stats.chisquare(counts).pvalue > 1e-3
    np.testing.assert_array_equal(anchors, density.draw_anchors(20_000, rng()))


def test_without_a_density_of_its_own_a_model_draws_from_the_standard_normal():
    normal = StandardNormal(3)
    anchors = normal.draw_anchors(5000, rng())
    assert anchors.shape == (5000, 3)
    assert stats.kstest(anchors.ravel(), "norm").pvalue > 1e-3


def test_a_walk_without_a_density_holds_each_draw_for_about_a_second():
    for num_steps in (1, 7, 100):
        walk = StandardNormal(3).walk(num_steps, rng())
        assert not walk.can_be_played
        [walked] = walk.latents(0, num_steps)
        assert walked.shape == (3, num_steps)
        assert walked.dtype == np.float32
        held_steps = np.diff(np.flatnonzero(np.any(np.diff(walked, axis=1, prepend=np.inf), axis=0)))
        held_s = held_steps * STEP_SAMPLES / SAMPLE_RATE
        assert len(held_steps) == num_steps // 24
        assert ((held_s > 0.8) & (held_s < 1.3)).all()


# ---- what is refused


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("voices", 0),
        ("voices", 9),
        ("jump_scale", -0.1),
        ("jump_scale", 100.1),
        ("jump_scale", float("nan")),
        ("jump_scale", float("inf")),
        ("solo_steps", -1),
        ("solo_steps", 10_001),
        ("temperature", -0.1),
        ("temperature", 3.1),
        ("temperature", float("nan")),
        ("match_db", -0.1),
        ("match_db", 60.1),
        ("match_db", float("nan")),
        ("detune", -0.1),
        ("detune", 2.1),
        ("detune", float("nan")),
        ("bend", -0.1),
        ("bend", 1.1),
        ("bend", float("nan")),
    ],
)
def test_a_manner_of_walking_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be "):
        fit_density(wandering_paths((5,))).walk(3, rng(), WalkStyle(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latents", np.zeros((0, 2), np.float32)),
        ("latents", np.zeros(6, np.float32)),
        ("latents", np.float32(1.0) * np.ones(())),
        ("latents", np.full((6, 2), np.nan, np.float32)),
        ("path_lengths", np.array([3, 2])),
        ("path_lengths", np.array([3, 0, 3])),
        ("path_lengths", np.array([8, -2])),
        ("path_lengths", np.array([[6]])),
        ("neighbours", np.zeros((5, 1), np.int64)),
        ("neighbours", np.full((6, 1), 6)),
        ("neighbours", np.full((6, 1), -1)),
        ("neighbours", np.zeros(6, np.int64)),
        ("neighbours", np.zeros((6, 0), np.int64)),
        ("neighbour_distances", np.zeros((6, 2), np.float32)),
        ("neighbour_distances", np.full((6, 1), np.inf, np.float32)),
        ("partners", np.zeros((5, 1), np.int64)),
        ("partners", np.full((6, 1), 6)),
        ("partners", np.full((6, 1), -1)),
        ("partners", np.zeros(6, np.int64)),
        ("partners", np.zeros((6, 0), np.int64)),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(field: str, value: np.ndarray):
    fitting = {
        "latents": np.zeros((6, 2), np.float32),
        "path_lengths": np.array([4, 2]),
        "neighbours": np.zeros((6, 1), np.int64),
        "neighbour_distances": np.zeros((6, 1), np.float32),
        "partners": np.zeros((6, 1), np.int64),
    }
    LatentDensity(**fitting)
    with pytest.raises(ModelDamagedError, match="train the model again"):
        LatentDensity(**{**fitting, field: value})


# ---- detuned, and spread over seeds


@pytest.mark.parametrize("voices", [1, 3])
def test_each_run_is_detuned_as_a_whole_and_by_at_least_half_of_what_may_be(voices: int):
    density = fit_density(wandering_paths((60, 80, 35)))
    walk = density.walk(400, rng(2), WalkStyle(voices=voices, jump_scale=2.0, detune=0.8))
    assert walk.detuning is not None
    assert walk.detuning.shape == walk.rows.shape
    assert (np.abs(walk.detuning) >= 0.4 - 1e-6).all()
    assert (np.abs(walk.detuning) <= 0.8 + 1e-6).all()
    for rows, shares in zip(walk.rows, walk.detuning, strict=True):
        goes_on = np.diff(_run_numbers(rows, np.cumsum(density.path_lengths))) == 0
        assert (np.diff(shares)[goes_on] == 0).all()
        assert (np.diff(shares)[~goes_on] != 0).all()
        assert (shares > 0).any()
        assert (shares < 0).any()


def test_detuning_changes_nothing_about_where_a_walk_goes():
    density = fit_density(wandering_paths((60, 80, 35)))
    plain, detuned = (density.walk(200, rng(3), WalkStyle(voices=2, detune=share)) for share in (0.0, 1.0))
    np.testing.assert_array_equal(plain.rows, detuned.rows)
    assert plain.detuning is None


def test_walks_of_consecutive_seeds_share_the_recordings_out():
    # Ten recordings of equal length, and no jumps: a walk of their length goes through one or two of them.
    density = fit_density(wandering_paths((50,) * 10))
    style = WalkStyle(temperature=0.0)

    def begun(seeds: range, *, spread: bool) -> int:
        walks = [density.walk(40, rng(seed), style, SpreadDraws(seed) if spread else None) for seed in seeds]
        return len({int(walk.rows[0, 0]) // 50 for walk in walks})

    sets = [range(first, first + 10) for first in range(0, 1000, 10)]
    shared = np.mean([begun(seeds, spread=True) for seeds in sets])
    alone = np.mean([begun(seeds, spread=False) for seeds in sets])
    assert alone == pytest.approx(10 * (1 - 0.9**10), abs=0.4)
    assert shared > 8.4


def test_a_spread_walk_spends_its_time_as_any_other():
    density = fit_density(wandering_paths((20, 50, 90)), DensityConfig(recording_weight=0.0))
    shares = []
    for spread in (True, False):
        walks = [
            density.walk(160, rng(seed), None, SpreadDraws(seed) if spread else None).rows[0] for seed in range(800)
        ]
        recording = np.searchsorted([20, 70, 160], np.concatenate(walks), side="right")
        shares.append(np.bincount(recording) / len(recording))
    np.testing.assert_allclose(shares[0], shares[1], atol=0.03)


def test_where_the_next_recording_of_the_table_is_begun_a_new_run_begins():
    rows = np.array([3, 4, 5, 6, 7, 12, 13])
    np.testing.assert_array_equal(_run_numbers(rows, np.array([6, 20])), [0, 0, 0, 1, 1, 2, 2])
