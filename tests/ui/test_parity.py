"""What the command line can do to a take, the page can too, and by the same defaults."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import fields

import pytest

from small_dataset_audio.cli.destination import DEFAULT_COUNT
from small_dataset_audio.cli.generate import generate
from small_dataset_audio.cli.options import parse_duration
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.plots import MAP_FRAME, MAP_LIMIT
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.near_view import show_near
from small_dataset_audio.ui.play_settings import DEFAULT_COUNT as COUNT_OF_PAGE
from small_dataset_audio.ui.play_settings import (
    DEFAULT_DURATION_S,
    FIELDS,
    FIELDS_NOT_HERE,
    NOT_HERE,
    OTHERS,
    PIECES,
    STEERED,
    VARIED,
    show_duration,
    values_of,
    wanted_of,
)
from small_dataset_audio.ui.variations import DEFAULT_AMOUNT, vary_row

LOOK = """
import gradio as gr, json
from small_dataset_audio.ui.play_settings import build_settings, names
with gr.Blocks():
    widgets = build_settings()
print(json.dumps({name: widgets[name].value for name in names()}))
"""


@pytest.fixture(scope="module")
def shown() -> dict:
    """What the widgets show before anybody touched them; in a process of its own, since Gradio leaves event loops behind."""
    ran = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True)
    return json.loads(ran.stdout)


def test_every_option_of_generate_is_on_the_page_or_said_not_to_be():
    options = set(inspect.signature(generate).parameters) - {"ctx"}
    assert options == (set(FIELDS) - {"blend_weight"} | set(OTHERS) | set(NOT_HERE) | set(PIECES) | {STEERED})
    assert not (set(FIELDS) | set(OTHERS) | set(PIECES)) & set(NOT_HERE)


def test_what_is_no_widget_is_in_a_piece_of_the_page():
    drawn = JobStatus("done", "map", news={"frame": MAP_FRAME, "limit": MAP_LIMIT, "model": "m"}, files={"map": "x"})
    pieces = show_near({"places": [[1.0, 2.0]], "strength": 0.7}, ("0-0", drawn)) + vary_row("0-0", "0", "Take 1", 0.2)
    assert [option for option, part in PIECES.items() if part not in pieces] == []
    options = inspect.signature(generate).parameters
    assert (options["amount"].default, options["strength"].default) == (DEFAULT_AMOUNT, GenerationConfig.near_strength)


def test_every_setting_of_a_take_is_on_the_page():
    assert {field.name for field in fields(GenerationConfig)} == {*FIELDS.values(), *FIELDS_NOT_HERE, STEERED}


def test_untouched_the_page_asks_for_what_the_command_line_does(shown: dict):
    wanted = wanted_of(shown)
    assert wanted.config == GenerationConfig(duration_s=DEFAULT_DURATION_S)
    options = inspect.signature(generate).parameters
    assert options["duration"].default == DEFAULT_DURATION_S
    assert wanted.count == COUNT_OF_PAGE == DEFAULT_COUNT
    assert (wanted.evaluate, wanted.device) == (options["evaluate"].default, options["device"].default)


@pytest.mark.parametrize(
    "config",
    [
        GenerationConfig(
            duration_s=90.0, max_duration_s=3600.0, seed=2**63 - 9, stereo_mode="mid_side", stereo_width=1.2
        ),
        GenerationConfig(
            concat_mode="latent_interpolation", steps_between=3, overlap_samples=1200, chunk_duration_s=0.5
        ),
        GenerationConfig(controls={"brightness": 3.0, "pitch": [[0.0, -5.0], [1.0, 5.0]]}, variations=((0.2, 9),)),
        GenerationConfig(loop=True, file_format="flac", bit_depth="16-bit", blend_model="wood", blend_weight=0.2),
    ],
)
def test_settings_of_a_take_come_back_as_they_were(shown: dict, config: GenerationConfig):
    settings = {field.name: getattr(config, field.name) for field in fields(config)}
    seed = "" if config.seed is None else str(config.seed)
    values = {**shown, **values_of(settings, seed=seed), STEERED: config.controls, VARIED: config.variations}
    assert wanted_of(values).config == config


@pytest.mark.parametrize("seconds", [0.5, 1.0, 45.0, 60.0, 90.0, 3600.0, 5400.0])
def test_a_length_is_read_as_it_is_shown(seconds: float):
    assert parse_duration(show_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("name", "value"), [("seed", "-1"), ("seed", "x"), ("duration", ""), ("count", 0), ("chunk", None)]
)
def test_what_cannot_be_is_said(shown: dict, name: str, value: object):
    with pytest.raises(InvalidConfigError):
        wanted_of({**shown, name: value})
