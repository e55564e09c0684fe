"""Which sounds share a key, of sounds whose likeness is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.workflow.hit_search import FoundHit, apart_db
from small_dataset_audio.workflow.kit_groups import GROUP_DB, group_hits

MOMENTS, BANDS = 8, 24


def found(kind: int, variant: int) -> FoundHit:
    """A sound of a kind that is louder in a band of its own; variants of a kind differ by some 4 dB in the mean."""
    rng = np.random.default_rng(kind)
    features = rng.uniform(-50.0, -20.0, (MOMENTS, BANDS))
    features[:, 4 * kind + 2] = 0.0
    features += np.random.default_rng([kind, variant]).uniform(-6.0, 6.0, features.shape)
    take: Any = None
    raw, cut = np.zeros(1, np.float32), Cut(100 * kind + variant, 1, 0, 0)
    return FoundHit(raw, cut, take, features.astype(np.float32).ravel())


POOL = [found(kind, variant) for kind in range(5) for variant in range(4)]


def kind_of(hit: FoundHit) -> int:
    return hit.cut.first // 100


def test_the_sounds_of_the_pool_are_as_the_test_means_them():
    assert 2.5 <= apart_db(POOL[0].features, POOL[1].features) <= GROUP_DB
    assert apart_db(POOL[0].features, POOL[4].features) > GROUP_DB


def test_what_is_alike_takes_turns_and_the_keys_go_from_dark_to_bright():
    groups = group_hits(POOL, 15, 3)
    assert [len(group) for group in groups] == [3] * 5
    assert all(len({kind_of(hit) for hit in group}) == 1 for group in groups)
    assert [kind_of(group[0]) for group in groups] == [0, 1, 2, 3, 4]


def test_without_turns_every_sound_has_a_key():
    groups = group_hits(POOL, 9, 1)
    assert [len(group) for group in groups] == [1] * 9
    assert {kind_of(group[0]) for group in groups} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 19, 20, 50])
@pytest.mark.parametrize("round_robins", [1, 2, 3, 16])
def test_no_sound_comes_twice_and_never_more_than_were_asked_for(count: int, round_robins: int):
    groups = group_hits(POOL, count, round_robins)
    chosen = [hit.cut.first for group in groups for hit in group]
    assert len(set(chosen)) == len(chosen) <= count
    assert all(1 <= len(group) <= round_robins for group in groups)
    assert len(chosen) >= min(count, 5)


def test_one_sound_makes_one_key():
    assert [[hit.cut.first for hit in group] for group in group_hits(POOL[:1], 24, 3)] == [[0]]
