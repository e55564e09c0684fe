"""Two models in one take: which are rendered, and where they become one.

*In audio*: both are rendered as they would be alone, with the same seed, and added
(:mod:`~small_dataset_audio.inference.mixing`). Always possible.

*In the mel*: both are decoded, their spectra are blended, and one sound is computed from that
(:mod:`small_dataset_audio.models.blended`). It takes two models of one spectrogram configuration, and a vocoder that computes:
what the mosaic plays, it plays from one recording or another.

At weight 0 the first model alone is rendered, at 1 the second, in either domain: these takes are theirs bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.pieces import PIECE_SAMPLES, Piece, recut
from small_dataset_audio.inference.rehearsal import OnRehearsed
from small_dataset_audio.inference.rendering import Renderer
from small_dataset_audio.inference.steered import level_of_take
from small_dataset_audio.models.blended import BlendedAutoencoder, BlendedDensity, level_gains
from small_dataset_audio.models.density import StandardNormal
from small_dataset_audio.models.vocoder.protocol import Vocoder

AUDIO: Final = "audio"
MEL: Final = "mel"


@dataclass(frozen=True)
class Rendering:
    """What of a take takes time.

    Parameters
    ----------
    sounds : tuple of (Renderer, Vocoder)
        What is rendered: one, or two that are to be added.
    domain : str
        Where two models become one: "audio" or "mel"; empty where there is one alone.
    level_lufs : ndarray [shape=(points,), LUFS], optional
        How loud the take shall be, evenly over it; without one it is brought to a peak.
    """

    sounds: tuple[tuple[Renderer, Vocoder], ...]
    domain: str = ""
    level_lufs: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def vocoder(self) -> str:
        """Which vocoders render it."""
        return " + ".join(dict.fromkeys(vocoder.name for _, vocoder in self.sounds))

    def render(self, config: GenerationConfig, seed: int, on_rehearsed: OnRehearsed | None = None) -> Iterator[Piece]:
        """Yield all sounds, one's channels after the other's, cut at 48 kHz to what the export needs."""
        streams = [renderer.render(config, seed, vocoder, on_rehearsed) for renderer, vocoder in self.sounds]
        if len(streams) == 1:
            return streams[0]
        pieces = zip(*(recut(stream, PIECE_SAMPLES) for stream in streams), strict=True)
        return (np.concatenate(sounding) for sounding in pieces)


def plan_rendering(first: Renderer, second: Renderer | None, config: GenerationConfig) -> Rendering:
    """Decide what is rendered.

    Parameters
    ----------
    first : Renderer
        Controls steer this one.
    second : Renderer or None
        Of the model that is blended in, which goes its own way; None for a take without one.
    config : GenerationConfig

    Raises
    ------
    InvalidConfigError
        A model cannot be rendered as the configuration asks for; or ``blend_in`` is "mel", and the models have no mel in
        common.
    """
    rendering = _plan_sounds(first.steered(config), second, config)
    return replace(rendering, level_lufs=level_of_take(config, first.analysis))


def _plan_sounds(first: Renderer, second: Renderer | None, config: GenerationConfig) -> Rendering:
    if second is None or config.blend_weight == 0.0:
        return _alone(first, config)
    if config.blend_weight == 1.0:
        return _alone(second, config)
    obstacle = _obstacle(first, second)
    if config.blend_in == MEL and obstacle:
        raise InvalidConfigError(f"blend_in is {MEL!r}; it must be 'auto' or {AUDIO!r} here: {obstacle}")
    computing = replace(config, vocoder="griffin_lim") if config.blend_in == MEL else config
    sounds = [_alone(renderer, computing).sounds[0] for renderer in (first, second)]
    if config.blend_in == AUDIO or obstacle or any(vocoder.name != "griffin_lim" for _, vocoder in sounds):
        return Rendering(tuple(sounds), AUDIO)
    return Rendering(_alone(_in_mel(first, second, config.blend_weight), computing).sounds, MEL)


def _alone(renderer: Renderer, config: GenerationConfig) -> Rendering:
    return Rendering(((renderer, renderer.choose_vocoder(config)),))


def _obstacle(first: Renderer, second: Renderer) -> str:
    """Say why two models cannot be blended in the mel; empty where they can."""
    if first.spectrogram.config != second.spectrogram.config:
        return f"the models' spectrograms differ ({first.spectrogram.config} and {second.spectrogram.config})"
    if first.model.config.frames_per_step != second.model.config.frames_per_step:
        return "the models' steps are of different lengths"
    return ""


def _in_mel(first: Renderer, second: Renderer, weight: float) -> Renderer:
    (model, density), (model_2, density_2) = (
        (renderer.model, renderer.density or StandardNormal(renderer.model.latent_dim)) for renderer in (first, second)
    )
    gains = level_gains((model, density), (model_2, density_2), weight, first.device)
    return Renderer(
        BlendedAutoencoder(model, model_2, weight, gains),
        first.spectrogram,
        first.device,
        density=BlendedDensity(density, density_2),
    )
