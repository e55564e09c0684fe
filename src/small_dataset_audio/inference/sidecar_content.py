"""What a take's sidecar says, as strict JSON: with it and the model alone the same audio can be made again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from small_dataset_audio.errors import InvalidConfigError, InvalidNameError
from small_dataset_audio.files import dump_json, make_output_folder, write_bytes
from small_dataset_audio.inference.audio_file import check_bit_depth
from small_dataset_audio.inference.file_formats import AUDIO_SUFFIXES, FILE_FORMATS, format_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SIDECAR_VERSION: Final = 1


@dataclass(frozen=True)
class Description:
    """What is to be said of a take, but for the file that it is in.

    Parameters
    ----------
    model_name : str
    settings : mapping
        See :func:`settings_of`.
    seed : int
    quality : mapping
    duration_s : float [s]
    provenance : mapping or None
    sections : mapping of str to mapping
    """

    model_name: str
    settings: Mapping[str, Any]
    seed: int
    quality: Mapping[str, Any]
    duration_s: float
    provenance: Mapping[str, Any] | None = None
    sections: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


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
    """Write a take's sidecar beside its sound file, atomically, as strict JSON.

    Parameters
    ----------
    wav_path : str or Path
        The file it describes, a WAV unless the settings have another ``file_format``; the sidecar has the same name with
        ``.json``. The file need not exist yet.
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
        `wav_path` does not end as files of the settings' format do.
    ValueError
        A number in the settings or the provenance is not finite.
    OutputError
        The file exists already, or cannot be written; nothing is left behind.
    """
    path, settings = Path(wav_path), settings_of(generation_config)
    entry = FILE_FORMATS[settings.get("file_format", "wav")]
    if format_of(path) is not entry:
        raise InvalidNameError(
            f"{path} does not end in {entry.suffix}; this take is a {entry.container} file, so give it that suffix"
        )
    description = Description(model_name, settings, seed, quality_metrics, duration_s, provenance, sections or {})
    data = dump_json(sidecar_content(path.name, description)).encode()
    make_output_folder(path.parent)
    json_path = sidecar_path(path)
    write_bytes(json_path, data, overwrite=False)
    return json_path


def sidecar_path(audio_path: Path) -> Path:
    """Where the sidecar of a take is; of one that is given already, itself."""
    return audio_path.with_suffix(".json")


def sidecar_beside(path: Path) -> Path:
    """The sidecar that `path` is, or that lies beside the take that it is."""
    return sidecar_path(path) if path.suffix.lower() in AUDIO_SUFFIXES else path


def settings_of(generation_config: DataclassInstance | Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a sidecar has them.

    Raises
    ------
    InvalidConfigError
        They lack a key, or hold a bit depth or a format that does not exist.
    """
    settings = (
        dict(generation_config) if isinstance(generation_config, Mapping) else dataclasses.asdict(generation_config)
    )
    for key in ("sample_rate", "bit_depth", "stereo_mode"):
        if key not in settings:
            raise InvalidConfigError(f"the generation settings lack {key!r}; hand in a whole GenerationConfig")
    check_bit_depth(settings["bit_depth"])
    if settings.get("file_format", "wav") not in FILE_FORMATS:
        raise InvalidConfigError(
            f"file_format is {settings['file_format']!r}; it must be one of {', '.join(FILE_FORMATS)}"
        )
    return settings


def channels_of(settings: Mapping[str, Any]) -> int:
    """Channels that settings ask for."""
    return 1 if settings["stereo_mode"] == "mono" else 2


def sidecar_content(
    file_name: str, description: Description, *, gain_db: float = 0.0, file_sha256: str | None = None
) -> dict[str, Any]:
    """Put the content of a sidecar together.

    Parameters
    ----------
    file_name : str
    description : Description
    gain_db : float [dB]
        How much lower than the take a lossy file was encoded; told where it is not 0.
    file_sha256 : str, optional
        Hex SHA-256 of the file; stands in the provenance, where there is one.

    Raises
    ------
    InvalidConfigError
        A section has the name of a sidecar's own key.
    """
    settings, provenance = description.settings, description.provenance
    entry = FILE_FORMATS[settings.get("file_format", "wav")]
    content: dict[str, Any] = {
        "version": SIDECAR_VERSION,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_name": description.model_name,
        "seed": description.seed,
        "generation": settings,
        "quality": _null_for_non_finite(description.quality),
        "audio": {
            "file": file_name,
            "format": entry.container,
            "sample_rate": settings["sample_rate"],
            "bit_depth": entry.depth_in_file(settings["bit_depth"]),
            "channels": channels_of(settings),
            "duration_s": description.duration_s,
            **({"encoding": entry.quality, "gain_db": gain_db} if entry.is_lossy else {}),
        },
    }
    if provenance is not None:
        content["provenance"] = provenance if file_sha256 is None else {**provenance, "file_sha256": file_sha256}
    for name, section in description.sections.items():
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
