"""What takes time: a model, a seed and a configuration become sound at 48 kHz, chunk by chunk, low-passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.controls.steering import SteeredDensity
from small_dataset_audio.controls.variation import VariedDensity
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.antialias import anti_alias
from small_dataset_audio.inference.chunking import (
    plan_num_chunks,
    stream_chunks_crossfade,
    stream_chunks_latent_interp,
)
from small_dataset_audio.inference.config import MAX_SEED, GenerationConfig
from small_dataset_audio.inference.looping import loop_samples
from small_dataset_audio.inference.mastering import shape_at_48k
from small_dataset_audio.inference.pieces import MemoryStore, Piece, cut
from small_dataset_audio.inference.rehearsal import OnRehearsed, rehearsals_of, rehearse
from small_dataset_audio.inference.steered import density_of_take
from small_dataset_audio.inference.stereo import left_and_right
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.density import Density
from small_dataset_audio.models.vocoder.griffin_lim import GriffinLimVocoder
from small_dataset_audio.models.vocoder.protocol import PlayingVocoder, StereoVocoder, Vocoder


class Renderer:
    """Renders what a model draws.

    Parameters
    ----------
    model : Autoencoder
    spectrogram : AudioSpectrogram
    device : torch.device or str
        `model` and `spectrogram` are moved there.
    density : Density, optional
        What is drawn from; without one, N(0, I).
    vocoders : mapping of str to Vocoder, optional
        By name, beside Griffin-Lim, which is always there.
    analysis : Analysis, optional
        Of the density: what controls are steered by.
    """

    def __init__(
        self,
        model: Autoencoder,
        spectrogram: AudioSpectrogram,
        device: torch.device | str = "cpu",
        *,
        density: Density | None = None,
        vocoders: Mapping[str, Vocoder] | None = None,
        analysis: Analysis | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.spectrogram = spectrogram.to(self.device)
        self.density = density
        self.analysis = analysis
        self.vocoders: dict[str, Vocoder] = {"griffin_lim": GriffinLimVocoder(self.spectrogram), **(vocoders or {})}

    def drawing_from(self, density: Density | None) -> Renderer:
        """Return one of the same model and vocoders that draws from another density."""
        return Renderer(self.model, self.spectrogram, self.device, density=density, vocoders=self.vocoders)

    def steered(self, config: GenerationConfig) -> Renderer:
        """Return what renders a take as its controls ask; this one itself where they ask for nothing.

        Raises
        ------
        InvalidConfigError
            Something is steered that this model has no live control for.
        """
        step_samples = self.model.config.frames_per_step * self.spectrogram.config.hop_length
        density = density_of_take(config, self.density, self.analysis, step_samples)
        return self if density is self.density else self.drawing_from(density)

    def choose_vocoder(self, config: GenerationConfig) -> Vocoder:
        """Find the vocoder that a configuration asks for.

        Raises
        ------
        InvalidConfigError
            It needs the corpus audio, which this model does not have.
        """
        name = config.vocoder
        if name == "auto":
            name = "mosaic" if "mosaic" in self.vocoders else "griffin_lim"
        if name not in self.vocoders:
            raise InvalidConfigError(
                f"vocoder is {name!r}; this model folder holds no corpus audio, so it must be 'auto' or 'griffin_lim'"
            )
        vocoder = self.vocoders[name]
        if config.stereo_mode != "corpus":
            return vocoder
        if not isinstance(vocoder, StereoVocoder):
            raise InvalidConfigError(
                "stereo_mode is 'corpus'; this model folder holds no corpus audio, so it must be 'mono', 'mid_side' or "
                "'dual_seed'; or train a model that keeps the recordings"
            )
        return vocoder.in_stereo()

    def render(
        self, config: GenerationConfig, seed: int, vocoder: Vocoder, on_rehearsed: OnRehearsed | None = None
    ) -> Iterator[Piece]:
        """Yield chunks, low-passed, cut at 48 kHz to what the export needs [shape=(channels, samples)].

        What is steered is rehearsed first, before this returns.
        """
        density, take = self._rehearsed(config, seed, vocoder, self.density, on_rehearsed)
        if take is not None and shape_at_48k(config)[0] == 1:  # mid and side are made of one channel, later
            return iter([take])
        if density is not self.density:
            return self.drawing_from(density)._render_as_planned(config, seed, vocoder)
        return self._render_as_planned(config, seed, vocoder)

    def _render_as_planned(self, config: GenerationConfig, seed: int, vocoder: Vocoder) -> Iterator[Piece]:
        """Do the same, and nothing first."""
        if config.stereo_mode == "corpus":
            return left_and_right(self._render_seed(config, seed, vocoder))
        if config.stereo_mode != "dual_seed":
            return self._render_seed(config, seed, vocoder)
        left = self._render_seed(config, seed, vocoder)
        right = self._render_seed(config, (seed + 1) % (MAX_SEED + 1), vocoder)
        # One plan makes both, so their pieces are of the same lengths.
        return (np.concatenate(pair) for pair in zip(left, right, strict=True))

    def _rehearsed(
        self,
        config: GenerationConfig,
        seed: int,
        vocoder: Vocoder,
        density: Density | None,
        on_rehearsed: OnRehearsed | None,
    ) -> tuple[Density | None, NDArray[np.float32] | None]:
        """Find what to ask for, and what was heard of it: the take itself, where one channel makes it and it is not varied."""
        if isinstance(density, VariedDensity):
            steered, _ = self._rehearsed(config, seed, vocoder, density.density, on_rehearsed)
            if steered is None or steered is density.density:
                return density, None
            return replace(density, density=steered), None
        # What is computed would take its time, and of anchors nothing is steered.
        if not (isinstance(density, SteeredDensity) and isinstance(vocoder, PlayingVocoder)):
            return density, None
        if config.concat_mode != "crossfade":
            return density, None
        in_mono = replace(config, stereo_mode="mono")
        mono = self.choose_vocoder(in_mono)

        def hear(tried: SteeredDensity) -> NDArray[np.float32]:
            pieces = self.drawing_from(tried)._render_as_planned(in_mono, seed, mono)
            return MemoryStore(*shape_at_48k(in_mono)).fill(pieces).first()

        return rehearse(density, hear, rehearsals_of(config.duration_s), on_rehearsed)

    def _render_seed(self, config: GenerationConfig, seed: int, vocoder: Vocoder) -> Iterator[Piece]:
        needed = shape_at_48k(config)[1]
        period_samples = loop_samples(config.num_samples, config.sample_rate) if config.loop else None
        num_chunks = plan_num_chunks(needed, config.chunk_samples, config.overlap_samples)
        if config.concat_mode == "crossfade":
            chunks = stream_chunks_crossfade(
                self.model,
                self.spectrogram,
                num_chunks,
                self.device,
                seed,
                config.chunk_samples,
                config.overlap_samples,
                density=self.density,
                vocoder=vocoder,
                style=config.walk_style,
                period_samples=period_samples,
                even_samples=needed if isinstance(self.density, SteeredDensity) else None,
            )
        else:
            chunks = stream_chunks_latent_interp(
                self.model,
                self.spectrogram,
                num_chunks,
                self.device,
                seed,
                config.chunk_samples,
                config.overlap_samples,
                config.steps_between,
                density=self.density,
                vocoder=vocoder,
                period_samples=period_samples,
            )
        return cut(anti_alias(chunks), needed)
