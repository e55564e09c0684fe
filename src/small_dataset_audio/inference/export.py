"""A take leaves: its WAV, and the sidecar that remembers how it was made.

The sidecar is the take's memory: with it and the model alone the same audio can be made again. Both files are written as
temporaries first, then moved into place, sidecar before WAV, and neither ever replaces a file. A crash between the two
moves leaves a sidecar alone, from which the take can be rendered; half a file, or a WAV alone, cannot come about.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from small_dataset_audio.constants import BIT_DEPTH_MAP, SAMPLE_RATE_OPTIONS
from small_dataset_audio.errors import InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError
from small_dataset_audio.files import atomic_write_new, dump_json, make_output_folder, write_bytes
from small_dataset_audio.inference.pieces import Stream, stream_of
from small_dataset_audio.inference.sampler_chunk import Loop, append_loop
from small_dataset_audio.inference.wav import (
    check_bit_depth,
    check_for_wav,
    check_wav_path,
    check_wav_size,
    export_wav,
    write_wav,
)

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
    "sidecar_path",
    "write_sidecar_json",
]

SIDECAR_VERSION: Final = 1


def write_sidecar_json(
    wav_path: str | Path,
    model_name: str,
    generation_config: DataclassInstance | Mapping[str, Any],
    seed: int,
    quality_metrics: Mapping[str, Any],
    duration_s: float,
    *,
    provenance: Mapping[str, Any] | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write a take's sidecar beside its WAV, atomically, as strict JSON.

    Parameters
    ----------
    wav_path : str or Path
        The WAV it describes; the sidecar has the same name with ``.json``. The WAV need not exist yet.
    model_name : str
    generation_config : dataclass or mapping
        Settings of the take, with at least ``sample_rate``, ``bit_depth`` and ``stereo_mode``.
    seed : int
        The seed that was used, drawn or given.
    quality_metrics : mapping
        See :func:`~small_dataset_audio.inference.compute_quality_score`. A number that is not finite becomes null.
    duration_s : float [s]
        Actual duration.
    provenance : mapping, optional
        What else it takes to make the same bits again, such as the model's hash; stored under its own key.
    sections : mapping of str to mapping, optional
        More to say of the take: extra keys beside the sidecar's own. A number that is not finite becomes null.

    Returns
    -------
    Path

    Raises
    ------
    InvalidConfigError
        The settings lack a key, or hold a bit depth that does not exist; or a section has the name of a sidecar's own key.
    InvalidNameError
        `wav_path` does not end in ``.wav``.
    ValueError
        A number in the settings or the provenance is not finite.
    OutputError
        The file exists already, or cannot be written; nothing is left behind.
    """
    wav_path = check_wav_path(wav_path)
    content = _sidecar(
        wav_path.name, model_name, generation_config, seed, quality_metrics, duration_s, provenance, sections
    )
    data = dump_json(content).encode()
    make_output_folder(wav_path.parent)
    json_path = sidecar_path(wav_path)
    write_bytes(json_path, data, overwrite=False)
    return json_path


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
) -> tuple[Path, Path]:
    """Write a take, WAV and sidecar, as a pair: both or neither.

    Parameters
    ----------
    audio : array_like [shape=(samples,) or (2, samples), float]
        Its channels must be those of the settings' ``stereo_mode``.
    output_dir : str or Path
        Made where it does not exist.
    model_name, generation_config, seed, quality_metrics, provenance, sections
        See :func:`write_sidecar_json`.
    filename : str, optional
        A plain name; ``.wav`` is appended where it is missing. By default ``gen_{timestamp}_seed{seed}.wav`` with the time
        in UTC, and ``-2``, ``-3`` before the suffix where that name is taken.

    Returns
    -------
    tuple of Path
        The WAV and its sidecar.

    Raises
    ------
    InvalidAudioError, InvalidConfigError, InvalidNameError, OutputError, ValueError
        See :func:`export_wav` and :func:`write_sidecar_json`.
    """
    settings = _settings(generation_config)
    return export_stream(
        stream_of(check_for_wav(audio, settings["sample_rate"], settings["bit_depth"])),
        output_dir,
        model_name=model_name,
        generation_config=settings,
        seed=seed,
        quality_metrics=quality_metrics,
        provenance=provenance,
        filename=filename,
        sections=sections,
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
) -> tuple[Path, Path]:
    """Write a take that is not in memory; for the rest see :func:`export_take`."""
    settings = _settings(generation_config)
    sample_rate, bit_depth = settings["sample_rate"], settings["bit_depth"]
    check_wav_size(stream.channels * stream.num_samples, bit_depth)
    if stream.channels != _channels(settings):
        raise InvalidAudioError(
            f"audio has {stream.channels} channels; stereo_mode {settings['stereo_mode']!r} makes {_channels(settings)}"
        )
    duration_s = stream.num_samples / sample_rate
    folder = make_output_folder(Path(output_dir))
    given_path = None if filename is None else _path_in(folder, filename)
    free_paths = _default_paths(folder, seed)
    while True:
        wav_path = given_path or next(free_paths)
        content = _sidecar(wav_path.name, model_name, settings, seed, quality_metrics, duration_s, provenance, sections)
        data = dump_json(content).encode()
        json_path = sidecar_path(wav_path)
        try:
            with atomic_write_new(json_path, wav_path) as (json_temporary, wav_temporary):
                json_temporary.write_bytes(data)
                write_wav(wav_temporary, wav_path, stream, sample_rate, bit_depth)
                if settings.get("loop"):
                    append_loop(wav_temporary, sample_rate, Loop(0, stream.num_samples - 1))
        except OutputError as error:
            # Another process may take a default name between our look and our move; then the next one is tried.
            if given_path is None and isinstance(error.__cause__, FileExistsError):
                continue
            raise
        return wav_path, json_path


def check_destination(output_dir: Path, filename: str | None, needed_bytes: int) -> Path:
    """Make the folder of a take and prove, before the work begins, that the take can be written there.

    Raises
    ------
    InvalidNameError
        `filename` is no plain name.
    OutputError
        The folder cannot be written, `filename` exists, or the disk has no room for `needed_bytes`.
    """
    folder = make_output_folder(output_dir)
    if filename is not None:
        wav_path = _path_in(folder, filename)
        for path in (sidecar_path(wav_path), wav_path):
            if path.exists():
                raise OutputError(f"{path} exists already and is not overwritten; choose another name or remove it")
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise OutputError(
            f"{folder} has no room for this take: {needed_bytes / 1e6:.1f} MB are needed while it is made, "
            f"{free_bytes / 1e6:.1f} MB are free; free some space, or choose another folder"
        )
    return folder


def sidecar_path(wav_path: Path) -> Path:
    """Where the sidecar of `wav_path` is."""
    return wav_path.with_suffix(".json")


def _path_in(folder: Path, filename: str) -> Path:
    if filename in {"", ".", ".."} or "/" in filename or "\\" in filename or "\0" in filename:
        raise InvalidNameError(f"filename is {filename!r}; give a plain file name, and the folder as output_dir")
    return folder / (filename if Path(filename).suffix.lower() == ".wav" else f"{filename}.wav")


def _default_paths(folder: Path, seed: int) -> Iterator[Path]:
    stem = f"gen_{datetime.now(UTC):%Y%m%dT%H%M%SZ}_seed{seed}"
    names = itertools.chain([f"{stem}.wav"], (f"{stem}-{number}.wav" for number in itertools.count(2)))
    for name in names:
        path = folder / name
        if not path.exists() and not sidecar_path(path).exists():
            yield path


def _settings(generation_config: DataclassInstance | Mapping[str, Any]) -> dict[str, Any]:
    settings = (
        dict(generation_config) if isinstance(generation_config, Mapping) else dataclasses.asdict(generation_config)
    )
    for key in ("sample_rate", "bit_depth", "stereo_mode"):
        if key not in settings:
            raise InvalidConfigError(f"the generation settings lack {key!r}; hand in a whole GenerationConfig")
    check_bit_depth(settings["bit_depth"])
    return settings


def _channels(settings: Mapping[str, Any]) -> int:
    return 1 if settings["stereo_mode"] == "mono" else 2


def _sidecar(
    wav_name: str,
    model_name: str,
    generation_config: DataclassInstance | Mapping[str, Any],
    seed: int,
    quality_metrics: Mapping[str, Any],
    duration_s: float,
    provenance: Mapping[str, Any] | None,
    sections: Mapping[str, Mapping[str, Any]] | None,
) -> dict[str, Any]:
    settings = _settings(generation_config)
    content: dict[str, Any] = {
        "version": SIDECAR_VERSION,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_name": model_name,
        "seed": seed,
        "generation": settings,
        "quality": _null_for_non_finite(quality_metrics),
        "audio": {
            "file": wav_name,
            "format": "WAV",
            "sample_rate": settings["sample_rate"],
            "bit_depth": settings["bit_depth"],
            "channels": _channels(settings),
            "duration_s": duration_s,
        },
    }
    if provenance is not None:
        content["provenance"] = provenance
    for name, section in (sections or {}).items():
        if name in content or name == "provenance":
            raise InvalidConfigError(f"sections holds {name!r}, which is a key of every sidecar; give it another name")
        content[name] = _null_for_non_finite(section)
    plain: dict[str, Any] = _plain(content)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON values have no common type
    """Only what JSON knows: NumPy scalars and arrays, tuples and read-only mappings become builtins."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    return value


def _null_for_non_finite(value: Any) -> Any:  # noqa: ANN401 - JSON values have no common type
    value = _plain(value)
    if isinstance(value, dict):
        return {key: _null_for_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_null_for_non_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
