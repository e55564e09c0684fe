from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.names import quoted

MAX_SEED = 2**63 - 1
NOT_FINITE = [math.nan, math.inf, -math.inf]
NOT_A_NUMBER = [True, False, None, "1", b"1", [1.0], {}, 1j, object()]


@st.composite
def valid_fields(draw: st.DrawFn) -> dict[str, Any]:
    maximum = draw(st.floats(0.001, 3600.0) | st.integers(1, 3600))
    chunk_duration_s = draw(st.floats(1e-4, 60.0) | st.integers(1, 60))
    duration_s = draw(st.floats(0.001, float(maximum)))
    stereo_mode = draw(st.sampled_from(["mono", "mid_side", "dual_seed", "corpus"]))
    vocoders = ["auto", "mosaic"] if stereo_mode == "corpus" else ["auto", "mosaic", "griffin_lim"]
    concat_mode = draw(st.sampled_from(["crossfade", "latent_interpolation"]))
    steered = st.dictionaries(st.sampled_from(NAMES), st.floats(-99, 99))
    return {
        "max_duration_s": maximum,
        "duration_s": duration_s,
        "seed": draw(st.none() | st.integers(0, MAX_SEED)),
        "chunk_duration_s": chunk_duration_s,
        "concat_mode": concat_mode,
        "stereo_mode": stereo_mode,
        "stereo_width": draw(st.floats(0.0, 1.5) | st.integers(0, 1)),
        "sample_rate": draw(st.sampled_from([44_100, 48_000, 96_000])),
        "bit_depth": draw(st.sampled_from(["16-bit", "24-bit", "32-bit float"])),
        "steps_between": draw(st.integers(1, 10_000)),
        "overlap_samples": draw(st.integers(0, round(chunk_duration_s * 48_000) - 1)),
        "vocoder": draw(st.sampled_from(vocoders)),
        "novelty": draw(st.sampled_from(["low", "medium", "high"])),
        "temperature": draw(st.floats(0.0, 3.0) | st.integers(0, 3)),
        "loop": draw(st.booleans()),
        "file_format": draw(st.sampled_from(["wav", "aiff"])),  # which hold every rate and depth
        "blend_model": draw(st.none() | st.text(min_size=1, max_size=9)),
        "blend_weight": draw(st.floats(0.0, 1.0) | st.integers(0, 1)),
        "blend_in": draw(st.sampled_from(["auto", "audio"])),
        "controls": draw(steered if concat_mode == "crossfade" else st.just({})),
    }


def text_other_than(*allowed: str) -> st.SearchStrategy[str]:
    near_misses = st.sampled_from([text for word in allowed for text in (word.upper(), f" {word}", word[:-1], "")])
    return (st.text(max_size=20) | near_misses).filter(lambda text: text not in allowed)


def floats_outside(low: float, high: float) -> st.SearchStrategy[float]:
    below = st.floats(max_value=low, exclude_max=True, allow_infinity=False)
    above = st.floats(min_value=high, exclude_min=True, allow_infinity=False)
    return below | above


def integers_outside(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(max_value=low - 1) | st.integers(min_value=high + 1)


not_a_number = st.sampled_from(NOT_A_NUMBER)
not_finite = st.sampled_from(NOT_FINITE)
not_an_integer = not_a_number | not_finite | st.sampled_from([1.0, 0.5])
not_a_text = st.sampled_from([None, True, 0, 1.0, b"mono", ["mono"]])
not_a_seed = integers_outside(0, MAX_SEED) | not_finite | not_a_number.filter(lambda value: value is not None)
not_a_rate = st.integers().filter(lambda rate: rate not in (44_100, 48_000, 96_000)) | st.just(48_000.0)
not_above_zero = st.floats(max_value=0.0, allow_infinity=False) | st.integers(max_value=0)

INVALID: dict[str, st.SearchStrategy[Any]] = {
    "duration_s": floats_outside(0.0, 60.0) | st.just(0.0) | st.just(10**400) | not_finite | not_a_number,
    "max_duration_s": not_above_zero
    | st.floats(min_value=3600.0, exclude_min=True, allow_infinity=False)
    | st.integers(3601, 10**30)
    | not_finite
    | not_a_number,
    "seed": not_a_seed,
    "chunk_duration_s": floats_outside(0.0, 60.0) | st.floats(0.0, 1e-6) | not_finite | not_a_number,
    "concat_mode": text_other_than("crossfade", "latent_interpolation") | not_a_text,
    "stereo_mode": text_other_than("mono", "mid_side", "dual_seed", "corpus") | not_a_text,
    "stereo_width": floats_outside(0.0, 1.5) | not_finite | not_a_number,
    "sample_rate": not_a_rate | not_an_integer,
    "bit_depth": text_other_than("16-bit", "24-bit", "32-bit float") | st.just(24) | not_a_text,
    "steps_between": integers_outside(1, 10_000) | not_an_integer,
    "overlap_samples": integers_outside(0, 47_999) | not_an_integer,
    "vocoder": text_other_than("auto", "mosaic", "griffin_lim") | not_a_text,
    "novelty": text_other_than("low", "medium", "high") | not_a_text,
    "temperature": floats_outside(0.0, 3.0) | st.just(-1) | st.just(4) | not_finite | not_a_number,
    "loop": st.sampled_from([None, 0, 1, "yes", 1.0]),
    "file_format": text_other_than("wav", "flac", "aiff", "ogg", "mp3") | not_a_text,
    "blend_model": st.sampled_from(["", 1, True, b"rain", ["rain"]]),
    "blend_weight": floats_outside(0.0, 1.0) | st.just(-1) | st.just(2) | not_finite | not_a_number,
    "blend_in": text_other_than("auto", "audio", "mel") | not_a_text,
    "near": st.sampled_from(
        [None, 3, "rain.wav", [{"name": "a"}], [{"name": "a", "points": [[float("nan")]], "shares": [1.0]}]]
    ),
    "near_strength": st.one_of(
        st.floats(max_value=-1e-9), st.floats(min_value=1.0 + 1e-9), st.sampled_from(["1", None, True])
    ),
    "variations": st.sampled_from([None, 3, "some", [0.5], [(1.5, 0)], [(0.5, -1)]]),
    "controls": st.sampled_from([None, 3, "pitch", {"pich": 1}, {"pitch": "up"}, {"pitch": float("nan")}, {3: 3}]),
}


def test_every_field_has_invalid_values_to_be_tested_with():
    assert set(INVALID) == {field.name for field in dataclasses.fields(GenerationConfig)}


@given(valid_fields())
@example({})
def test_every_valid_configuration_passes(fields: dict[str, Any]):
    GenerationConfig(**fields).validate()


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_value_is_refused_with_the_name_of_its_field_the_value_and_a_rule(name: str):
    @given(INVALID[name])
    def check(value: Any) -> None:
        with pytest.raises(ValueError) as caught:
            GenerationConfig(**{name: value}).validate()
        assert isinstance(caught.value, InvalidConfigError)
        message = str(caught.value)
        assert message.startswith(f"{name} is {quoted(value)}; it must be ")
        assert not message.endswith("it must be ")

    check()


@given(valid_fields(), st.sampled_from(sorted(INVALID)), st.data())
def test_one_invalid_field_among_valid_ones_is_the_one_that_is_named(
    fields: dict[str, Any], name: str, data: st.DataObject
):
    if name in ("duration_s", "overlap_samples"):  # their limits lie in other fields
        fields |= {"max_duration_s": 60.0, "chunk_duration_s": 1.0, "duration_s": 1.0, "overlap_samples": 2400}
    value = data.draw(INVALID[name])
    with pytest.raises(ValueError, match=f"^{name} is "):
        GenerationConfig(**{**fields, name: value}).validate()


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"duration_s": 75.0}, r"duration_s is 75\.0; it must be over 0 and at most max_duration_s \(60\.0\)"),
        ({"max_duration_s": 3601}, r"max_duration_s is 3601; it must be over 0 and at most 3600 seconds"),
        ({"duration_s": 2.0, "max_duration_s": 1.5}, r"at most max_duration_s \(1\.5\)"),
        ({"duration_s": 1e-6}, r"duration_s is 1e-06; it must be at least one sample at 48000 Hz"),
        ({"sample_rate": 22_050}, r"sample_rate is 22050; it must be one of 44100, 48000, 96000"),
        ({"bit_depth": "20-bit"}, r"bit_depth is '20-bit'; it must be one of '16-bit', '24-bit', '32-bit float'"),
        ({"concat_mode": "cross"}, r"one of 'crossfade', 'latent_interpolation'"),
        ({"stereo_mode": "wide"}, r"one of 'mono', 'mid_side', 'dual_seed', 'corpus'"),
        (
            {"stereo_mode": "corpus", "vocoder": "griffin_lim"},
            r"stereo_mode is 'corpus'; it must be another one with vocoder 'griffin_lim', .* choose the vocoder 'auto'",
        ),
        ({"stereo_width": 1.6}, r"from 0\.0 to 1\.5"),
        ({"novelty": "extreme"}, r"novelty is 'extreme'; it must be one of 'low', 'medium', 'high'"),
        ({"temperature": 3.5}, r"temperature is 3\.5; it must be from 0 to 3"),
        ({"temperature": -0.1}, r"temperature is -0\.1; it must be from 0 to 3"),
        ({"seed": -1}, r"from 0 to 2\*\*63 - 1"),
        ({"seed": 2**63}, r"from 0 to 2\*\*63 - 1"),
        ({"overlap_samples": 48_000}, r"shorter than a chunk \(48000 samples\)"),
        ({"overlap_samples": 2400, "chunk_duration_s": 0.05}, r"shorter than a chunk \(2400 samples\)"),
        ({"seed": "7"}, r"of type int or None"),
        ({"duration_s": math.nan}, r"a finite number"),
    ],
)
def test_the_message_says_what_is_allowed(fields: dict[str, Any], rule: str):
    with pytest.raises(ValueError, match=rule):
        GenerationConfig(**fields).validate()


@pytest.mark.parametrize(
    "fields",
    [
        {"duration_s": 60.0},
        {"duration_s": 60},
        {"duration_s": 3600.0, "max_duration_s": 3600.0},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"stereo_width": 0.0},
        {"stereo_width": 1.5},
        {"temperature": 0},
        {"temperature": 3.0},
        {"overlap_samples": 0},
        {"overlap_samples": 47_999},
        {"steps_between": 1},
        {"duration_s": 1 / 48_000},
    ],
)
def test_the_ends_of_a_range_belong_to_it(fields: dict[str, Any]):
    GenerationConfig(**fields).validate()


@given(valid_fields())
def test_a_mapping_of_the_fields_gives_the_same_configuration_back(fields: dict[str, Any]):
    config = GenerationConfig(**fields)
    assert GenerationConfig.from_mapping(dataclasses.asdict(config)) == config


def test_a_key_that_is_left_out_of_a_mapping_takes_its_default():
    assert GenerationConfig.from_mapping({"seed": 3}) == GenerationConfig(seed=3)


@pytest.mark.parametrize("key", ["duratoin_s", "Duration_s", "duration", "chunk_samples", "validate", ""])
def test_a_misspelt_key_is_refused_by_name_and_not_replaced_by_a_default(key: str):
    with pytest.raises(InvalidConfigError, match=f"'{key}' is no generation setting; the settings are .*duration_s"):
        GenerationConfig.from_mapping({"seed": 3, key: 2.0})


def test_a_mapping_with_a_value_that_is_not_allowed_is_refused():
    with pytest.raises(InvalidConfigError, match=r"seed is 1\.5"):
        GenerationConfig.from_mapping({"seed": 1.5})


@pytest.mark.parametrize(
    ("fields", "num_samples"),
    [
        ({"duration_s": 0.333}, 15_984),
        ({"duration_s": 0.333, "sample_rate": 44_100}, 14_685),
        ({"duration_s": 59.9, "sample_rate": 96_000}, 5_750_400),
        ({"duration_s": 7.77, "sample_rate": 44_100}, 342_657),
    ],
)
def test_the_length_of_a_take_is_its_duration_rounded_to_samples(fields: dict[str, Any], num_samples: int):
    assert GenerationConfig(**fields).num_samples == num_samples


@pytest.mark.parametrize(("stereo_mode", "channels"), [("mono", 1), ("mid_side", 2), ("dual_seed", 2), ("corpus", 2)])
def test_the_channels_of_a_take_follow_its_stereo_mode(stereo_mode: str, channels: int):
    assert GenerationConfig(stereo_mode=stereo_mode).channels == channels


@given(valid_fields())
def test_every_valid_configuration_has_a_walk_that_is_valid(fields: dict[str, Any]):
    config = GenerationConfig(**fields)
    config.walk_style.validate()
    assert config.walk_style.temperature == config.temperature


def test_more_novelty_is_more_of_what_makes_a_sound_another():
    low, medium, high = (GenerationConfig(novelty=novelty).walk_style for novelty in ("low", "medium", "high"))
    assert (low.bend, low.detune) == (0.0, 0.0)
    for field in ("voices", "jump_scale"):
        assert getattr(low, field) <= getattr(medium, field) < getattr(high, field)
    for field in ("bend", "detune"):
        assert getattr(low, field) < getattr(medium, field) < getattr(high, field)
    assert GenerationConfig().walk_style == medium


def test_a_chunk_is_measured_at_48_khz_whatever_the_take_is_exported_at():
    assert GenerationConfig(chunk_duration_s=0.5, sample_rate=96_000).chunk_samples == 24_000
