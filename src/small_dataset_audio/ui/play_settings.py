"""The settings of takes as widgets, in a musician's words; each is named after the option of ``sda generate`` that it is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import gradio as gr
from gradio.components import Component

from small_dataset_audio.constants import DEVICES, SAMPLE_RATE, SAMPLE_RATE_OPTIONS
from small_dataset_audio.durations import read_duration
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import (
    LONGEST_DURATION_S,
    MAX_STEREO_WIDTH,
    GenerationConfig,
    check_count,
)
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.models.config import MAX_TEMPERATURE

DEFAULT_DURATION_S: Final = 10.0
DEFAULT_COUNT: Final = 4
MAX_COUNT: Final = 64
_SAMPLES_PER_MS: Final = SAMPLE_RATE / 1000

FIELDS: Final[Mapping[str, str]] = {
    "duration": "duration_s",
    "seed": "seed",
    "novelty": "novelty",
    "temperature": "temperature",
    "concat": "concat_mode",
    "steps_between": "steps_between",
    "chunk": "chunk_duration_s",
    "overlap": "overlap_samples",
    "stereo": "stereo_mode",
    "width": "stereo_width",
    "loop": "loop",
    "vocoder": "vocoder",
    "rate": "sample_rate",
    "bits": "bit_depth",
    "file_format": "file_format",
    "blend": "blend_model",
    "blend_weight": "blend_weight",
    "blend_in": "blend_in",
}
"""Of each widget that is a field of :class:`GenerationConfig`: which."""

OTHERS: Final = ("count", "evaluate", "device")
"""Widgets that say how takes are made, and not what they are."""

PIECES: Final[Mapping[str, str]] = {
    "like": 'data-drop="near"',
    "morph": 'data-drop="near"',
    "then": 'data-drop="near"',
    "at": 'data-act="place"',
    "way": 'data-act="then"',
    "strength": 'data-change="strength"',
    "vary": 'data-act="vary"',
    "amount": 'data-change="amount"',
}
"""Options of ``sda generate`` that are no widgets but parts of what is written by hand: which part does it."""

NOT_HERE: Final[Mapping[str, str]] = {
    "model": "the list of models stands above the settings",
    "preset": "the list of presets stands above the settings",
    "one_shots": "single sounds have a button of their own, beside that of takes",
    "history": "every take of the page is in the library",
    "output": "takes are written into the library, and saved from the page to wherever the browser saves",
    "plot": "every take on the page has its picture",
    "as_json": "it is for scripts",
}
"""Options of ``sda generate`` that are deliberately no widgets, and why."""


VARIED: Final = "variations"
"""The field of :class:`GenerationConfig` that is kept for the seed of a take that was varied."""

FIELDS_NOT_HERE: Final = ("max_duration_s", VARIED, "near", "near_strength")
"""Fields of :class:`GenerationConfig` that no widget sets: the guard follows the length, the others are of :data:`PIECES`."""

STEERED: Final = "controls"
"""The field of :class:`GenerationConfig` that the sliders of a model are; which there are is the model's."""

NO_BLEND: Final = ("nothing", "")

SETTINGS: Final = "settings"
"""What is done in turn, as :func:`on` has it: what sets something under Play, and what reads it, lose nothing to each other."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a valid configuration, how many takes, whether they are compared, and on which processor."""

    config: GenerationConfig
    count: int
    evaluate: bool
    device: str


def build_settings() -> dict[str, Component]:
    """Lay out the widgets, where they are wanted; returns them by name."""
    default = GenerationConfig()
    made: dict[str, Component] = {}
    with gr.Row(elem_classes="sd-pair"):
        made["duration"] = gr.Dropdown(
            ["1 s", "2 s", "5 s", "10 s", "30 s", "1 min", "5 min", "10 min", "1 h"],
            value=show_duration(DEFAULT_DURATION_S),
            label="Length",
            allow_custom_value=True,
            info="Choose, or write: 45 s, 2 min",
            min_width=130,
        )
        made["count"] = gr.Number(
            DEFAULT_COUNT,
            label="Takes",
            info="One after the other",
            precision=0,
            minimum=1,
            maximum=MAX_COUNT,
            min_width=110,
        )
    made["novelty"] = gr.Radio(
        [("As recorded", "low"), ("Bent", "medium"), ("Far out", "high")],
        value=default.novelty,
        label="How new",
        info="From long stretches as you recorded them to moments bent in time and pitch and blended.",
    )
    made["temperature"] = gr.Slider(
        0.0,
        MAX_TEMPERATURE,
        default.temperature,
        step=0.05,
        label="Wander",
        info="0 stays with one recording; over 1 goes to sounds that none of them holds.",
    )
    made["stereo"] = gr.Radio(
        [("Mono", "mono"), ("Wide", "mid_side"), ("Two at once", "dual_seed"), ("As recorded", "corpus")],
        value=default.stereo_mode,
        label="Stereo",
        info="Wide spreads one take; two at once plays one on each side; as recorded puts sounds where they were.",
    )
    made["width"] = gr.Slider(
        0.0,
        MAX_STEREO_WIDTH,
        default.stereo_width,
        step=0.05,
        label="Width",
        info="For Wide; 0 is mono.",
        visible=False,
    )
    made["loop"] = gr.Checkbox(
        default.loop, label="Loop", info="The end leads into the beginning; your sampler finds its loop points."
    )
    with gr.Row(elem_classes="sd-seed"):
        made["seed"] = gr.Textbox(
            "",
            label="Seed",
            placeholder="drawn by lot",
            max_lines=1,
            info="The same seed, the same take.",
            scale=3,
            min_width=150,
        )
        made["dice"] = gr.Button("Throw the dice", elem_id="dice", size="md", scale=1, min_width=160)
    with gr.Accordion("Movement and detail", open=False):
        made["concat"] = gr.Radio(
            [("Walk", "crossfade"), ("Morph", "latent_interpolation")],
            value=default.concat_mode,
            label="Movement",
            info="Walk goes along your recordings; Morph turns single moments slowly into one another.",
        )
        made["steps_between"] = gr.Number(
            default.steps_between,
            label="Steps from moment to moment",
            info="For Morph.",
            precision=0,
            minimum=1,
            maximum=10_000,
        )
        made["chunk"] = gr.Number(
            default.chunk_duration_s, label="Length of a moment (seconds)", minimum=0.01, maximum=60.0, step=0.1
        )
        made["overlap"] = gr.Number(
            default.overlap_samples / _SAMPLES_PER_MS,
            label="Crossfade between moments (milliseconds)",
            minimum=0.0,
            step=1.0,
        )
        made["vocoder"] = gr.Radio(
            [("Best there is", "auto"), ("From the recordings", "mosaic"), ("Computed", "griffin_lim")],
            value=default.vocoder,
            label="Sound from",
            info="The recordings themselves, joined in phase; or computed without them.",
        )
        made["evaluate"] = gr.Checkbox(
            True, label="Compare takes with the recordings", info="Says how like them a take is, and what repeats them."
        )
        made["device"] = gr.Dropdown(list(DEVICES), value="auto", label="Processor")
    with gr.Accordion("Blend with another model", open=False):
        made["blend"] = gr.Dropdown([NO_BLEND], value="", label="Blend with")
        made["blend_weight"] = gr.Slider(
            0.0, 1.0, default.blend_weight, step=0.05, label="Share of the other", info="Of the power of the take."
        )
        made["blend_in"] = gr.Radio(
            [("What fits", "auto"), ("Two sounds at once", "audio"), ("One sound between them", "mel")],
            value=default.blend_in,
            label="Blend as",
            info="One sound between them is computed, without the recordings.",
        )
    with gr.Accordion("Sound file", open=False):
        made["file_format"] = gr.Radio(
            [(entry.container, name) for name, entry in FILE_FORMATS.items()],
            value=default.file_format,
            label="Format",
            info="WAV, FLAC and AIFF lose nothing; OGG and MP3 are small.",
        )
        made["rate"] = gr.Radio(
            [(f"{rate / 1000:g} kHz", rate) for rate in SAMPLE_RATE_OPTIONS],
            value=default.sample_rate,
            label="Sample rate",
        )
        made["bits"] = gr.Radio(["16-bit", "24-bit", "32-bit float"], value=default.bit_depth, label="Bit depth")
    return made


def names() -> tuple[str, ...]:
    """Names of all widgets that have a value, in the order of :func:`build_settings`' dictionary."""
    return (*FIELDS, *OTHERS)


def wanted_of(values: Mapping[str, Any]) -> Wanted:
    """Read what the widgets say.

    Raises
    ------
    InvalidConfigError
    """
    duration_s = read_duration(values["duration"])
    usual = GenerationConfig.max_duration_s
    given = {FIELDS[name]: values[name] for name in FIELDS if name not in {"duration", "seed", "overlap"}}
    config = GenerationConfig.from_mapping(
        {
            **given,
            "duration_s": duration_s,
            STEERED: values.get(STEERED, {}),
            VARIED: values.get(VARIED, []),
            "max_duration_s": usual if duration_s <= usual else LONGEST_DURATION_S,
            "seed": _seed(str(values["seed"] or "")),
            "overlap_samples": round(float(values["overlap"] or 0.0) * _SAMPLES_PER_MS),
            "blend_model": values["blend"] or None,
            "steps_between": int(values["steps_between"] or 0),
        }
    )
    count = int(values["count"] or 0)
    check_count(config, count)
    if count > MAX_COUNT:
        raise InvalidConfigError(f"count is {count}; at most {MAX_COUNT} takes are made at a time")
    return Wanted(config, count, bool(values["evaluate"]), str(values["device"]))


def values_of(settings: Mapping[str, Any], *, seed: str = "") -> dict[str, Any]:
    """Turn fields of a configuration into what the widgets show; what `settings` does not say stays out."""
    shown: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if field in settings and name != "seed":
            shown[name] = settings[field]
    if "duration" in shown:
        shown["duration"] = show_duration(float(shown["duration"]))
    if "blend" in shown:
        shown["blend"] = shown["blend"] or ""
    if "overlap" in shown:
        shown["overlap"] = round(float(shown["overlap"]) / _SAMPLES_PER_MS, 3)
    return {**shown, "seed": seed}


def default_values() -> dict[str, Any]:
    """What the widgets show before anything was set."""
    return {**values_of(asdict(GenerationConfig())), "duration": show_duration(DEFAULT_DURATION_S)}


def show_duration(seconds: float) -> str:
    """Write a duration as the list of lengths has it, and as it is read again."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= unit and (seconds / unit).is_integer():
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:g} s"


def draw_seed() -> str:
    """Throw the dice."""
    return str(secrets.randbelow(2**31))


def _seed(text: str) -> int | None:
    written = text.strip()
    if not written:
        return None
    if not (written.isascii() and written.isdigit()):
        raise InvalidConfigError(f"seed is {written!r}; it must be a whole number, or empty for one drawn by lot")
    return int(written[:20])
