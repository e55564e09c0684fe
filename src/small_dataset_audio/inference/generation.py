"""The generation pipeline: a model and a configuration become a take.

The stages, each a function in its own module, in this order:

1. validate the configuration; draw a seed where none is given;
2. chunks, by `concat_mode` (``chunking``);
3. anti-alias (``audio.filters``);
4. stereo (``stereo``), then faded ends without DC (``finishing``);
5. peak to -1 dBFS (``stereo.peak_normalize``);
6. resample to the export rate (``audio.io``), and back under -1 dBFS where the resampler overshot;
7. cut to the exact number of samples;
8. score what will be exported (``quality``).

Everything before stage 6 is at 48 kHz.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.filters import apply_anti_alias_filter
from small_dataset_audio.audio.io import resample
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import PEAK_TARGET, SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import safe_folder_name
from small_dataset_audio.inference.chunking import (
    generate_chunks_crossfade,
    generate_chunks_latent_interp,
    plan_num_chunks,
)
from small_dataset_audio.inference.config import MAX_SEED, GenerationConfig
from small_dataset_audio.inference.export import export_take
from small_dataset_audio.inference.finishing import finish_ends
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment
from small_dataset_audio.inference.quality import compute_quality_score
from small_dataset_audio.inference.stereo import (
    apply_mid_side_widening,
    create_dual_seed_stereo,
    peak_normalize,
)
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.models.density import Density
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.models.vocoder.griffin_lim import GriffinLimVocoder
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder

_RESAMPLER_MARGIN = 4  # samples at 48 kHz beyond the end: rounding never leaves a take short, the faded end stays whole

__all__ = ["GenerationConfig", "GenerationPipeline", "GenerationResult"]


@dataclass(frozen=True)
class GenerationResult:
    """A take, before it is written.

    Parameters
    ----------
    audio : ndarray [shape=(samples,) or (2, samples), float32, peak at most 0.891]
    sample_rate : int [Hz]
    quality : dict
        See :func:`~small_dataset_audio.inference.quality.compute_quality_score`.
    config : GenerationConfig
        As given.
    seed_used : int
    duration_s : float [s]
        Of `audio`, exactly.
    channels : int
    vocoder : str
        Which one rendered it.
    """

    audio: NDArray[np.float32] = field(repr=False)
    sample_rate: int
    quality: dict[str, Any]
    config: GenerationConfig
    seed_used: int
    duration_s: float
    channels: int
    vocoder: str = "griffin_lim"


class GenerationPipeline:
    """Makes takes from a model.

    Parameters
    ----------
    model : ConvVAE
    spectrogram : AudioSpectrogram
    device : torch.device or str
        `model` and `spectrogram` are moved there.
    density : Density, optional
        What is drawn from; without one, N(0, I).
    vocoders : mapping of str to Vocoder, optional
        By name, beside Griffin-Lim, which is always there.
    provenance : mapping, optional
        What a sidecar shall say of the model and the machine, beside how the take was rendered.

    Attributes
    ----------
    model_name : str
        "unknown" unless set; names the default output folder and stands in every sidecar.
    provenance : mapping
        As given; empty without.
    """

    def __init__(
        self,
        model: ConvVAE,
        spectrogram: AudioSpectrogram,
        device: torch.device | str = "cpu",
        *,
        density: Density | None = None,
        vocoders: Mapping[str, Vocoder] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.spectrogram = spectrogram.to(self.device)
        self.model_name = "unknown"
        self._density = density
        self._vocoders: dict[str, Vocoder] = {"griffin_lim": GriffinLimVocoder(self.spectrogram), **(vocoders or {})}
        self.provenance: Mapping[str, Any] = {} if provenance is None else provenance

    @classmethod
    def from_bundle(
        cls,
        bundle: ModelBundle,
        device: torch.device | str = "cpu",
        *,
        provenance: Mapping[str, Any] | None = None,
    ) -> GenerationPipeline:
        """Build the pipeline of a model folder: its density, and the mosaic where it holds the corpus audio.

        Without `provenance` its sidecars tell the model's hash and the machine, which is what a re-render compares.
        """
        model, spectrogram = bundle.model.to(device), bundle.spectrogram.to(device)
        vocoders: dict[str, Vocoder] = {}
        if bundle.clips:
            vocoders["mosaic"] = MosaicVocoder(spectrogram, bundle.clips, autoencode=model.autoencode)
        if provenance is None:
            provenance = {"model_sha256": bundle.sha256, "environment": describe_environment(device)}
        pipeline = cls(model, spectrogram, device, density=bundle.density, vocoders=vocoders, provenance=provenance)
        pipeline.model_name = bundle.metadata.name
        return pipeline

    def generate(self, config: GenerationConfig) -> GenerationResult:
        """Make one take.

        Parameters
        ----------
        config : GenerationConfig

        Returns
        -------
        GenerationResult
            Exactly ``round(duration_s * sample_rate)`` samples. The same seed on the same machine gives the same bits.

        Raises
        ------
        InvalidConfigError
            A field is outside its range, or asks for a vocoder that this model cannot use.
        InvalidAudioError
            The model decoded to non-finite samples; nothing is written.
        """
        config.validate()
        vocoder = self._choose_vocoder(config)
        seed = secrets.randbelow(2**32) if config.seed is None else config.seed

        audio = self._make_48k(config, seed, vocoder)
        audio = peak_normalize(finish_ends(audio), PEAK_TARGET)
        audio = _resample_under_peak(audio, config.sample_rate)
        audio = np.ascontiguousarray(audio[..., : config.num_samples])
        return GenerationResult(
            audio=audio,
            sample_rate=config.sample_rate,
            quality=compute_quality_score(audio, config.sample_rate),
            config=config,
            seed_used=seed,
            duration_s=audio.shape[-1] / config.sample_rate,
            channels=config.channels,
            vocoder=vocoder.name,
        )

    def export(
        self, result: GenerationResult, output_dir: Path | str | None = None, filename: str | None = None
    ) -> tuple[Path, Path]:
        """Write a take and its sidecar: both or neither, and never over an existing file.

        Parameters
        ----------
        result : GenerationResult
        output_dir : path, optional
            Made where it does not exist; ``data/generated/{model_name}/`` without one.
        filename : str, optional
            ``gen_{timestamp}_seed{seed}.wav`` without one.

        Returns
        -------
        wav_path, json_path : Path

        Raises
        ------
        OutputError
            The folder cannot be written, or `filename` exists.
        """
        folder = Path(output_dir or Path("data") / "generated" / safe_folder_name(self.model_name))
        rendered = {"vocoder": result.vocoder, "audio_sha256": audio_sha256(result.audio)}
        return export_take(
            result.audio,
            folder,
            model_name=self.model_name,
            generation_config=result.config,
            seed=result.seed_used,
            quality_metrics=result.quality,
            provenance={**self.provenance, **rendered},
            filename=filename,
        )

    def _choose_vocoder(self, config: GenerationConfig) -> Vocoder:
        name = config.vocoder
        if name == "auto":
            name = "mosaic" if "mosaic" in self._vocoders else "griffin_lim"
        if name not in self._vocoders:
            raise InvalidConfigError(
                f"vocoder is {name!r}; this model folder holds no corpus audio, so it must be 'auto' or 'griffin_lim'"
            )
        return self._vocoders[name]

    def _make_48k(self, config: GenerationConfig, seed: int, vocoder: Vocoder) -> NDArray[np.float32]:
        """Chunks, anti-alias and stereo, cut at 48 kHz to what the export needs."""
        if config.stereo_mode == "dual_seed":
            left = self._make_mono(config, seed, vocoder)
            right = self._make_mono(config, (seed + 1) % (MAX_SEED + 1), vocoder)
            return create_dual_seed_stereo(left, right)
        mono = self._make_mono(config, seed, vocoder)
        if config.stereo_mode == "mid_side":
            # Finished first: the side is a copy that begins 15 ms into the take, and without a fade it would click there.
            return apply_mid_side_widening(finish_ends(mono), width=config.stereo_width, sample_rate=SAMPLE_RATE)
        return mono

    def _make_mono(self, config: GenerationConfig, seed: int, vocoder: Vocoder) -> NDArray[np.float32]:
        needed = _samples_at_48k(config)
        num_chunks = plan_num_chunks(needed, config.chunk_samples, config.overlap_samples)
        if config.concat_mode == "crossfade":
            audio = generate_chunks_crossfade(
                self.model,
                self.spectrogram,
                num_chunks,
                self.device,
                seed,
                config.chunk_samples,
                config.overlap_samples,
                density=self._density,
                vocoder=vocoder,
            )
        else:
            audio = generate_chunks_latent_interp(
                self.model,
                self.spectrogram,
                num_chunks,
                self.device,
                seed,
                config.chunk_samples,
                config.overlap_samples,
                config.steps_between,
                density=self._density,
                vocoder=vocoder,
            )
        return apply_anti_alias_filter(audio, SAMPLE_RATE)[:needed]


def _samples_at_48k(config: GenerationConfig) -> int:
    if config.sample_rate == SAMPLE_RATE:
        return config.num_samples
    return -(-config.num_samples * SAMPLE_RATE // config.sample_rate) + _RESAMPLER_MARGIN


def _resample_under_peak(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Resample, then scale back only where the resampler's overshoot went past the target."""
    converted = resample(audio, SAMPLE_RATE, sample_rate)
    return peak_normalize(converted, PEAK_TARGET) if float(np.abs(converted).max()) > PEAK_TARGET else converted
