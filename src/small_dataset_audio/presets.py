"""Presets: settings of a take under a name, one small JSON each, in the folder of the model that they are for.

::

    NAME/presets/slow drift.json
      {"version": 1, "name": "slow drift", "settings": {"duration_s": 30.0, "stereo_mode": "corpus"}}

A preset holds some of the settings of a :class:`~small_dataset_audio.inference.GenerationConfig`; the others stay as they are.
The folder is no part of what a training writes, so presets outlive another training of their model, and they go with it where
it is exported. They may come from anywhere: what is read is bounded and checked as a whole, and nothing in it is a path.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from small_dataset_audio.errors import (
    InvalidConfigError,
    InvalidNameError,
    OutputError,
    PresetError,
    SidecarError,
)
from small_dataset_audio.files import dump_json, make_output_folder, parse_json, remove_file, write_json
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.names import one_line, quoted, resolve_inside, safe_folder_name

PRESET_FOLDER: Final = "presets"
MAX_PRESETS: Final = 1000

_VERSION: Final = 1
_MAX_BYTES: Final = 64_000
_MAX_NAME_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Preset:
    """Settings under a name.

    Parameters
    ----------
    name : str
        As its maker wrote it.
    settings : mapping
        Some of the fields of a GenerationConfig, as JSON has them.
    path : Path
    """

    name: str
    settings: Mapping[str, Any]
    path: Path


@dataclass(frozen=True)
class PresetEntry:
    """A file among the presets of a model.

    Parameters
    ----------
    name : str
    preset : Preset or None
        None where the file is no preset.
    problem : str
        Why, in one line; empty for a usable preset.
    """

    name: str
    preset: Preset | None = field(repr=False)
    problem: str = ""


@read_from_json
class _Page(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    name: str
    settings: dict[str, Any]


def settings_of(config: GenerationConfig, *, with_seed: bool = False) -> dict[str, Any]:
    """Settings that a preset of a whole configuration holds: those that differ from the defaults, and the length.

    The length is always among them, since the doors of the program have defaults of their own for it.
    """
    defaults = dataclasses.asdict(GenerationConfig())
    wanted = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if name != "seed" and (name == "duration_s" or value != defaults[name])
    }
    if with_seed and config.seed is not None:
        wanted["seed"] = config.seed
    return _as_json(wanted)


def apply_settings(
    config: GenerationConfig, settings: Mapping[str, Any], keep: Collection[str] = ()
) -> GenerationConfig:
    """Put the settings of a preset into a configuration.

    Parameters
    ----------
    config : GenerationConfig
    settings : mapping
    keep : collection of str
        Fields that stay as `config` has them, since somebody asked for just that.

    Raises
    ------
    InvalidConfigError
        They do not go together; names the field, its value, and the rule.
    """
    recalled = {name: value for name, value in settings.items() if name not in keep}
    return GenerationConfig.from_mapping({**_as_json(dataclasses.asdict(config)), **recalled})


def save_preset(folder: Path, name: str, settings: Mapping[str, Any], *, overwrite: bool = False) -> Preset:
    """Write a preset into the folder of a model.

    Raises
    ------
    InvalidNameError
        The name cannot be used.
    InvalidConfigError
        A key that is no setting, or a value that is not allowed.
    PresetError
        There is a preset of that name and `overwrite` is False, or there are too many.
    OutputError
        The folder cannot be written.
    """
    path = preset_path(folder, name)
    check_settings(settings)
    make_output_folder(path.parent)
    if not path.exists() and len(_files(folder)) >= MAX_PRESETS:
        raise PresetError(f"{path.parent} holds {MAX_PRESETS} presets, which is the most; delete some")
    preset = Preset(name.strip(), _as_json(settings), path)
    try:
        page = {"version": _VERSION, "name": preset.name, "settings": preset.settings}
        write_json(path, page, overwrite=overwrite)
    except OutputError as error:
        raise _taken(name, error) from error
    return preset


def read_preset(folder: Path, name: str) -> Preset:
    """Read a preset of a model by its name.

    Raises
    ------
    InvalidNameError
        The name cannot be used.
    PresetError
        There is none of that name, or its file is none: the message names the file, the key and the rule.
    """
    path = preset_path(folder, name)
    if not path.exists():
        names = ", ".join(entry.name for entry in list_presets(folder)) or "none yet"
        raise PresetError(f"no preset {quoted(name)}; this model has: {names}")
    return read_preset_file(path)


def read_preset_file(path: Path) -> Preset:
    """Read a preset's file, whoever wrote it.

    Raises
    ------
    PresetError
        See :func:`read_preset`.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise PresetError(f"{path} is no plain file; remove it")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise PresetError(f"{path} is over {_MAX_BYTES // 1000} kB, which no preset is; remove it")
        page = msgspec.convert(parse_json(data.decode(), source=str(path)), _Page)
        if page.version != _VERSION:
            raise PresetError(f"{path}: version is {quoted(page.version)}; this release reads {_VERSION}")
        _check_name(page.name)
        check_settings(page.settings)
    except OSError as error:
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"{path} cannot be read ({error.strerror}); see to its permissions") from error
    except UnicodeError as error:  # or half of a surrogate pair was escaped, where msgspec expects a number
        raise PresetError(f"{path} is not UTF-8 text; save the preset again") from error
    except SidecarError as error:
        reason = str(error).partition(" is no sidecar: ")[2].rpartition("; give ")[0]
        raise PresetError(f"{path} is no preset: {reason}; save it again") from error
    except (msgspec.ValidationError, InvalidConfigError, InvalidNameError) as error:
        raise PresetError(f"{path}: {one_line(str(error))}; correct it, or save the preset again") from error
    return Preset(page.name, page.settings, path)


def list_presets(folder: Path) -> tuple[PresetEntry, ...]:
    """All presets of a model, by name; a file that is none has its problem, and stops nothing."""
    entries = []
    for path in _files(folder)[:MAX_PRESETS]:
        try:
            preset = read_preset_file(path)
        except PresetError as error:
            entries.append(PresetEntry(path.stem, None, str(error)))
        else:
            entries.append(PresetEntry(preset.name, preset))
    return tuple(sorted(entries, key=lambda entry: entry.name.casefold()))


def rename_preset(folder: Path, name: str, new_name: str) -> Preset:
    """Give a preset another name, never that of another one.

    Raises
    ------
    InvalidNameError, PresetError, OutputError
    """
    preset = read_preset(folder, name)
    target = preset_path(folder, new_name)
    if target == preset.path:
        return save_preset(folder, new_name, preset.settings, overwrite=True)
    renamed = save_preset(folder, new_name, preset.settings)
    remove_file(preset.path)
    return renamed


def delete_preset(folder: Path, name: str) -> Path:
    """Delete a preset, also one whose file is damaged; returns where it was.

    Raises
    ------
    InvalidNameError, PresetError, OutputError
    """
    path = preset_path(folder, name)
    if not path.is_file():
        read_preset(folder, name)  # says which there are
    remove_file(path)
    return path


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check settings by themselves: each is one, and with the defaults for all others they go together.

    Raises
    ------
    InvalidConfigError
        Names the field, its value, and the rule.
    """
    GenerationConfig.from_mapping(settings)


def preset_path(folder: Path, name: str) -> Path:
    """Where a preset of this name is in the folder of a model.

    Raises
    ------
    InvalidNameError
        The name would lead elsewhere, is empty, or too long.
    """
    _check_name(name)
    resolve_inside(folder, PRESET_FOLDER)
    return folder / PRESET_FOLDER / f"{safe_folder_name(name)}.json"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / PRESET_FOLDER).glob("*.json") if not path.name.startswith("."))


def _check_name(name: str) -> None:
    if len(name) > _MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidNameError(
            f"{quoted(name)} is not a usable name; give at most {_MAX_NAME_CHARACTERS} letters without control characters"
        )
    safe_folder_name(name)


def _taken(name: str, error: OutputError) -> Exception:
    if isinstance(error.__cause__, FileExistsError):
        return PresetError(f"a preset {quoted(name)} exists already; overwrite it, or choose another name")
    return error


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a file has them: tuples become lists, and nothing is shared with the configuration."""
    plain: dict[str, Any] = json.loads(dump_json(values))
    return plain
