"""A take near to something: targets, and the walks that keep near to them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.controls.centroids import centroids_of
from small_dataset_audio.controls.nearness import attacks_of, draw_near
from small_dataset_audio.controls.targets import NearTarget, target_of
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.steered import density_of_take
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.latent_paths import fit_density

STEP_SAMPLES = 2048
PLACES = np.array([(10.0, 0.0), (0.0, 10.0), (-10.0, 0.0), (0.0, -10.0)])


@pytest.fixture(scope="module")
def density() -> LatentDensity:
    """Four recordings of 100 steps, each about a place of its own; all begin and end in silence, which is the origin."""
    generator = np.random.default_rng(5)
    paths = []
    for place in PLACES:
        path = place + 0.1 * generator.standard_normal((100, 2))
        path[:2], path[-1:] = 0.0, 0.0
        paths.append(path.astype(np.float32))
    return fit_density(paths)


def target(*places: int, shares: tuple[float, ...] = ()) -> NearTarget:
    return target_of("places", PLACES[list(places)].tolist(), shares or (1.0,) * len(places))


def recordings_played(
    density: LatentDensity, targets: tuple[NearTarget, ...], strength: float, seed: int
) -> np.ndarray:
    """Which recording sounds at each step: that of the louder voice."""
    walk = draw_near(density, targets, strength, STEP_SAMPLES).walk(400, np.random.default_rng(seed))
    assert walk.levels is not None
    louder = walk.levels.argmax(axis=0)
    return np.searchsorted(np.cumsum(density.path_lengths), walk.rows[louder, np.arange(400)], side="right")


# --- walks ---


@pytest.mark.parametrize("place", range(4))
def test_a_take_near_to_a_place_plays_the_recording_that_is_there(density: LatentDensity, place: int):
    played = recordings_played(density, (target(place),), 0.7, seed=place)
    assert (played == place).mean() > 0.9


def test_without_strength_it_plays_them_all(density: LatentDensity):
    played = recordings_played(density, (target(0),), 0.0, seed=1)
    assert np.bincount(played, minlength=4).min() > 20


@pytest.mark.parametrize("shares", [(1.0, 1.0), (3.0, 1.0)])
def test_time_is_shared_out_as_the_target_says(density: LatentDensity, shares: tuple[float, float]):
    played = [recordings_played(density, (target(0, 1, shares=shares),), 1.0, seed) for seed in range(4)]
    found = np.bincount(np.concatenate(played), minlength=4) / 1600
    wanted = np.array([*shares, 0.0, 0.0]) / sum(shares)
    assert np.abs(found - wanted).max() < 0.12


def test_a_morph_goes_from_the_first_target_over_the_second_to_the_third(density: LatentDensity):
    morph = (target(0), target(1), target(2))
    played = np.concatenate([recordings_played(density, morph, 1.0, seed)[None] for seed in range(4)])
    for place, part in enumerate((slice(0, 60), slice(170, 230), slice(340, 400))):
        assert (played[:, part] == place).mean() > 0.6
        assert (played[:, part] == (place + 2) % 4).mean() < 0.2


def test_a_target_far_from_the_corpus_still_finds_what_is_nearest(density: LatentDensity):
    far = target_of("far", [(300.0, 40.0)], (1.0,))
    assert (recordings_played(density, (far,), 1.0, seed=2) == 0).mean() > 0.9


def test_two_seeds_are_two_takes_and_one_seed_is_one(density: LatentDensity):
    steered = draw_near(density, (target(0),), 0.7, STEP_SAMPLES)
    rows = [steered.walk(200, np.random.default_rng(seed)).rows for seed in (0, 0, 1)]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_attacks_are_where_the_latents_leave_silence(density: LatentDensity):
    starts = np.cumsum(density.path_lengths) - density.path_lengths
    assert attacks_of(density).tolist() == (starts + 2).tolist()


# --- settings ---


def test_strength_0_and_no_target_leave_the_density_as_it_is(density: LatentDensity):
    config = GenerationConfig(near=(target(0),), near_strength=0.0)
    assert density_of_take(config, density, None, STEP_SAMPLES) is density
    assert density_of_take(GenerationConfig(near_strength=1.0), density, None, STEP_SAMPLES) is density


@given(
    st.lists(st.lists(st.floats(-1e5, 1e5), min_size=3, max_size=3), min_size=1, max_size=16),
    st.text(min_size=0, max_size=300),
    st.floats(0.0, 1.0),
)
def test_targets_come_back_from_json_as_they_were(points: list[list[float]], name: str, strength: float):
    config = GenerationConfig(near=(target_of(name, points, [0.5] * len(points)),), near_strength=strength)
    config.validate()
    assert GenerationConfig.from_mapping(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    ("near", "mentions"),
    [
        ("rain", "must be a list"),
        ([{"name": "a"}], "name, points and shares"),
        ([{"name": "a", "points": [[1.0]], "shares": [1.0], "file": "x"}], "name, points and shares"),
        ([{"name": "", "points": [[1.0]], "shares": [1.0]}], "one line"),
        ([{"name": "a\nb", "points": [[1.0]], "shares": [1.0]}], "one line"),
        ([{"name": "a", "points": [], "shares": []}], "1 to 16"),
        ([{"name": "a", "points": [[1.0]] * 17, "shares": [1.0] * 17}], "1 to 16"),
        ([{"name": "a", "points": [[float("nan")]], "shares": [1.0]}], "finite"),
        ([{"name": "a", "points": [[1e300]], "shares": [1.0]}], "finite"),
        ([{"name": "a", "points": [[True]], "shares": [1.0]}], "finite"),
        ([{"name": "a", "points": [[1.0], [1.0, 2.0]], "shares": [1.0, 1.0]}], "one model's latent space"),
        ([{"name": "a", "points": [[1.0]], "shares": [0.0]}], "over 0"),
        ([{"name": "a", "points": [[1.0]], "shares": [1.0, 1.0]}], "for each point"),
        ([{"name": "a", "points": [[1.0]], "shares": [1.0]}] * 17, "at most 16"),
        ([7], "must be a target"),
        (None, "must be a list"),
    ],
)
def test_what_is_no_target_is_refused_by_name(near: Any, mentions: str):
    with pytest.raises(InvalidConfigError, match="near") as caught:
        GenerationConfig(near=near).validate()
    assert mentions in str(caught.value)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), True, "much"])
def test_a_strength_out_of_range_is_refused(strength: Any):
    with pytest.raises(InvalidConfigError, match="near_strength"):
        GenerationConfig(near_strength=strength).validate()


def test_single_moments_have_no_course_that_could_be_near_to_anything():
    config = GenerationConfig(near=(target(0),))
    with pytest.raises(InvalidConfigError, match="concat_mode"):
        replace(config, concat_mode="latent_interpolation").validate()


def test_points_of_another_model_are_refused_and_the_message_says_whose(density: LatentDensity):
    config = GenerationConfig(near=(target_of("door.wav", [(1.0, 2.0, 3.0)], (1.0,)),))
    with pytest.raises(InvalidConfigError, match=r"door\.wav.* 3 numbers, this model's have 2.*another model"):
        density_of_take(config, density, None, STEP_SAMPLES)


def test_without_recordings_nothing_is_near():
    with pytest.raises(InvalidConfigError, match="no recordings' latents"):
        density_of_take(GenerationConfig(near=(target(0),)), None, None, STEP_SAMPLES)


# --- centres ---


def test_centres_are_the_means_of_clusters_and_shares_their_sizes():
    generator = np.random.default_rng(0)
    sizes = (60, 30, 10)
    clusters = [place + 0.1 * generator.standard_normal((size, 2)) for place, size in zip(PLACES, sizes, strict=False)]
    centres, shares = centroids_of(generator.permutation(np.concatenate(clusters)), 3, generator)
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1])
    np.testing.assert_allclose(centres, [cluster.mean(axis=0) for cluster in clusters], atol=1e-9)


def test_there_are_no_more_centres_than_points():
    centres, shares = centroids_of(np.array([[1.0, 2.0], [1.0, 2.0], [5.0, 6.0]]), 16, np.random.default_rng(1))
    assert centres.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    np.testing.assert_allclose(shares, [2 / 3, 1 / 3])
