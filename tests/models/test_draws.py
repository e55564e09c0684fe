"""Numbers that are random for one take, and spread over takes of consecutive seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from small_dataset_audio.models.draws import NUM_STRATA, SpreadDraws

SEEDS = st.integers(0, 2**63 - 1)


@given(seed=SEEDS)
def test_all_numbers_lie_from_0_to_1_and_a_seed_gives_the_same_ones_again(seed: int):
    one, other = SpreadDraws(seed), SpreadDraws(seed)
    numbers = [one.start(), *(one.next() for _ in range(5))]
    assert all(0.0 <= number < 1.0 for number in numbers)
    assert numbers == [other.start(), *(other.next() for _ in range(5))]
    assert one.start() == numbers[0]


@given(first=SEEDS.filter(lambda seed: seed < 2**63 - 100), count=st.integers(2, 34))
def test_where_takes_of_consecutive_seeds_begin_no_gap_is_much_wider_than_it_must_be(first: int, count: int):
    starts = np.sort([SpreadDraws(seed).start() for seed in range(first, first + count)])
    gaps = np.diff([*starts, starts[0] + 1.0])
    assert gaps.max() * count < 2.7  # three-distance theorem; the golden ratio keeps the largest under phi squared


@given(block=st.integers(0, 2**60 - 1))
def test_of_eight_consecutive_seeds_each_draws_from_another_eighth(block: int):
    takes = [SpreadDraws(block * NUM_STRATA + place) for place in range(NUM_STRATA)]
    orders = []
    for _ in range(4):
        strata = [int(take.next() * NUM_STRATA) for take in takes]
        assert sorted(strata) == list(range(NUM_STRATA))
        orders.append(strata)
    assert len({tuple(order) for order in orders}) > 1  # shuffled anew


@pytest.mark.parametrize("number", [0, 1, 7])
def test_for_seeds_far_apart_each_number_is_uniform(number: int):
    rng = np.random.default_rng(number)
    values = []
    for seed in rng.integers(2**62, size=2000):
        draws = SpreadDraws(int(seed))
        values.append([draws.start(), *(draws.next() for _ in range(number + 1))][number])
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_what_follows_does_not_depend_on_what_came_before():
    first, second = [], []
    for block in range(1500):
        draws = SpreadDraws(block * NUM_STRATA + 3)
        first.append(draws.next())
        second.append(draws.next())
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(1500)


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**63 - 1])
def test_a_seed_of_numpy_is_the_seed_of_that_number(seed: int):
    assert SpreadDraws(np.int64(seed)).start() == SpreadDraws(seed).start()  # type: ignore[arg-type]
    assert SpreadDraws(np.int64(seed)).next() == SpreadDraws(seed).next()  # type: ignore[arg-type]
