from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.controls.sliders import (
    NAMES,
    SLIDER_END,
    beyond_the_slider,
    checked_controls,
    curve_from_seconds,
    value_at,
)
from small_dataset_audio.errors import InvalidConfigError

VALUES = st.floats(-1e6, 1e6)
CURVES = st.lists(st.tuples(st.floats(0, 1), VALUES), min_size=1, max_size=8).map(
    lambda points: tuple(sorted(points, key=lambda point: point[0]))
)


@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(VALUES, CURVES)))
def test_checking_twice_is_checking_once_and_the_order_is_that_of_the_page(controls):
    once = checked_controls(controls)
    assert checked_controls(once) == once
    assert list(once) == [name for name in NAMES if name in controls]


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({"brightnes": 1}, "'brightnes'.*the controls are brightness, "),
        ({"pitch": float("nan")}, "pitch.*finite"),
        ({"pitch": True}, "pitch"),
        ({"pitch": "3"}, "pitch.*'3'"),
        ({"pitch": None}, "pitch.*None"),
        ({"pitch": []}, "pitch"),
        ({"pitch": [[0.0]]}, "pitch.*pair"),
        ({"pitch": [[0.0, 1.0, 2.0]]}, "pitch.*pair"),
        ({"pitch": [[0.5, 1], [0.2, 1]]}, "pitch.*rise"),
        ({"pitch": [[0.5, 1], [1.2, 1]]}, "pitch.*rise"),
        ({"pitch": [[-0.1, 1]]}, "pitch.*rise"),
        ({"pitch": [[0.0, 0.0]] * 1001}, "1000 points"),
        ([("pitch", 3)], "object of settings"),
    ],
)
def test_what_is_no_setting_is_refused_by_name(controls, said: str):
    with pytest.raises(InvalidConfigError, match=said):
        checked_controls(controls)


@given(CURVES, st.floats(0, 1))
def test_a_curve_lies_between_the_values_of_its_points_and_within_the_slider(curve, share: float):
    values = [min(max(value, -SLIDER_END), SLIDER_END) for _, value in curve]
    assert min(values) - 1e-6 <= value_at(curve, share) <= max(values) + 1e-6


def test_a_curve_meets_its_points_and_goes_straight_between_them():
    curve = ((0.25, -4.0), (0.75, 6.0))
    assert [value_at(curve, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == [-4.0, -4.0, 1.0, 6.0, 6.0]


def test_points_in_seconds_become_shares_of_the_take():
    assert curve_from_seconds("pitch", [[0, -5], [2.5, 5]], 10.0) == ((0.0, -5.0), (0.25, 5.0))
    with pytest.raises(InvalidConfigError, match="pitch has a point at 12 s; it must lie in the take, from 0 to 10 s"):
        curve_from_seconds("pitch", [[0, -5], [12, 5]], 10.0)


def test_what_lies_beyond_the_slider_counts_as_its_end_and_is_named():
    controls = checked_controls({"pitch": 11, "density": [[0, 0], [1, -12]], "warmth": 10})
    assert beyond_the_slider(controls) == ["density", "pitch"]
    assert value_at(controls["pitch"], 0.0) == SLIDER_END
