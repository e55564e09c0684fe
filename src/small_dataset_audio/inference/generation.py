"""The generation pipeline: a model and a configuration become a take.

The stages, each in its own module, in this order:

1. validate the configuration; draw a seed where none is given;
2. chunks, by `concat_mode` (``chunking``); what is steered is heard and corrected first (``rehearsal``);
3. anti-alias (``antialias``);
4. stereo (``stereo``), then faded ends without DC (``finishing``); a loop is closed instead (``looping``);
5. peak to -1 dBFS (``stereo``);
6. resample to the export rate (``resampling``), and back under -1 dBFS where the resampler overshot;
7. cut to the exact number of samples (4 to 7 are put together in ``mastering``);
8. score what will be exported (``quality_stream``).

Everything before stage 6 is at 48 kHz. Every stage takes and gives a stream of pieces (``pieces``). The first three are
slow and run once, into a store; the others are quick and run whenever someone goes through their stream. So a take of any
length is made with the memory of a few pieces, and one that is wanted as an array comes out of the very same stages.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import PEAK_TARGET
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.blending import Rendering, plan_rendering
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.export import check_destination, export_stream, export_take
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.inference.mastering import master, shape_at_48k
from small_dataset_audio.inference.pieces import FileStore, MemoryStore, Stream, stream_of
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment, stream_sha256
from small_dataset_audio.inference.quality import SIGNAL_RMS
from small_dataset_audio.inference.quality_stream import score_stream
from small_dataset_audio.inference.rendering import Renderer
from small_dataset_audio.inference.results import Appraisal, Appraise, GenerationResult, Sections, TakeSummary
from small_dataset_audio.inference.sampler_chunk import SamplerNotes
from small_dataset_audio.inference.seam import score_seam
from small_dataset_audio.inference.stereo import Extremes
from small_dataset_audio.inference.take_progress import OnProgress, TakeProgress
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.models.density import Density
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder
from small_dataset_audio.names import quoted, safe_folder_name

__all__ = ["Appraisal", "GenerationConfig", "GenerationPipeline", "GenerationResult", "TakeSummary"]


class GenerationPipeline:
    """Makes takes from a model.

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
    provenance : mapping, optional
        What a sidecar shall say of the model and the machine, beside how the take was rendered.
    analysis : Analysis, optional
        Of the density: what controls are steered by.

    Attributes
    ----------
    model_name : str
        "unknown" unless set; names the default output folder and stands in every sidecar.
    provenance : mapping
        As given; empty without.
    partner : GenerationPipeline or None
        Of a second model, for takes that are blended with it; on the same device.
    """

    def __init__(
        self,
        model: Autoencoder,
        spectrogram: AudioSpectrogram,
        device: torch.device | str = "cpu",
        *,
        density: Density | None = None,
        vocoders: Mapping[str, Vocoder] | None = None,
        provenance: Mapping[str, Any] | None = None,
        analysis: Analysis | None = None,
    ) -> None:
        self._renderer = Renderer(model, spectrogram, device, density=density, vocoders=vocoders, analysis=analysis)
        self.model_name = "unknown"
        self.partner: GenerationPipeline | None = None
        self.provenance: Mapping[str, Any] = {} if provenance is None else provenance

    @property
    def model(self) -> Autoencoder:
        """What decodes, on its device."""
        return self._renderer.model

    @property
    def spectrogram(self) -> AudioSpectrogram:
        """Of its mels."""
        return self._renderer.spectrogram

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._renderer.device

    @property
    def density(self) -> Density | None:
        """What takes are drawn from that nothing is asked of."""
        return self._renderer.density

    @property
    def vocoders(self) -> Mapping[str, Vocoder]:
        """What takes can be rendered with, by name."""
        return self._renderer.vocoders

    @classmethod
    def from_bundle(
        cls,
        bundle: ModelBundle,
        device: torch.device | str = "cpu",
        *,
        provenance: Mapping[str, Any] | None = None,
    ) -> Self:
        """Build the pipeline of a model folder: its density, and the mosaic where it holds the corpus audio.

        Without `provenance` its sidecars tell the model's hash and the machine, which is what a re-render compares.
        """
        model, spectrogram = bundle.model.to(device), bundle.spectrogram.to(device)
        vocoders: dict[str, Vocoder] = {}
        if bundle.clips:
            vocoders["mosaic"] = MosaicVocoder(
                spectrogram, bundle.clips, autoencode=model.autoencode, sides=bundle.sides
            )
        if provenance is None:
            provenance = {"model_sha256": bundle.sha256, "environment": describe_environment(device)}
        pipeline = cls(
            model,
            spectrogram,
            device,
            density=bundle.density,
            vocoders=vocoders,
            provenance=provenance,
            analysis=bundle.analysis,
        )
        pipeline.model_name = bundle.metadata.name
        return pipeline

    def drawing_from(self, density: Density) -> GenerationPipeline:
        """Return a pipeline of the same model and vocoders that draws from another density."""
        return GenerationPipeline(
            self.model,
            self.spectrogram,
            self.device,
            density=density,
            vocoders=self.vocoders,
            provenance=self.provenance,
        )

    def generate(self, config: GenerationConfig, *, level_lufs: NDArray[np.float64] | None = None) -> GenerationResult:
        """Make one take.

        Parameters
        ----------
        config : GenerationConfig
        level_lufs : ndarray [shape=(points,), LUFS], optional
            How loud it shall be, evenly over it, whatever its controls say: for who measures what they do.

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
        seed, rendering = self._prepare(config)
        channels, num_samples = shape_at_48k(config)
        raw = MemoryStore(channels * len(rendering.sounds), num_samples).fill(rendering.render(config, seed))
        stream, extremes = master(raw, config, rendering.level_lufs if level_lufs is None else level_lufs)
        audio = stream.first()
        return GenerationResult(
            audio=audio if stream.channels > 1 else audio[0],
            sample_rate=config.sample_rate,
            quality=_score(stream_of(audio), config, extremes),
            config=config,
            seed_used=seed,
            duration_s=config.num_samples / config.sample_rate,
            channels=config.channels,
            vocoder=rendering.vocoder,
            blended_in=rendering.domain,
        )

    def render_to_file(
        self,
        config: GenerationConfig,
        output_dir: Path | str | None = None,
        filename: str | None = None,
        *,
        appraise: Appraise | None = None,
        on_progress: OnProgress | None = None,
    ) -> tuple[Path, Path, TakeSummary]:
        """Make one take and write it with its sidecar, in memory that does not grow with its length.

        The take and its bits are those of :meth:`generate` and :meth:`export`. While it is made, a nameless file in the
        output folder holds it; nothing is left of that, however the work ends.

        Parameters
        ----------
        config : GenerationConfig
        output_dir, filename
            As for :meth:`export`.
        appraise : callable, optional
            Hears the finished take and its score before the sidecar is written; what it returns is what the sidecar and the
            summary say.
        on_progress : callable, optional
            Called with how far it is and how far it goes, in seconds of the take, piece by piece; the rehearsals of a steered
            take are the beginning of it.

        Returns
        -------
        wav_path, json_path : Path
        summary : TakeSummary

        Raises
        ------
        InvalidConfigError, InvalidAudioError
            As for :meth:`generate`, or a file of that format cannot hold that much; nothing is written.
        OutputError
            The folder cannot be written, `filename` exists, or the disk is full; nothing is left behind.
        """
        seed, rendering = self._prepare(config)
        file_format, file_samples = FILE_FORMATS[config.file_format], config.channels * config.num_samples
        file_format.check_size(file_samples, config.bit_depth)
        channels, num_samples = shape_at_48k(config)
        channels *= len(rendering.sounds)
        needed_bytes = 4 * channels * num_samples + file_format.room_bytes(file_samples, config.bit_depth)
        folder = check_destination(self._folder(output_dir), filename, needed_bytes, config.file_format)
        with FileStore(folder, channels, num_samples) as store:
            progress = TakeProgress(num_samples, on_progress)
            raw = store.fill(progress.of(rendering.render(config, seed, progress.rehearsed)))
            stream, extremes = master(raw, config, rendering.level_lufs)
            appraisal = Appraisal(_score(stream, config, extremes))
            if appraise is not None:
                appraisal = appraise(stream, appraisal.quality)
            summary = TakeSummary(
                sample_rate=config.sample_rate,
                quality=dict(appraisal.quality),
                config=config,
                seed_used=seed,
                duration_s=config.num_samples / config.sample_rate,
                channels=config.channels,
                vocoder=rendering.vocoder,
                blended_in=rendering.domain,
                audio_sha256=stream_sha256(stream),
            )
            wav_path, json_path = export_stream(
                stream,
                folder,
                model_name=self.model_name,
                generation_config=config,
                seed=seed,
                quality_metrics=summary.quality,
                provenance=self._provenance(summary, summary.audio_sha256),
                filename=filename,
                sections=appraisal.sections,
            )
        return wav_path, json_path, summary

    def export(
        self,
        result: GenerationResult,
        output_dir: Path | str | None = None,
        filename: str | None = None,
        *,
        sections: Sections | None = None,
        sampler_notes: SamplerNotes | None = None,
    ) -> tuple[Path, Path]:
        """Write a take and its sidecar: both or neither, and never over an existing file.

        Parameters
        ----------
        result : GenerationResult
        output_dir : path, optional
            Made where it does not exist; ``data/generated/{model_name}/`` without one.
        filename : str, optional
            ``gen_{timestamp}_seed{seed}.wav`` without one, or with the suffix of another ``file_format``.
        sections : mapping of str to mapping, optional
            Extra keys of the sidecar, beside its own.
        sampler_notes : SamplerNotes, optional
            Loop points and root key for the WAV; a take that is a loop has its own.

        Returns
        -------
        wav_path, json_path : Path

        Raises
        ------
        OutputError
            The folder cannot be written, or `filename` exists.
        """
        return export_take(
            result.audio,
            self._folder(output_dir),
            model_name=self.model_name,
            generation_config=result.config,
            seed=result.seed_used,
            quality_metrics=result.quality,
            provenance=self._provenance(result, audio_sha256(result.audio)),
            filename=filename,
            sections=sections,
            sampler_notes=sampler_notes,
        )

    def _folder(self, output_dir: Path | str | None) -> Path:
        return Path(output_dir or Path("data") / "generated" / safe_folder_name(self.model_name))

    def _provenance(self, take: GenerationResult | TakeSummary, sha256: str) -> dict[str, Any]:
        blend = {}
        if self.partner is not None and take.config.blend_model is not None:
            blend["blend"] = {
                "model_name": self.partner.model_name,
                "model_sha256": self.partner.provenance.get("model_sha256"),
                "domain": take.blended_in,
            }
        return {**self.provenance, "vocoder": take.vocoder, **blend, "audio_sha256": sha256}

    def _prepare(self, config: GenerationConfig) -> tuple[int, Rendering]:
        """Check everything that can be checked before the work; returns the seed to be used, and what is rendered."""
        config.validate()
        partner = None if config.blend_model is None else self._partner_called(config.blend_model)
        rendering = plan_rendering(self._renderer, None if partner is None else partner._renderer, config)
        return secrets.randbelow(2**32) if config.seed is None else config.seed, rendering

    def _partner_called(self, name: str) -> GenerationPipeline:
        if self.partner is None or self.partner.model_name != name:
            there = "none" if self.partner is None else quoted(self.partner.model_name)
            raise InvalidConfigError(
                f"blend_model is {quoted(name)}; it must be the model_name of this pipeline's `partner` ({there}): set that, "
                "or load both with load_pipeline(..., blend=...)"
            )
        return self.partner


def _score(stream: Stream, config: GenerationConfig, extremes: Extremes) -> dict[str, Any]:
    # A take that was asked to be quiet is measured as if it had been turned up: its sounds are no noise for that.
    peak = float(extremes.peak) if config.controls else 0.0
    signal_rms = SIGNAL_RMS * min(peak / PEAK_TARGET, 1.0) if peak else SIGNAL_RMS
    quality = score_stream(stream, config.sample_rate, extremes, signal_rms=signal_rms)
    return {**quality, "loop": score_seam(stream).to_json()} if config.loop else quality
