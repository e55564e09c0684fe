"""The map: where moments lie, and what lies at a place."""

from __future__ import annotations

import numpy as np
import pytest

from small_dataset_audio.controls.latent_map import map_of, target_at
from small_dataset_audio.controls.map_places import clamped
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.models.latent_paths import fit_density

CORNERS = np.array([(40.0, 10.0), (40.0, -10.0), (80.0, 10.0), (80.0, -10.0)])


def density_of_corners(dimensions: int = 5) -> LatentDensity:
    """Four held sounds at the corners of a rectangle in a plane of a larger space, turned; silence at the origin."""
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((dimensions, dimensions)))[0][:2]
    paths = []
    for corner in CORNERS:
        path = np.tile(corner @ turn, (60, 1)) + 0.01 * np.random.default_rng(2).standard_normal((60, dimensions))
        path[:2] = 0.0
        paths.append(path.astype(np.float32))
    return fit_density(paths)


def test_a_rectangle_comes_out_as_one_from_edge_to_edge():
    density = density_of_corners()
    found = map_of(density)
    middles = np.array([np.median(found.places[found.recordings == number], axis=0) for number in range(4)])
    assert sorted(np.sign(middles).tolist()) == [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    # The long side lies across, so recordings that differ by it lie on both sides.
    assert np.sign(middles[0, 0]) == np.sign(middles[1, 0]) != np.sign(middles[2, 0])
    assert np.abs(found.places).max(axis=0) == pytest.approx([10.0, 10.0])
    assert found.explained[0] > found.explained[1] > 0.0
    assert sum(found.explained) == pytest.approx(1.0, abs=0.01)


def test_the_map_is_the_same_every_time_and_does_not_turn_over_with_the_order_of_recordings():
    density = density_of_corners()
    first, second = map_of(density), map_of(density)
    assert np.array_equal(first.places, second.places)
    lengths = density.path_lengths.tolist()
    parts = np.split(density.latents, np.cumsum(lengths)[:-1])
    backwards = map_of(fit_density(parts[::-1]))
    np.testing.assert_allclose(
        np.median(backwards.places[backwards.recordings == 3], axis=0),
        np.median(first.places[first.recordings == 0], axis=0),
        atol=0.1,
    )


def test_silence_is_not_on_the_map():
    density = density_of_corners()
    steps = set(map_of(density).steps.tolist())
    for start in range(0, 240, 60):
        assert steps.isdisjoint({start, start + 1})


@pytest.mark.parametrize("recording", range(4))
def test_what_lies_at_a_place_are_the_latents_of_the_recording_that_is_there(recording: int):
    density = density_of_corners()
    found = map_of(density)
    x, y = np.median(found.places[found.recordings == recording], axis=0)
    target = target_at(density, found, float(x), float(y))
    own = density.latents[60 * recording + 30]
    assert np.abs(np.array(target.points) - own).max() < 1.0
    assert target.name == f"{x:g},{y:g}"


def test_a_place_off_the_map_is_the_edge():
    density = density_of_corners()
    found = map_of(density)
    assert clamped(99.0, -11.0) == (10.0, -10.0)
    assert target_at(density, found, 99.0, -11.0) == target_at(density, found, 10.0, -10.0)


@pytest.mark.parametrize("place", [(float("nan"), 0.0), (0.0, float("inf"))])
def test_a_place_that_is_no_number_is_refused(place: tuple[float, float]):
    with pytest.raises(InvalidConfigError, match="not on the map"):
        clamped(*place)


@pytest.mark.parametrize("latents", [np.zeros((20, 4)), np.arange(20.0)[:, None], np.ones((1, 3))])
def test_a_corpus_without_two_directions_has_a_map_too(latents: np.ndarray):
    found = map_of(fit_density([latents.astype(np.float32)]))
    assert np.isfinite(found.places).all()
    assert np.abs(found.places).max() <= 10.0
