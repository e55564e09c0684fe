"""Presets of a model by its name, as every door of the program uses them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from small_dataset_audio import presets
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library
from small_dataset_audio.presets import Preset, PresetEntry


def list_presets(model: str, *, library: Library | None = None) -> tuple[PresetEntry, ...]:
    """All presets of a model, by name; those that cannot be used have a problem.

    Raises
    ------
    ModelNotFoundError, InvalidNameError
    """
    return presets.list_presets(_folder(model, library))


def read_preset(model: str, name: str, *, library: Library | None = None) -> Preset:
    """One preset of a model.

    Raises
    ------
    ModelNotFoundError, InvalidNameError
    PresetError
        There is none of that name, or its file is none.
    """
    return presets.read_preset(_folder(model, library), name)


def save_preset(
    model: str,
    name: str,
    settings: GenerationConfig | Mapping[str, Any],
    *,
    with_seed: bool = False,
    overwrite: bool = False,
    library: Library | None = None,
) -> Preset:
    """Keep settings under a name.

    Parameters
    ----------
    model : str
        Name or folder.
    name : str
    settings : GenerationConfig or mapping
        Of a whole configuration, what differs from the defaults, and the length; of a mapping, all of it.
    with_seed : bool
        Keep the seed too: then the preset is one take, and not a way of making takes.
    overwrite : bool
        Replace a preset of that name.
    library : Library, optional

    Raises
    ------
    ModelNotFoundError, InvalidNameError, InvalidConfigError, OutputError
    PresetError
        There is a preset of that name.
    """
    if isinstance(settings, GenerationConfig):
        wanted = presets.settings_of(settings, with_seed=with_seed)
    else:
        wanted = {key: value for key, value in settings.items() if key != "seed" or with_seed}
    return presets.save_preset(_folder(model, library), name, wanted, overwrite=overwrite)


def save_preset_of_take(
    model: str,
    name: str,
    sidecar: Path,
    *,
    with_seed: bool = False,
    overwrite: bool = False,
    library: Library | None = None,
) -> Preset:
    """Keep the settings of a take that was made.

    Parameters
    ----------
    model, name, with_seed, overwrite, library
        See :func:`save_preset`.
    sidecar : Path
        The take's JSON, or the take.

    Raises
    ------
    SidecarError
        It is no sidecar.
    ModelNotFoundError, InvalidNameError, InvalidConfigError, OutputError, PresetError
    """
    values = read_sidecar(sidecar if sidecar.suffix.lower() == ".json" else sidecar.with_suffix(".json"))
    config = GenerationConfig.from_mapping({**values["generation"], "seed": values["seed"]})
    return save_preset(model, name, config, with_seed=with_seed, overwrite=overwrite, library=library)


def recall_preset(
    model: str,
    name: str,
    config: GenerationConfig,
    *,
    keep: Collection[str] = (),
    library: Library | None = None,
) -> GenerationConfig:
    """Put a preset's settings into a configuration, but for the fields in `keep`, which somebody asked for.

    Raises
    ------
    ModelNotFoundError, InvalidNameError, PresetError
    InvalidConfigError
        What the preset says and what stays do not go together.
    """
    return presets.apply_settings(config, read_preset(model, name, library=library).settings, keep)


def preset_file(model: str, name: str, *, library: Library | None = None) -> Path:
    """Where a preset of this name is kept, whether there is one or not.

    Raises
    ------
    ModelNotFoundError, InvalidNameError
    """
    return presets.preset_path(_folder(model, library), name)


def rename_preset(model: str, name: str, new_name: str, *, library: Library | None = None) -> Preset:
    """Give a preset another name, never that of another one.

    Raises
    ------
    ModelNotFoundError, InvalidNameError, PresetError, OutputError
    """
    return presets.rename_preset(_folder(model, library), name, new_name)


def delete_preset(model: str, name: str, *, library: Library | None = None) -> Path:
    """Delete a preset, also one whose file is damaged; returns where it was.

    Raises
    ------
    ModelNotFoundError, InvalidNameError, PresetError, OutputError
    """
    return presets.delete_preset(_folder(model, library), name)


def _folder(model: str, library: Library | None) -> Path:
    return (library or Library()).find(model)
