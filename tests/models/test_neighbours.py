"""The index against brute force, against answers known beforehand, and its recall where it is approximate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.neighbours import NeighbourConfig, NeighbourIndex

APPROXIMATE = NeighbourConfig(exact_points=100, cell_points=64)


def recordings(num_points: int, seed: int, dim: int = 12) -> NDArray[np.float32]:
    """Slow random movements in a few dimensions of many, with rests of exact silence, as frames of sounds move."""
    draws = np.random.default_rng(seed)
    moves = np.cumsum(draws.standard_normal((num_points, 4)), axis=0) * 0.05
    mixing = draws.standard_normal((4, dim))
    frames = np.tanh(moves) @ mixing + 0.02 * draws.standard_normal((num_points, dim))
    frames[::7] = -5.0
    return frames.astype(np.float32)


def brute_force(
    points: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    distances = np.linalg.norm(queries[:, None].astype(np.float64) - points[None], axis=2)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def test_points_on_a_line_are_found_in_the_order_of_their_distance() -> None:
    points = np.arange(10, dtype=np.float32)[:, None] * np.array([[3.0, 4.0]], dtype=np.float32)  # 5 apart

    indices, distances = NeighbourIndex(points).query(np.array([[3.0 * 2.2, 4.0 * 2.2]], dtype=np.float32), 4)

    assert indices.tolist() == [[2, 3, 1, 4]]
    assert distances == pytest.approx(np.array([[1.0, 4.0, 6.0, 9.0]]), rel=1e-5)
    assert indices.dtype == np.int64
    assert distances.dtype == np.float32


@settings(deadline=None, max_examples=60)
@given(num_points=st.integers(1, 400), dim=st.integers(1, 70), k=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_few_points_are_searched_exactly(num_points: int, dim: int, k: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    points = draws.standard_normal((num_points, dim)).astype(np.float32)
    queries = draws.standard_normal((17, dim)).astype(np.float32)
    k = min(k, num_points)

    indices, distances = NeighbourIndex(points).query(queries, k)

    _, expected = brute_force(points, queries, k)
    assert distances == pytest.approx(expected, rel=1e-4, abs=1e-6)
    # By distance: two points that lie within rounding of each other may change places.
    found = np.linalg.norm(points[indices].astype(np.float64) - queries[:, None], axis=2)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert all(len(set(row)) == k for row in indices.tolist())


def test_levels_far_from_zero_do_not_blur_close_neighbours() -> None:
    draws = np.random.default_rng(3)
    points = (-200.0 + 1e-2 * draws.standard_normal((3000, 64))).astype(np.float32)

    indices, distances = NeighbourIndex(points).query(points[:50], 5)

    expected, expected_distances = brute_force(points, points[:50], 5)
    assert np.array_equal(indices[:, 0], np.arange(50))
    assert distances == pytest.approx(expected_distances, rel=2e-3, abs=1e-6)
    assert (indices == expected).mean() > 0.99


@pytest.mark.parametrize("config", [NeighbourConfig(), APPROXIMATE], ids=["exact", "approximate"])
def test_distances_ascend_and_belong_to_their_points(config: NeighbourConfig) -> None:
    points, queries = recordings(3000, seed=1), recordings(200, seed=2)

    indices, distances = NeighbourIndex(points, config).query(queries, 24)

    assert (np.diff(distances, axis=1) >= 0).all()
    true = np.linalg.norm(points[indices].astype(np.float64) - queries[:, None], axis=2)
    assert distances == pytest.approx(true, rel=1e-4, abs=1e-5)
    assert all(len(set(row)) == 24 for row in indices.tolist())


def test_nine_of_ten_neighbours_are_found_among_many_points() -> None:
    points = recordings(20_000, seed=4)
    queries = points[2_000:3_000] + 0.05 * np.random.default_rng(5).standard_normal((1000, 12)).astype(np.float32)
    index = NeighbourIndex(points, APPROXIMATE)
    assert not index.is_exact

    _, distances = index.query(queries, 24)

    _, nearest = NeighbourIndex(points, NeighbourConfig(exact_points=20_000)).query(queries, 24)
    recall = np.mean(distances <= nearest[:, -1:] * (1 + 1e-4))
    assert recall >= 0.9
    assert distances.sum() < nearest.sum() * 1.02  # what is found instead lies hardly farther


def test_a_cell_of_equal_points_is_divided_and_their_neighbours_still_found() -> None:
    points = recordings(6_000, seed=6)
    points[1_000:4_000] = -3.0

    indices, distances = NeighbourIndex(points, APPROXIMATE).query(points[1_500:1_510], 200)

    assert not distances.any()
    assert ((indices >= 1_000) & (indices < 4_000)).all()


@pytest.mark.parametrize("k", [1, 300, 2_000])
def test_as_many_neighbours_are_found_as_are_asked_for(k: int) -> None:
    points = recordings(2_000, seed=7)

    indices, _ = NeighbourIndex(points, APPROXIMATE).query(points[:5], k)

    assert all(len(set(row)) == k for row in indices.tolist())


@pytest.mark.parametrize("config", [NeighbourConfig(), APPROXIMATE], ids=["exact", "approximate"])
def test_queries_find_the_same_alone_as_among_others(config: NeighbourConfig) -> None:
    draws = np.random.default_rng(8)
    points = draws.standard_normal((5_000, 8)).astype(np.float32)
    index = NeighbourIndex(points, config)
    queries = draws.standard_normal((700, 8)).astype(np.float32)

    together, _ = index.query(queries, 6)

    pieces = [index.query(queries[start : start + 37], 6)[0] for start in range(0, 700, 37)]
    assert np.array_equal(together, np.concatenate(pieces))


def test_the_same_points_make_the_same_index_and_change_no_random_state() -> None:
    import torch

    points, queries = recordings(4_000, seed=9), recordings(100, seed=10)
    before = torch.random.get_rng_state()

    first, second = (NeighbourIndex(points, APPROXIMATE).query(queries, 10) for _ in range(2))

    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_no_queries_find_nothing() -> None:
    indices, distances = NeighbourIndex(recordings(50, seed=1)).query(np.zeros((0, 12), dtype=np.float32), 3)

    assert indices.shape == distances.shape == (0, 3)


@pytest.mark.parametrize("k", [0, 51])
def test_more_neighbours_than_points_or_none_are_refused(k: int) -> None:
    with pytest.raises(InvalidConfigError, match="1 to the number of points, 50"):
        NeighbourIndex(recordings(50, seed=1)).query(np.zeros((1, 12), dtype=np.float32), k)


def test_queries_of_another_dimension_are_refused() -> None:
    with pytest.raises(InvalidConfigError, match=r"\(m, 12\)"):
        NeighbourIndex(recordings(50, seed=1)).query(np.zeros((1, 11), dtype=np.float32), 3)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3,)])
def test_points_that_are_no_matrix_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidConfigError, match="points has the shape"):
        NeighbourIndex(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    ("field", "value"), [("exact_points", -1), ("cell_points", 1), ("num_probes", 0), ("seed", -1)]
)
def test_settings_outside_their_range_are_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(InvalidConfigError, match=field):
        NeighbourConfig(**{field: value}).validate()
