"""One default in one place: what an option defaults to is what the dataclass behind it says."""

from __future__ import annotations

import inspect as python_inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from small_dataset_audio.cli.demo import demo
from small_dataset_audio.cli.destination import destination
from small_dataset_audio.cli.evaluate import evaluate
from small_dataset_audio.cli.generate import DEFAULT_DURATION_S, LONGEST_DURATION_S, generate, max_duration_s
from small_dataset_audio.cli.kit import kit
from small_dataset_audio.cli.options import parse_duration
from small_dataset_audio.cli.steering import read_settings
from small_dataset_audio.cli.train import DEFAULT_BUDGET, train
from small_dataset_audio.inference.config import (
    BLEND_DOMAINS,
    CONCAT_MODES,
    NOVELTIES,
    STEREO_MODES,
    VOCODERS,
    GenerationConfig,
)
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.workflow import DemoRequest, TrainRequest, evaluate_model, make_kit
from small_dataset_audio.workflow.device import DEVICES

GENERATION_FIELD_OF = {
    "seed": "seed",
    "concat": "concat_mode",
    "stereo": "stereo_mode",
    "width": "stereo_width",
    "novelty": "novelty",
    "temperature": "temperature",
    "vocoder": "vocoder",
    "rate": "sample_rate",
    "bits": "bit_depth",
    "chunk": "chunk_duration_s",
    "overlap": "overlap_samples",
    "steps_between": "steps_between",
    "loop": "loop",
    "file_format": "file_format",
    "controls": "controls",
    "strength": "near_strength",
    "blend": "blend_model",
    "blend_in": "blend_in",
}


def defaults(command: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in python_inspect.signature(command).parameters.items()}


def choices(command: Callable[..., Any], option: str) -> tuple[str, ...]:
    hint = get_type_hints(command)[option]
    options = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    assert len(options) == 1
    return get_args(options[0])


@pytest.mark.parametrize(("option", "field"), GENERATION_FIELD_OF.items())
def test_an_option_of_generate_defaults_to_what_the_library_does(option: str, field: str):
    default = defaults(generate)[option]
    if option == "overlap":
        default *= 48  # milliseconds, in samples at 48 kHz
    if option == "file_format":  # it may come from the name of a file
        default = destination(None, default, None).file_format
    if option == "controls":
        default = read_settings(default or [], 10.0)
    expected = getattr(GenerationConfig(), field)
    assert (default.replace("-", "_") if option in {"concat", "stereo", "vocoder"} else default) == expected


def test_every_setting_of_a_take_has_an_option():
    set_otherwise = {"duration_s", "max_duration_s", "blend_weight", "near", "variations"}
    assert {field.name for field in fields(GenerationConfig)} == set(GENERATION_FIELD_OF.values()) | set_otherwise


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("concat", CONCAT_MODES),
        ("stereo", STEREO_MODES),
        ("vocoder", VOCODERS),
        ("novelty", tuple(NOVELTIES)),
        ("file_format", tuple(FILE_FORMATS)),
        ("blend_in", BLEND_DOMAINS),
    ],
)
def test_an_option_offers_what_the_library_allows(option: str, allowed: tuple[str, ...]):
    assert tuple(choice.replace("-", "_") for choice in choices(generate, option)) == allowed


@pytest.mark.parametrize("command", [evaluate, generate, train])
def test_every_device_is_offered(command: Callable[..., Any]):
    assert choices(command, "device") == DEVICES


def test_the_options_of_train_default_to_what_the_workflow_does():
    request, options = TrainRequest(Path()), defaults(train)
    for name in ("name", "seed", "device", "resume", "accept_changes", "keep_audio", "licence"):
        assert options[name] == getattr(request, name)
    assert options["budget"] is request.budget_s is None


def test_the_budget_that_the_help_states_is_the_one_of_training():
    assert parse_duration(DEFAULT_BUDGET) == TrainingConfig().budget_s


def test_the_options_of_demo_default_to_what_the_workflow_does():
    request, options = DemoRequest(), defaults(demo)
    assert (options["output"], options["budget"], options["seed"]) == (request.folder, request.budget_s, request.seed)
    assert destination(None, options["file_format"], None).file_format == request.file_format


def test_the_options_of_evaluate_default_to_what_the_workflow_does():
    for option, argument in (("duration", "duration_s"), ("device", "device")):
        assert defaults(evaluate)[option] == defaults(evaluate_model)[argument]


@pytest.mark.parametrize("duration_s", [0.05, 60.0, 60.1, 120.0, 3600.0])
def test_takes_of_up_to_an_hour_can_be_asked_for(duration_s: float):
    GenerationConfig(duration_s=duration_s, max_duration_s=max_duration_s(duration_s)).validate()


def test_takes_of_over_an_hour_are_taken_for_a_slip_of_the_finger():
    with pytest.raises(ValueError, match="duration_s"):
        GenerationConfig(
            duration_s=LONGEST_DURATION_S + 1, max_duration_s=max_duration_s(LONGEST_DURATION_S + 1)
        ).validate()


def test_the_options_of_kit_default_to_what_the_workflow_does():
    for option, argument in (("hits", "hits"), ("round_robins", "round_robins")):
        assert defaults(kit)[option] == defaults(make_kit)[argument]
    for option, field in (("novelty", "novelty"), ("temperature", "temperature"), ("stereo", "stereo_mode")):
        assert defaults(kit)[option] == getattr(GenerationConfig(), field)
    assert defaults(kit)["rate"] == GenerationConfig().sample_rate
    assert defaults(kit)["bits"] == GenerationConfig().bit_depth
    assert defaults(kit)["duration"] == DEFAULT_DURATION_S
