from __future__ import annotations

import pytest

from small_dataset_audio.cli.blend import SecondModel, parse_blend


@pytest.mark.parametrize(
    ("text", "model", "weight"),
    [
        ("rain:0.4", "rain", 0.4),
        ("rain", "rain", 0.5),
        ("a:b:1", "a:b", 1.0),
        ("C:\\models\\rain", "C:\\models\\rain", 0.5),
        ("C:\\models\\rain:0", "C:\\models\\rain", 0.0),
        ("./rain:.25", "./rain", 0.25),
        (":0.4", ":0.4", 0.5),
        ("rain:7", "rain", 7.0),  # which the settings refuse
    ],
)
def test_a_number_behind_the_last_colon_is_the_weight(text: str, model: str, weight: float):
    assert parse_blend(text) == SecondModel(model, weight)


def test_without_the_option_there_is_no_second_model():
    assert parse_blend(None).model is None
