"""What a walk through the corpus is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.models.walk import Walk, returning_stretch

TABLE = np.arange(30, dtype=np.float32).reshape(10, 3)


def walk_over(rows: list[list[int]], displacement: np.ndarray | None = None, *, is_recorded: bool = True) -> Walk:
    return Walk(
        TABLE, np.array(rows), np.array([6, 4]), lead_steps=1, displacement=displacement, is_recorded=is_recorded
    )


@given(
    rows=st.integers(1, 4).flatmap(
        lambda voices: st.lists(
            st.lists(st.integers(0, 9), min_size=voices, max_size=voices), min_size=1, max_size=12
        ).map(lambda steps: [list(voice) for voice in zip(*steps, strict=True)])
    ),
    is_displaced=st.booleans(),
    data=st.data(),
)
def test_latents_are_the_table_at_the_rows_and_what_is_added_to_every_voice(
    rows: list[list[int]], is_displaced: bool, data: st.DataObject
):
    num_steps = len(rows[0])
    displacement = np.random.default_rng(0).standard_normal((num_steps, 3)).astype(np.float32) if is_displaced else None
    first = data.draw(st.integers(0, num_steps - 1))
    last = data.draw(st.integers(first + 1, num_steps + 3))
    found = walk_over(rows, displacement).latents(first, last)
    assert found.shape == (len(rows), 3, min(last, num_steps) - first)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    for number, voice in enumerate(rows):
        for step in range(first, min(last, num_steps)):
            added = 0.0 if displacement is None else displacement[step]
            np.testing.assert_array_equal(found[number, :, step - first], TABLE[voice[step]] + added)


@pytest.mark.parametrize("bounds", [(0, 4), (1, 3), (2, 7)])
def test_latents_in_pieces_are_the_latents_of_the_whole(bounds: tuple[int, int]):
    walk = walk_over([[0, 1, 5, 6, 7], [3, 4, 5, 9, 0]], np.ones((5, 3), np.float32))
    first, last = bounds
    np.testing.assert_array_equal(walk.latents(first, last), walk.latents(0, 5)[..., first:last])


@pytest.mark.parametrize("num_voices", [1, 2, 8])
def test_voices_are_counted(num_voices: int):
    assert walk_over([[0, 1, 2]] * num_voices).num_voices == num_voices


def test_only_what_keeps_to_the_recordings_can_be_played():
    moved = np.zeros((2, 3), np.float32)
    assert walk_over([[0, 1]]).can_be_played
    assert not walk_over([[0, 1]], moved).can_be_played
    assert not walk_over([[0, 1]], is_recorded=False).can_be_played
    assert not walk_over([[0, 1]], moved, is_recorded=False).can_be_played


def test_the_table_is_not_changed_by_a_displacement():
    before = TABLE.copy()
    walk_over([[0, 1]], np.ones((2, 3), np.float32)).latents(0, 2)[:] = 7.0
    walk_over([[0, 1]]).latents(0, 2)[:] = 7.0
    np.testing.assert_array_equal(TABLE, before)


def test_a_walk_shows_its_settings_and_not_thousands_of_numbers():
    assert repr(walk_over([[0, 1]])) == "Walk(lead_steps=1, is_recorded=True)"


def test_the_stretch_that_comes_back_to_itself_is_cut_out():
    rng = np.random.default_rng(0)
    rows = rng.permutation(200)[None]
    rows[0, 90:100] = rows[0, 50:60]  # 40 steps later, the same ten again
    walk = Walk(
        rng.standard_normal((200, 3)).astype(np.float32), rows, np.array([200]), detuning=rows.astype(np.float32)
    )
    cut = returning_stretch(walk, 60, 40)
    assert cut.rows.shape == (1, 60)
    first = int(np.flatnonzero(rows[0] == cut.rows[0, 0])[0])
    assert 50 <= first < 60
    np.testing.assert_array_equal(cut.rows[0], rows[0, first : first + 60])
    np.testing.assert_array_equal(cut.detuning, cut.rows)


@pytest.mark.parametrize(("num_steps", "period"), [(5, 3), (4, 0), (2, 9)])
def test_a_walk_without_room_to_choose_is_left_as_it_is(num_steps: int, period: int):
    walk = walk_over([[0, 1, 2, 3, 4]])
    assert returning_stretch(walk, num_steps, period) is walk
