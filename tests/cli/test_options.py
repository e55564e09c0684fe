from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.cli.options import format_duration, parse_bit_depth, parse_duration
from small_dataset_audio.inference.config import GenerationConfig

IN_SECONDS = {
    "45": 45.0,
    "0.5": 0.5,
    ".25": 0.25,
    "90s": 90.0,
    "3m": 180.0,
    "3min": 180.0,
    "1h": 3600.0,
    "1h30m": 5400.0,
    "1h 5m 0.5s": 3900.5,
    "2.5m": 150.0,
    "3M": 180.0,
    " 10 ": 10.0,
}


@pytest.mark.parametrize(("text", "seconds"), IN_SECONDS.items())
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-3", "3x", "m", "s", "h", "3m4", "1s1m", "1e3", "inf", "nan", "٣", "1,5", "."]
)
def test_what_is_no_duration_over_zero_is_refused_with_the_ways_to_write_one(text: str):
    with pytest.raises(typer.BadParameter, match="write 45 or 90s"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**9))
def test_a_duration_written_and_read_again_is_the_same_to_the_millisecond(milliseconds: int):
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@given(st.floats(min_value=1e-3, max_value=1e6))
def test_seconds_alone_are_read_as_python_writes_them(seconds: float):
    assert parse_duration(f"{seconds:.6f}") == pytest.approx(seconds, abs=1e-6)


@given(st.text(alphabet="0123456789.hms- e", max_size=12))
def test_any_text_is_a_duration_over_zero_or_refused(text: str):
    try:
        seconds = parse_duration(text)
    except typer.BadParameter:
        return
    assert seconds > 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.25, "0.25s"), (59.9996, "1m"), (90, "1m30s"), (3600, "1h"), (86461, "24h1m1s")]
)
def test_a_duration_is_written_shortly(seconds: float, text: str):
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["16", "16-bit", "24", "24-bit", "32", "32f", "32F", "32-bit float", "float"])
def test_every_way_to_write_a_bit_depth_is_one_that_a_take_can_have(text: str):
    bit_depth = parse_bit_depth(text)
    assert bit_depth.startswith(text[:2]) or text == "float"
    GenerationConfig(bit_depth=bit_depth).validate()


@pytest.mark.parametrize("text", ["", "8", "24bits", "64f"])
def test_another_bit_depth_is_refused(text: str):
    with pytest.raises(typer.BadParameter, match="16, 24 or 32f"):
        parse_bit_depth(text)
