"""``--blend B:0.4``: a second model, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from small_dataset_audio.inference.config import GenerationConfig

if TYPE_CHECKING:
    from small_dataset_audio.workflow import ModelPipeline

Blend = Annotated[
    str | None,
    typer.Option(
        "--blend",
        metavar="MODEL:0..1",
        help="Blend each take with a second model (its name, its folder, or a folder of recordings): its share of the power.",
        show_default="no second model",
    ),
]
BlendIn = Annotated[
    Literal["auto", "audio", "mel"],
    typer.Option(
        metavar="WHERE",
        help="audio: two sounds at once; mel: one sound computed from the spectra of both (with griffin-lim); auto: mel "
        "where neither model plays its recordings, else audio.",
    ),
]


@dataclass(frozen=True)
class SecondModel:
    """What ``--blend`` says.

    Parameters
    ----------
    model : str or None
    weight : float
    """

    model: str | None = None
    weight: float = GenerationConfig.blend_weight


def parse_blend(text: str | None) -> SecondModel:
    """Read ``B:0.4``; without a number, half of the power. A colon that no number follows belongs to the name."""
    if text is None:
        return SecondModel()
    name, colon, number = text.rpartition(":")
    try:
        return SecondModel(name, float(number)) if colon and name else SecondModel(text)
    except ValueError:
        return SecondModel(text)


def load_both(
    model: str, blend: str | None, config: GenerationConfig, device: str
) -> tuple[ModelPipeline, GenerationConfig]:
    """Load a model, and the one that ``--blend`` names; the settings have its own name then, where a folder was given.

    What a preset names is not loaded here: takes look for it in the library.
    """
    from small_dataset_audio.workflow import load_pipeline

    pipeline = load_pipeline(model, device=device, blend=blend)
    if pipeline.partner is not None:
        config = replace(config, blend_model=pipeline.partner.model_name)
    return pipeline, config


def blend_to_json(config: GenerationConfig, domain: str) -> dict[str, Any] | None:
    """What a script may want to know of a blend; None of a take without one."""
    if config.blend_model is None:
        return None
    return {"model": config.blend_model, "weight": config.blend_weight, "domain": domain or None}


def describe_blend(config: GenerationConfig, domain: str) -> str:
    """Say in a few words what a take was blended with, and where."""
    if config.blend_model is None:
        return ""
    where = f", blended in {'the mel' if domain == 'mel' else domain}" if domain else ""
    return f"{100 * config.blend_weight:.3g} % {config.blend_model}{where}"
