"""What a take is drawn from, the model's own density or one bent towards what is asked for, and how loud it shall be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.nearness import bend_towards, draw_near
from small_dataset_audio.controls.sliders import LOUDNESS, NAMES, SLIDER_END, beyond_the_slider
from small_dataset_audio.controls.steering import SteeredDensity, level_of, steer
from small_dataset_audio.controls.variation import VariedDensity
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
        Something is steered that this model has no live control for; or the take shall be near to something, and the model has
        no recordings' latents, or others.
    """
    chosen = _steered_or_near(config, density, analysis, step_samples)
    for amount, seed in config.variations:
        if not isinstance(density, LatentDensity) or chosen is None:
            raise InvalidConfigError("variations asks for a variation; this pipeline draws from no recordings' latents")
        if amount > 0.0:
            chosen = VariedDensity(chosen, density, amount, seed)
    return chosen


def _steered_or_near(
    config: GenerationConfig, density: Density | None, analysis: Analysis | None, step_samples: int
) -> Density | None:
    is_near = bool(config.near) and config.near_strength > 0.0
    heard_steps = math.ceil(config.duration_s * SAMPLE_RATE / step_samples)
    # How loud a take is, is no matter of what is drawn.
    if config.controls.keys() - {LOUDNESS}:
        steered = replace(_steered(config, density, analysis, step_samples), heard_steps=heard_steps)
        if not is_near:
            return steered
        return replace(steered, goal=bend_towards(steered.goal, steered.density, config.near, config.near_strength))
    if not is_near:
        return density
    if not isinstance(density, LatentDensity):
        raise InvalidConfigError(
            f"near asks for {config.near[0].name}; this pipeline draws from no recordings' latents, so nothing is near"
        )
    return replace(draw_near(density, config.near, config.near_strength, step_samples), heard_steps=heard_steps)


def level_of_take(config: GenerationConfig, analysis: Analysis | None) -> NDArray[np.float64] | None:
    """Say how loud a take shall be, evenly over it [shape=(points,), LUFS].

    None where nothing is steered, or loudness is no control of this model: its peak is brought to -1 dBFS.

    Raises
    ------
    InvalidConfigError
        Something is steered, and this model was not analysed.
    """
    if not config.controls:
        return None
    return level_of(_live_for(config, analysis), config.controls)


def _steered(
    config: GenerationConfig, density: Density | None, analysis: Analysis | None, step_samples: int
) -> SteeredDensity:
    found = _live_for(config, analysis)
    if not isinstance(density, LatentDensity):
        raise InvalidConfigError(
            f"controls asks for {next(iter(config.controls))}; this pipeline draws from no recordings' latents"
        )
    return steer(density, found, config.controls, step_samples)


def _live_for(config: GenerationConfig, analysis: Analysis | None) -> Analysis:
    """Give the analysis by which all that is asked for can be steered."""
    if analysis is None:
        raise InvalidConfigError(
            f"controls asks for {next(iter(config.controls))}; this model was not analysed, so it has no controls yet: run "
            "`sda analyze` on it first"
        )
    for name in config.controls:
        if not analysis.is_live[NAMES.index(name)]:
            raise InvalidConfigError(
                f"controls asks for {name}; with these recordings it does not do what it says; {_alive(analysis)}"
            )
    return analysis


def clamped_controls(config: GenerationConfig) -> list[str]:
    """Say of each control that is asked for more than its slider has, what is done instead."""
    return [
        f"{name} is asked to go beyond its slider; it stops at {-SLIDER_END:g} and +{SLIDER_END:g}"
        for name in beyond_the_slider(config.controls)
    ]


def _alive(analysis: Analysis) -> str:
    live = [name for name, is_live in zip(NAMES, analysis.is_live, strict=True) if is_live]
    return "live are " + ", ".join(live) if live else "none is live; more, and more different, recordings would help"
