"""A sound cut out of its take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges import noise, sine
from small_dataset_audio.errors import SidecarError
from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.inference.sampler_chunk import Loop, SamplerNotes

PLAIN = Cut(100, 1_000, 10, 50)
LOOPED = Cut(100, 9_000, 10, 50, loop_first=3_000, loop_last=7_999, loop_fade=480, root_key=57, root_cents=12)


def test_a_cut_is_what_lies_there_faded_and_at_its_peak():
    take = 0.2 * noise(4_000)
    sound = PLAIN.apply(take)
    assert sound.shape == (1_000,)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(0.891, abs=1e-6)
    middle = sound[10:950] / take[110:1_050]
    np.testing.assert_allclose(middle, middle[0], rtol=1e-5)
    assert np.abs(sound[0]) < 0.01
    assert np.abs(sound[-1]) < 0.001


def test_the_take_is_left_as_it_was():
    take = noise(4_000)
    before = take.copy()
    PLAIN.apply(take)
    np.testing.assert_array_equal(take, before)


def test_both_channels_are_cut_and_scaled_alike():
    left = noise(4_000)
    sound = PLAIN.apply(np.stack([left, 0.5 * left]))
    np.testing.assert_allclose(sound[1], 0.5 * sound[0], atol=1e-7)
    np.testing.assert_allclose(sound[0], PLAIN.apply(left), atol=1e-7)


def test_a_closed_loop_goes_on_where_it_began():
    cut = replace(LOOPED, fade_in=0, fade_out=0)
    sound = cut.apply(0.5 * noise(20_000) + sine(441.0, 20_000))
    first, last, fade = cut.loop_first, cut.loop_last, cut.loop_fade
    assert first is not None
    assert last is not None
    # What is played before the jump back is what stands before the loop: then the jump leads on as it was made.
    ends = slice(last + 1 - fade // 20, last + 1), slice(first - fade // 20, first)
    np.testing.assert_allclose(sound[ends[0]], sound[ends[1]], atol=0.02)


@given(
    first=st.integers(0, 10**6),
    num_samples=st.integers(2, 10**6),
    fades=st.tuples(st.integers(0, 1), st.integers(0, 2)),
    loop=st.booleans(),
    root=st.none() | st.integers(0, 127),
    cents=st.integers(0, 99),
)
def test_a_cut_comes_back_from_its_sidecar(
    first: int, num_samples: int, fades: tuple[int, int], loop: bool, root: int | None, cents: int
):
    ends = (1, num_samples - 1, 1) if loop else (None, None, 0)
    cut = Cut(first, num_samples, *fades, *ends, root, cents)
    if loop and num_samples == 2:
        cut = replace(cut, loop_fade=1)
    assert Cut.from_mapping(cut.to_json(), first + num_samples) == cut


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first": -1}, "first is -1"),
        ({"first": 1.0}, "first is 1.0"),
        ({"first": True}, "first is True"),
        ({"first": 11_001}, "inside its take"),
        ({"num_samples": 0}, "inside its take"),
        ({"num_samples": 10**30}, "inside its take"),
        ({"fade_out": 9_001}, "inside its take"),
        ({"loop_first": None}, "one end of a loop"),
        ({"loop_last": 9_000}, "loop must lie inside"),
        ({"loop_first": 8_000}, "loop must lie inside"),
        ({"loop_fade": 3_001}, "loop must lie inside"),
        ({"root_key": 128}, "root_key must be at most 127"),
        ({"root_cents": 100}, "root_cents at most 99"),
        ({"speed": 1}, "nothing unknown"),
    ],
)
def test_what_is_no_place_in_a_take_is_refused(changes: dict[str, Any], words: str):
    assert Cut.from_mapping(LOOPED.to_json(), 20_000) == LOOPED
    with pytest.raises(SidecarError, match=words):
        Cut.from_mapping({**LOOPED.to_json(), **changes}, 20_000)


@pytest.mark.parametrize("values", [None, 3, [], "cut", {}, {"first": 0}])
def test_what_is_no_cut_at_all_is_refused(values: object):
    with pytest.raises(SidecarError, match="one_shot is"):
        Cut.from_mapping(values, 20_000)


def test_what_a_sampler_is_told():
    assert PLAIN.sampler_notes is None
    assert LOOPED.sampler_notes == SamplerNotes(Loop(3_000, 7_999), 57, 12.0)
    assert replace(PLAIN, root_key=40).sampler_notes == SamplerNotes(None, 40, 0.0)
