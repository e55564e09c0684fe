from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measures.coverage import density_coverage as benchmark_density_coverage
from measures.kad import unbiased_mmd2
from scipy.optimize import minimize

from small_dataset_audio.evaluation.clouds import (
    density_coverage,
    distance_to_nearest_mixture,
    gaussian_kernel,
    median_distance,
    squared_distance,
)


def cloud(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 4)) + shift


def mixture_distance(reference: np.ndarray, made: np.ndarray, bandwidth: float = 1.5) -> float:
    kernels = [gaussian_kernel(x, y, bandwidth) for x, y in ((reference, reference), (reference, made), (made, made))]
    return distance_to_nearest_mixture(*kernels)


@given(seed=st.integers(0, 50), count=st.integers(2, 30), made=st.integers(2, 30), shift=st.floats(0.0, 3.0))
@settings(deadline=None, max_examples=40)
def test_distance_density_and_coverage_are_those_of_the_benchmark(seed: int, count: int, made: int, shift: float):
    x, y = cloud(count, seed), cloud(made, seed + 1, shift)
    assert squared_distance(x, y, 1.5) == pytest.approx(unbiased_mmd2(x, y, 1.5), abs=1e-12)
    if count > 5:
        expected = benchmark_density_coverage(x, y)
        assert density_coverage(x, y) == (pytest.approx(expected.density), expected.coverage)


def test_too_few_points_have_no_distance_and_no_coverage():
    assert squared_distance(cloud(1, 0), cloud(5, 1), 1.0) is None
    assert squared_distance(cloud(5, 0), cloud(0, 1), 1.0) is None
    assert density_coverage(cloud(5, 0), cloud(3, 1)) is None
    assert density_coverage(cloud(6, 0), cloud(0, 1)) is None


def test_the_median_distance_can_always_be_divided_by():
    points = cloud(9, 3)
    pairs = [np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2)]
    assert median_distance(points) == pytest.approx(np.median(pairs))
    assert median_distance(points[:1]) == 1.0
    assert median_distance(np.zeros((4, 2))) == 1.0


def test_a_part_of_the_reference_is_at_no_distance_from_its_nearest_mixture():
    reference = np.concatenate([cloud(20, 0), cloud(20, 1, 8.0)])
    assert mixture_distance(reference, reference) == pytest.approx(0.0, abs=0.02)
    assert mixture_distance(reference, reference[25:35]) < 0.06
    assert mixture_distance(reference, np.repeat(reference[30:31], 5, axis=0)) < 0.15
    assert mixture_distance(reference, cloud(10, 2, 4.0)) > 0.5


def test_the_nearest_mixture_is_the_one_that_an_optimiser_finds():
    reference, made = cloud(8, 5), cloud(6, 6, 0.7)
    within = gaussian_kernel(reference, reference, 1.5)
    nearness = gaussian_kernel(reference, made, 1.5).mean(axis=1)
    own = gaussian_kernel(made, made, 1.5).mean()
    found = minimize(
        lambda weights: weights @ within @ weights - 2 * weights @ nearness + own,
        np.full(8, 1 / 8),
        bounds=[(0, 1)] * 8,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
    )
    assert mixture_distance(reference, made) == pytest.approx(np.sqrt(found.fun), rel=0.02)


def test_points_that_have_no_share_may_be_left_out():
    near, far = cloud(500, 7), cloud(500, 8, 50.0)
    made = cloud(20, 9)
    assert mixture_distance(np.concatenate([near, far]), made) == pytest.approx(mixture_distance(near, made), abs=1e-3)
