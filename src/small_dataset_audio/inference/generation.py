"""The generation pipeline: a model and a configuration become a take.

The stages, each in its own module, in this order:

1. validate the configuration; draw a seed where none is given;
2. chunks, by `concat_mode` (``chunking``);
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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import torch

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.antialias import anti_alias
from small_dataset_audio.inference.chunking import (
    plan_num_chunks,
    stream_chunks_crossfade,
    stream_chunks_latent_interp,
)
from small_dataset_audio.inference.config import MAX_SEED, GenerationConfig
from small_dataset_audio.inference.export import check_destination, export_stream, export_take
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.inference.looping import loop_samples
from small_dataset_audio.inference.mastering import master, shape_at_48k
from small_dataset_audio.inference.pieces import FileStore, MemoryStore, Piece, Stream, cut, stream_of
from small_dataset_audio.inference.provenance import audio_sha256, describe_environment, stream_sha256
from small_dataset_audio.inference.quality_stream import score_stream
from small_dataset_audio.inference.results import Appraisal, Appraise, GenerationResult, Sections, TakeSummary
from small_dataset_audio.inference.sampler_chunk import SamplerNotes
from small_dataset_audio.inference.seam import score_seam
from small_dataset_audio.inference.stereo import Extremes, left_and_right
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.models.density import Density
from small_dataset_audio.models.vocoder.griffin_lim import GriffinLimVocoder
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import StereoVocoder, Vocoder
from small_dataset_audio.names import safe_folder_name

OnProgress: TypeAlias = Callable[[float, float], None]
"""Told how many seconds are rendered, and of how many."""

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

    Attributes
    ----------
    model_name : str
        "unknown" unless set; names the default output folder and stands in every sidecar.
    provenance : mapping
        As given; empty without.
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
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.spectrogram = spectrogram.to(self.device)
        self.model_name = "unknown"
        self._density = density
        self._vocoders: dict[str, Vocoder] = {"griffin_lim": GriffinLimVocoder(self.spectrogram), **(vocoders or {})}
        self.provenance: Mapping[str, Any] = {} if provenance is None else provenance

    @property
    def vocoders(self) -> Mapping[str, Vocoder]:
        """What takes can be rendered with, by name."""
        return self._vocoders

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
        seed, vocoder = self._prepare(config)
        raw = MemoryStore(*shape_at_48k(config)).fill(self._render(config, seed, vocoder))
        stream, extremes = master(raw, config)
        audio = stream.first()
        return GenerationResult(
            audio=audio if stream.channels > 1 else audio[0],
            sample_rate=config.sample_rate,
            quality=_score(stream_of(audio), config, extremes),
            config=config,
            seed_used=seed,
            duration_s=config.num_samples / config.sample_rate,
            channels=config.channels,
            vocoder=vocoder.name,
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
            Called with the seconds rendered and all seconds, piece by piece.

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
        seed, vocoder = self._prepare(config)
        file_format, file_samples = FILE_FORMATS[config.file_format], config.channels * config.num_samples
        file_format.check_size(file_samples, config.bit_depth)
        channels, num_samples = shape_at_48k(config)
        needed_bytes = 4 * channels * num_samples + file_format.room_bytes(file_samples, config.bit_depth)
        folder = check_destination(self._folder(output_dir), filename, needed_bytes, config.file_format)
        with FileStore(folder, channels, num_samples) as store:
            raw = store.fill(_reporting(self._render(config, seed, vocoder), num_samples, on_progress))
            stream, extremes = master(raw, config)
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
                vocoder=vocoder.name,
                audio_sha256=stream_sha256(stream),
            )
            wav_path, json_path = export_stream(
                stream,
                folder,
                model_name=self.model_name,
                generation_config=config,
                seed=seed,
                quality_metrics=summary.quality,
                provenance=self._provenance(summary.vocoder, summary.audio_sha256),
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
            provenance=self._provenance(result.vocoder, audio_sha256(result.audio)),
            filename=filename,
            sections=sections,
            sampler_notes=sampler_notes,
        )

    def _folder(self, output_dir: Path | str | None) -> Path:
        return Path(output_dir or Path("data") / "generated" / safe_folder_name(self.model_name))

    def _provenance(self, vocoder: str, sha256: str) -> dict[str, Any]:
        return {**self.provenance, "vocoder": vocoder, "audio_sha256": sha256}

    def _prepare(self, config: GenerationConfig) -> tuple[int, Vocoder]:
        """Check everything that can be checked before the work; returns the seed to be used, and the vocoder."""
        config.validate()
        vocoder = self._choose_vocoder(config)
        return secrets.randbelow(2**32) if config.seed is None else config.seed, vocoder

    def _choose_vocoder(self, config: GenerationConfig) -> Vocoder:
        name = config.vocoder
        if name == "auto":
            name = "mosaic" if "mosaic" in self._vocoders else "griffin_lim"
        if name not in self._vocoders:
            raise InvalidConfigError(
                f"vocoder is {name!r}; this model folder holds no corpus audio, so it must be 'auto' or 'griffin_lim'"
            )
        vocoder = self._vocoders[name]
        if config.stereo_mode != "corpus":
            return vocoder
        if not isinstance(vocoder, StereoVocoder):
            raise InvalidConfigError(
                "stereo_mode is 'corpus'; this model folder holds no corpus audio, so it must be 'mono', 'mid_side' or "
                "'dual_seed'; or train a model that keeps the recordings"
            )
        return vocoder.in_stereo()

    def _render(self, config: GenerationConfig, seed: int, vocoder: Vocoder) -> Iterator[Piece]:
        """Chunks and anti-alias, cut at 48 kHz to what the export needs; everything that takes time."""
        if config.stereo_mode == "corpus":
            return left_and_right(self._render_seed(config, seed, vocoder))
        if config.stereo_mode != "dual_seed":
            return self._render_seed(config, seed, vocoder)
        left = self._render_seed(config, seed, vocoder)
        right = self._render_seed(config, (seed + 1) % (MAX_SEED + 1), vocoder)
        # One plan makes both, so their pieces are of the same lengths.
        return (np.concatenate(pair) for pair in zip(left, right, strict=True))

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
                density=self._density,
                vocoder=vocoder,
                style=config.walk_style,
                period_samples=period_samples,
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
                density=self._density,
                vocoder=vocoder,
                period_samples=period_samples,
            )
        return cut(anti_alias(chunks), needed)


def _score(stream: Stream, config: GenerationConfig, extremes: Extremes) -> dict[str, Any]:
    quality = score_stream(stream, config.sample_rate, extremes)
    return {**quality, "loop": score_seam(stream).to_json()} if config.loop else quality


def _reporting(pieces: Iterator[Piece], num_samples: int, on_progress: OnProgress | None) -> Iterator[Piece]:
    done = 0
    for piece in pieces:
        done += piece.shape[1]
        yield piece
        if on_progress is not None:
            on_progress(done / SAMPLE_RATE, num_samples / SAMPLE_RATE)
