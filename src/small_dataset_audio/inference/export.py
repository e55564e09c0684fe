"""A take leaves: its sound file, and the sidecar that remembers how it was made.

The sidecar is the take's memory: with it and the model alone the same audio can be made again. Both files are written as
temporaries first, then moved into place, sidecar before sound, and neither ever replaces a file. A crash between the two
moves leaves a sidecar alone, from which the take can be rendered; half a file, or a sound alone, cannot come about.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.errors import InvalidAudioError, InvalidNameError, OutputError
from small_dataset_audio.files import atomic_write_new, dump_json, make_output_folder, sha256_file
from small_dataset_audio.inference.audio_file import AudioFile, check_for_file, write_audio
from small_dataset_audio.inference.file_formats import FILE_FORMATS, with_suffix_of
from small_dataset_audio.inference.pieces import Stream, stream_of
from small_dataset_audio.inference.sampler_chunk import Loop, SamplerNotes
from small_dataset_audio.inference.sidecar_content import (
    SIDECAR_VERSION,
    Description,
    channels_of,
    settings_of,
    sidecar_content,
    sidecar_path,
    write_sidecar_json,
)
from small_dataset_audio.inference.tags import tags_of
from small_dataset_audio.inference.wav import export_wav

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "BIT_DEPTH_MAP",
    "SAMPLE_RATE_OPTIONS",
    "SIDECAR_VERSION",
    "check_destination",
    "export_stream",
    "export_take",
    "export_wav",
    "numbered_names",
    "sidecar_path",
    "write_sidecar_json",
]


def export_take(
    audio: ArrayLike,
    output_dir: str | Path,
    *,
    model_name: str,
    generation_config: DataclassInstance | Mapping[str, Any],
    seed: int,
    quality_metrics: Mapping[str, Any],
    provenance: Mapping[str, Any] | None = None,
    filename: str | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    sampler_notes: SamplerNotes | None = None,
) -> tuple[Path, Path]:
    """Write a take, sound file and sidecar, as a pair: both or neither.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (2, samples), float]
        Its channels must be those of the settings' ``stereo_mode``.
    output_dir : str or Path
        Made where it does not exist.
    model_name, generation_config, seed, quality_metrics, provenance, sections
        See :func:`write_sidecar_json`. The settings' ``file_format`` is that of the file, WAV without one.
    filename : str, optional
        A plain name; the suffix of the format is appended where it is missing. By default
        ``gen_{timestamp}_seed{seed}.wav`` with the time in UTC, and ``-2``, ``-3`` before the suffix where that name is
        taken.
    sampler_notes : SamplerNotes, optional
        For a format that holds them; a take that is a loop has its own.

    Returns
    -------
    tuple of Path
        The sound file and its sidecar.

    Raises
    ------
    InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError, ValueError
        See :func:`export_wav` and :func:`write_sidecar_json`.
    """
    settings = settings_of(generation_config)
    return export_stream(
        stream_of(check_for_file(audio, _kind(settings))),
        output_dir,
        model_name=model_name,
        generation_config=settings,
        seed=seed,
        quality_metrics=quality_metrics,
        provenance=provenance,
        filename=filename,
        sections=sections,
        sampler_notes=sampler_notes,
    )


def export_stream(
    stream: Stream,
    output_dir: str | Path,
    *,
    model_name: str,
    generation_config: DataclassInstance | Mapping[str, Any],
    seed: int,
    quality_metrics: Mapping[str, Any],
    provenance: Mapping[str, Any] | None = None,
    filename: str | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    sampler_notes: SamplerNotes | None = None,
) -> tuple[Path, Path]:
    """Write a take that is not in memory; for the rest see :func:`export_take`."""
    settings = settings_of(generation_config)
    if stream.channels != channels_of(settings):
        raise InvalidAudioError(
            f"audio has {stream.channels} channels; stereo_mode {settings['stereo_mode']!r} makes {channels_of(settings)}"
        )
    if settings.get("loop"):
        sampler_notes = SamplerNotes(Loop(0, stream.num_samples - 1))
    kind = _kind(settings, model_name=model_name, seed=seed, sampler_notes=sampler_notes)
    FILE_FORMATS[kind.file_format].check_size(stream.channels * stream.num_samples, kind.bit_depth)
    duration_s = stream.num_samples / kind.sample_rate
    description = Description(model_name, settings, seed, quality_metrics, duration_s, provenance, sections or {})
    folder = make_output_folder(Path(output_dir))
    given_path = None if filename is None else _path_in(folder, filename, kind.file_format)
    free_paths = _default_paths(folder, seed, kind.file_format)
    while True:
        path = given_path or next(free_paths)
        sidecar_content(path.name, description)  # what is wrong with it shall be told before the work
        json_path = sidecar_path(path)
        try:
            with atomic_write_new(json_path, path) as (json_temporary, temporary):
                gain_db = write_audio(temporary, path, stream, kind)
                sha256 = sha256_file(temporary)
                content = sidecar_content(path.name, description, gain_db=gain_db, file_sha256=sha256)
                json_temporary.write_bytes(dump_json(content).encode())
        except OutputError as error:
            # Another process may take a default name between our look and our move; then the next one is tried.
            if given_path is None and isinstance(error.__cause__, FileExistsError):
                continue
            raise
        return path, json_path


def check_destination(output_dir: Path, filename: str | None, needed_bytes: int, file_format: str = "wav") -> Path:
    """Make the folder of a take and prove, before the work begins, that the take can be written there.

    Raises
    ------
    InvalidNameError
        `filename` is no plain name, or that of a file in another format.
    OutputError
        The folder cannot be written, `filename` exists, or the disk has no room for `needed_bytes`.
    """
    folder = make_output_folder(output_dir)
    if filename is not None:
        audio_path = _path_in(folder, filename, file_format)
        for path in (sidecar_path(audio_path), audio_path):
            if path.exists():
                raise OutputError(f"{path} exists already and is not overwritten; choose another name or remove it")
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise OutputError(
            f"{folder} has no room for this take: {needed_bytes / 1e6:.1f} MB are needed while it is made, "
            f"{free_bytes / 1e6:.1f} MB are free; free some space, or choose another folder"
        )
    return folder


def numbered_names(filename: str | None, file_format: str, count: int) -> list[str | None]:
    """Names of several takes: the one that is given, with ``-1``, ``-2`` before its suffix where they are many.

    Raises
    ------
    InvalidNameError
        `filename` is that of a file in another format.
    """
    if filename is None:
        return [None] * count
    name = Path(with_suffix_of(filename, file_format))
    if count == 1:
        return [str(name)]
    return [f"{name.stem}-{number:0{len(str(count))}}{name.suffix}" for number in range(1, count + 1)]


def _kind(
    settings: Mapping[str, Any], *, model_name: str = "", seed: int = 0, sampler_notes: SamplerNotes | None = None
) -> AudioFile:
    file_format, second = settings.get("file_format", "wav"), settings.get("blend_model")
    if second is not None:
        model_name = f"{model_name} + {second}"
    return AudioFile(
        settings["sample_rate"], settings["bit_depth"], file_format, tags_of(model_name, seed), sampler_notes
    )


def _path_in(folder: Path, filename: str, file_format: str) -> Path:
    if filename in {"", ".", ".."} or "/" in filename or "\\" in filename or "\0" in filename:
        raise InvalidNameError(f"filename is {filename!r}; give a plain file name, and the folder as output_dir")
    return folder / with_suffix_of(filename, file_format)


def _default_paths(folder: Path, seed: int, file_format: str) -> Iterator[Path]:
    stem, suffix = f"gen_{datetime.now(UTC):%Y%m%dT%H%M%SZ}_seed{seed}", FILE_FORMATS[file_format].suffix
    names = itertools.chain([f"{stem}{suffix}"], (f"{stem}-{number}{suffix}" for number in itertools.count(2)))
    for name in names:
        path = folder / name
        if not path.exists() and not sidecar_path(path).exists():
            yield path
