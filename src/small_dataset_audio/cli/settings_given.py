"""Which settings of a take the command line asks for, of those that have defaults; and presets put under them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from small_dataset_audio.cli.errors import WrongOptionError
from small_dataset_audio.inference.config import GenerationConfig

FIELDS_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "duration": ("duration_s", "max_duration_s"),
        "concat": ("concat_mode",),
        "stereo": ("stereo_mode",),
        "width": ("stereo_width",),
        "rate": ("sample_rate",),
        "bits": ("bit_depth",),
        "chunk": ("chunk_duration_s",),
        "overlap": ("overlap_samples",),
        "blend": ("blend_model", "blend_weight"),
        "strength": ("near_strength",),
    }
)
"""Fields of a GenerationConfig by the option of ``sda generate`` that sets them, where that is called otherwise."""

NO_SETTINGS: Final = frozenset(
    {
        *("ctx", "model", "count", "one_shots", "output", "plot", "evaluate", "preset", "history", "device", "as_json"),
        *("like", "morph", "then", "at", "way", "vary", "amount"),
    }
)
"""What else ``sda generate`` takes: it says what is done with takes, not what they are."""


class Context(Protocol):
    """A command line that was parsed; typer has two kinds of them, in other modules from release to release."""

    @property
    def params(self) -> Mapping[str, Any]:
        """What each parameter came to."""

    def get_parameter_source(self, name: str) -> Any:  # noqa: ANN401 - see the class
        """Say where a parameter comes from."""


def options_given(ctx: Context) -> tuple[str, ...]:
    """Names of the parameters that were written on the command line of `ctx`."""
    sources = ((name, ctx.get_parameter_source(name)) for name in ctx.params)
    return tuple(name for name, source in sources if source is not None and source.name == "COMMANDLINE")


def fields_given(ctx: Context) -> frozenset[str]:
    """Fields of a GenerationConfig that were asked for on the command line of `ctx`."""
    fields = {field.name for field in dataclasses.fields(GenerationConfig)}
    return frozenset(field for name in options_given(ctx) for field in FIELDS_OF.get(name, (name,)) if field in fields)


def recalled(
    ctx: Context, model: str, preset: str, config: GenerationConfig, keep: Collection[str] = ()
) -> GenerationConfig:
    """Put a preset's settings into `config`, but for those that the command line asks for, and the fields in `keep`.

    Raises
    ------
    PresetError, InvalidNameError, ModelNotFoundError, InvalidConfigError
        See :func:`~small_dataset_audio.workflow.recall_preset`.
    """
    from small_dataset_audio.workflow import recall_preset

    return recall_preset(model, preset, config, keep={*fields_given(ctx), *keep})


def only_settings(ctx: Context) -> None:
    """Refuse options that are no settings of a take, where a preset is made of them.

    Raises
    ------
    WrongOptionError
    """
    for name in options_given(ctx):
        if name in NO_SETTINGS - {"model"}:
            option = "--json" if name == "as_json" else f"--{name.replace('_', '-')}"
            raise WrongOptionError(f"{option} is no setting of a take, so a preset cannot hold it; leave it out")
