"""A model in the library makes takes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import make_output_folder, safe_folder_name
from small_dataset_audio.inference.config import MAX_SEED, GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline, GenerationResult
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.plots import plot_take
from small_dataset_audio.workflow.device import resolve_device

DEFAULT_OUTPUT = Path("data") / "generated"


@dataclass(frozen=True)
class Take:
    """A written take.

    Parameters
    ----------
    wav_path, json_path : Path
    picture_path : Path or None
        Waveform and spectrogram, where asked for.
    result : GenerationResult
    """

    wav_path: Path
    json_path: Path
    picture_path: Path | None
    result: GenerationResult = field(repr=False)


def load_pipeline(model: str, *, device: str = "auto", library: Library | None = None) -> GenerationPipeline:
    """Load a model by name or folder, ready to generate.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidConfigError
    """
    chosen: torch.device = resolve_device(device)
    return GenerationPipeline.from_bundle(load_bundle((library or Library()).find(model), chosen), chosen)


def generate_takes(
    pipeline: GenerationPipeline,
    config: GenerationConfig,
    *,
    count: int = 1,
    output_dir: Path | None = None,
    plot: bool = False,
) -> Iterator[Take]:
    """Make and write takes, one after the other; their seeds go up from the first.

    Parameters
    ----------
    pipeline : GenerationPipeline
    config : GenerationConfig
        Its seed is the first take's; None draws one.
    count : int [1 or more]
    output_dir : Path, optional
        Takes are written flat into it; ``data/generated/{model_name}`` without one.
    plot : bool
        Draw waveform and spectrogram beside each take.

    Yields
    ------
    Take

    Raises
    ------
    InvalidConfigError
        Before any work: a setting, or a count or last seed out of range.
    OutputError
        Before any work: the folder cannot be written.
    """
    config.validate()
    if count < 1:
        raise InvalidConfigError(f"count is {count}; it must be 1 or more")
    first = secrets.randbelow(2**31) if config.seed is None else config.seed
    if first + count - 1 > MAX_SEED:
        raise InvalidConfigError(f"seed is {first}; for {count} takes it must be at most 2**63 - {count}")
    folder = make_output_folder(output_dir or DEFAULT_OUTPUT / safe_folder_name(pipeline.model_name))
    for seed in range(first, first + count):
        result = pipeline.generate(replace(config, seed=seed))
        wav_path, json_path = pipeline.export(result, folder)
        picture = None
        if plot:
            picture = plot_take(result.audio, result.sample_rate, wav_path.with_suffix(".png"), title=wav_path.stem)
        yield Take(wav_path, json_path, picture, result)
