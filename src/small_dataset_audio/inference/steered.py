"""Which density a take is drawn from: the model's own, or one that is bent towards what the configuration asks for."""

from __future__ import annotations

from small_dataset_audio.controls.sliders import NAMES, SLIDER_END, beyond_the_slider
from small_dataset_audio.controls.steering import steer
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.density import Density, LatentDensity


def density_of_take(
    config: GenerationConfig, density: Density | None, analysis: Analysis | None, step_samples: int
) -> Density | None:
    """Choose what a take is drawn from.

    Parameters
    ----------
    config : GenerationConfig
        A valid one.
    density : Density or None
        Of the model.
    analysis : Analysis or None
        Of the same model.
    step_samples : int

    Returns
    -------
    Density or None
        `density` itself where nothing is steered.

    Raises
    ------
    InvalidConfigError
        Something is steered that this model has no live control for.
    """
    if not config.controls:
        return density
    if analysis is None or not isinstance(density, LatentDensity):
        raise InvalidConfigError(
            f"controls asks for {next(iter(config.controls))}; this model was not analysed, so it has no controls yet: run "
            "`sda analyze` on it first"
        )
    for name in config.controls:
        if not analysis.is_live[NAMES.index(name)]:
            raise InvalidConfigError(
                f"controls asks for {name}; with these recordings it does not do what it says; {_alive(analysis)}"
            )
    return steer(density, analysis, config.controls, step_samples)


def clamped_controls(config: GenerationConfig) -> list[str]:
    """Say of each control that is asked for more than its slider has, what is done instead."""
    return [
        f"{name} is asked to go beyond its slider; it stops at {-SLIDER_END:g} and +{SLIDER_END:g}"
        for name in beyond_the_slider(config.controls)
    ]


def _alive(analysis: Analysis) -> str:
    live = [name for name, is_live in zip(NAMES, analysis.is_live, strict=True) if is_live]
    return "live are " + ", ".join(live) if live else "none is live; more, and more different, recordings would help"
