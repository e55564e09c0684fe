from __future__ import annotations

import numpy as np
import pytest

from small_dataset_audio.audio.time_bend import HOP_LENGTH
from small_dataset_audio.inference.pace import draw_pace


def pace_of(num_samples: int, bend: float, seed: int = 0) -> np.ndarray:
    return draw_pace(num_samples, bend, np.random.default_rng(seed))


@pytest.mark.parametrize("bend", [0.1, 0.35, 1.0])
def test_time_runs_faster_and_slower_by_up_to_the_bend_and_about_as_often(bend: float):
    pace = pace_of(48_000 * 1000, bend)
    assert 1 / (1 + bend) <= pace.min() < 1 < pace.max() <= 1 + bend
    assert (pace > 1).mean() == pytest.approx(0.5, abs=0.08)
    assert np.abs(np.log(pace)).mean() > 0.3 * np.log(1 + bend)


def test_without_a_bend_time_runs_as_recorded():
    assert (pace_of(100_000, 0.0) == 1.0).all()


@pytest.mark.parametrize("num_samples", [1, 512, 513, 480_000])
def test_there_is_a_pace_for_every_hop(num_samples: int):
    assert len(pace_of(num_samples, 0.3)) >= -(-num_samples // HOP_LENGTH)


def test_no_pace_changes_at_once():
    assert np.abs(np.diff(np.log(pace_of(4_800_000, 0.35)))).max() < 0.01


def test_another_seed_is_another_pace_and_the_same_one_the_same():
    np.testing.assert_array_equal(pace_of(96_000, 0.3, 1), pace_of(96_000, 0.3, 1))
    assert not np.array_equal(pace_of(96_000, 0.3, 1), pace_of(96_000, 0.3, 2))


@pytest.mark.parametrize("seed", range(5))
def test_where_time_shall_be_even_it_runs_as_long_as_recorded_on_the_whole(seed: int):
    generator = np.random.default_rng(seed)
    pace = draw_pace(600_000, 0.35, generator, even_samples=480_000)
    assert pace[: 480_000 // HOP_LENGTH + 1].mean() == pytest.approx(1.0)
    np.testing.assert_allclose(pace / pace[0], pace_of(600_000, 0.35, seed) / pace_of(600_000, 0.35, seed)[0])
