"""Variations of a walk: what is exchanged, what stays."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from small_dataset_audio.controls.nearness import draw_near
from small_dataset_audio.controls.targets import target_of
from small_dataset_audio.controls.variation import VariedDensity, vary
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.steered import density_of_take
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.latent_paths import fit_density
from small_dataset_audio.models.walk import Walk

AMOUNTS = (0.0, 0.1, 0.3, 0.6, 1.0)


@pytest.fixture(scope="module")
def density() -> LatentDensity:
    generator = np.random.default_rng(3)
    lengths = (40, 7, 90, 25, 120)
    return fit_density([np.cumsum(generator.standard_normal((n, 3)), axis=0).astype(np.float32) for n in lengths])


@pytest.fixture(params=["one voice", "two voices", "two that take turns"], scope="module")
def walk(request: pytest.FixtureRequest, density: LatentDensity) -> Walk:
    if request.param == "two that take turns":
        near = target_of("here", density.latents[60:62].tolist(), (1.0, 1.0))
        return draw_near(density, (near,), 0.5, 2048).walk(400, np.random.default_rng(1))
    style = WalkStyle(voices=2, jump_scale=0.8) if request.param == "two voices" else WalkStyle()
    return density.walk(400, np.random.default_rng(1), style)


def varied(walk: Walk, density: LatentDensity, amount: float, seed: int = 0) -> np.ndarray:
    return vary(walk, density.partners, amount, np.random.default_rng(seed)).rows


def test_an_amount_of_0_exchanges_nothing_and_1_nearly_everything(walk: Walk, density: LatentDensity):
    assert np.array_equal(varied(walk, density, 0.0), walk.rows)
    assert (varied(walk, density, 1.0) == walk.rows).mean() < 0.3


def test_a_larger_amount_exchanges_all_that_a_smaller_one_does(walk: Walk, density: LatentDensity):
    changed = [varied(walk, density, amount) != walk.rows for amount in AMOUNTS]
    for less, more in itertools.pairwise(changed):
        assert (less <= more).all()
    assert [bool(each.any()) for each in changed[2:]] == [True] * 3


def test_the_share_that_is_exchanged_is_about_the_amount(walk: Walk, density: LatentDensity):
    shares = [(varied(walk, density, 0.3, seed) != walk.rows).mean() for seed in range(60)]
    assert 0.15 < np.mean(shares) < 0.4


def test_what_is_put_in_is_a_stretch_of_a_recording_that_begins_at_a_partner(walk: Walk, density: LatentDensity):
    rows = varied(walk, density, 1.0)
    assert rows.min() >= 0
    assert rows.max() < len(density.latents)
    moved = np.flatnonzero(rows[0] != walk.rows[0])
    first = int(moved[0])
    assert rows[0, first] in density.partners[walk.rows[0, first]]


def test_a_voice_that_rests_keeps_the_row_of_one_that_sounds(walk: Walk, density: LatentDensity):
    rows = varied(walk, density, 0.7)
    if walk.levels is not None:
        resting = walk.levels == 0.0
        assert resting.any()
        assert np.array_equal(rows[resting], rows[::-1][resting])
    elif walk.is_heard is not None and len(rows) > 1:
        resting = ~walk.is_heard[1]
        assert np.array_equal(rows[1, resting], rows[0, resting])


def test_two_seeds_are_two_variations(walk: Walk, density: LatentDensity):
    assert not np.array_equal(varied(walk, density, 0.5, 0), varied(walk, density, 0.5, 1))


def test_a_varied_density_draws_the_walk_of_the_other_one_varied(density: LatentDensity):
    plain = density.walk(200, np.random.default_rng(9))
    same = VariedDensity(density, density, 0.0, 4).walk(200, np.random.default_rng(9))
    other = VariedDensity(density, density, 0.5, 4).walk(200, np.random.default_rng(9))
    assert np.array_equal(same.rows, plain.rows)
    assert not np.array_equal(other.rows, plain.rows)
    assert np.array_equal(other.detuning, plain.detuning)


def test_variations_of_variations_start_from_what_was_varied(density: LatentDensity):
    def rows(*variations: tuple[float, int]) -> np.ndarray:
        chosen = density_of_take(GenerationConfig(variations=variations), density, None, 2048)
        assert chosen is not None
        return chosen.walk(300, np.random.default_rng(2)).rows

    once, twice = rows((0.5, 1)), rows((0.5, 1), (0.1, 2))
    assert 0.0 < (once != twice).mean() < (rows() != twice).mean()
    assert np.array_equal(rows((0.5, 1), (0.0, 7)), once)


def test_an_amount_of_0_leaves_the_density_as_it_is(density: LatentDensity):
    assert density_of_take(GenerationConfig(variations=((0.0, 3),)), density, None, 2048) is density


def test_variations_come_back_from_json_as_they_were():
    config = GenerationConfig(variations=((0.25, 2**40), (1.0, 0)))
    config.validate()
    assert GenerationConfig.from_mapping(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize(
    "variations",
    [
        "much",
        [0.5],
        [(0.5,)],
        [(1.5, 0)],
        [(-0.1, 0)],
        [(float("nan"), 0)],
        [(True, 0)],
        [(0.5, -1)],
        [(0.5, 2**63)],
        [(0.5, 1.0)],
        [(0.5, True)],
        [(0.5, 0)] * 33,
        None,
    ],
)
def test_what_is_no_variation_is_refused(variations: Any):
    with pytest.raises(InvalidConfigError, match=r"variations|amount"):
        GenerationConfig(variations=variations).validate()


def test_a_path_between_single_moments_cannot_be_varied():
    with pytest.raises(InvalidConfigError, match="concat_mode"):
        replace(GenerationConfig(variations=((0.5, 0),)), concat_mode="latent_interpolation").validate()


def test_without_recordings_there_is_nothing_to_exchange():
    with pytest.raises(InvalidConfigError, match="no recordings' latents"):
        density_of_take(GenerationConfig(variations=((0.5, 0),)), None, None, 2048)
