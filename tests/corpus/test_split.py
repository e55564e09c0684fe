from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.corpus import Clip, split_by_file
from small_dataset_audio.errors import InvalidConfigError

HASHES = st.lists(st.text("0123456789abcdef", min_size=8, max_size=8), unique=True, max_size=60)
SEEDS = st.integers(0, 2**63 - 1)


def clips(lengths: list[int]) -> list[Clip]:
    return [Clip(f"{i}.wav", np.zeros(length, np.float32), f"hash {i}") for i, length in enumerate(lengths)]


@given(HASHES, SEEDS)
def test_every_recording_is_on_exactly_one_side(hashes, seed):
    split = split_by_file(hashes, seed=seed)
    assert sorted(split.train + split.held_out) == list(range(len(hashes)))
    assert list(split.train) == sorted(split.train)
    assert list(split.held_out) == sorted(split.held_out)


@given(HASHES, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_recordings_plays_no_part(hashes, seed, random):
    shuffled = list(hashes)
    random.shuffle(shuffled)
    one, other = split_by_file(hashes, seed=seed), split_by_file(shuffled, seed=seed)
    assert {hashes[i] for i in one.held_out} == {shuffled[i] for i in other.held_out}


@given(st.lists(st.integers(1, 10_000), max_size=60), SEEDS, st.floats(0.01, 0.2))
def test_no_more_than_a_fifth_of_the_audio_is_held_out_where_that_can_be(lengths, seed, share):
    split = split_by_file(clips(lengths), share, seed)
    held_out = sum(lengths[i] for i in split.held_out)
    if len(lengths) >= 2:
        assert held_out <= 0.2 * sum(lengths) or (
            len(split.held_out) == 1 and held_out == min(lengths) > 0.2 * sum(lengths)
        )


@pytest.mark.parametrize(
    ("count", "held_out"), [(0, 0), (1, 0), (2, 1), (5, 1), (9, 1), (10, 1), (14, 1), (15, 2), (100, 10), (500, 50)]
)
def test_so_many_are_held_out(count, held_out):
    assert len(split_by_file([f"{i}" for i in range(count)]).held_out) == held_out


def test_another_seed_holds_out_others():
    hashes = [f"{i}" for i in range(100)]
    chosen = {split_by_file(hashes, seed=seed).held_out for seed in range(20)}
    assert len(chosen) == 20


def test_over_the_seeds_every_recording_gets_its_turn():
    hashes = [f"{i}" for i in range(20)]
    turns = np.zeros(20)
    for seed in range(1000):
        turns[list(split_by_file(hashes, seed=seed).held_out)] += 1
    # 2 of 20 in each of 1000 draws: 100 on average, with a standard deviation under 10.
    assert turns.min() > 60
    assert turns.max() < 140


def test_the_one_long_recording_is_never_held_out():
    corpus = clips([1_000_000] + [100] * 9)
    assert all(0 not in split_by_file(corpus, seed=seed).held_out for seed in range(50))


def test_of_two_the_shorter_is_held_out():
    assert split_by_file(clips([100, 90])).held_out == (1,)


def test_a_share_of_nothing_holds_nothing_out():
    assert split_by_file([f"{i}" for i in range(50)], 0.0).held_out == ()


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InvalidConfigError, match=r"held_out_share is .*; it must lie between 0 and 0\.5"):
        split_by_file(["a", "b"], share)


def test_a_recording_that_occurs_twice_is_refused():
    with pytest.raises(InvalidConfigError, match="occurs twice"):
        split_by_file(["a", "b", "a"])
