"""Variations of a take that was made: its settings, its seed, and some of its moments exchanged."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from small_dataset_audio.controls.variation_settings import check_amount
from small_dataset_audio.errors import RerenderError
from small_dataset_audio.files import sha256_file
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.sidecar_content import sidecar_beside
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library
from small_dataset_audio.models.metadata import MODEL_FILE, read_metadata
from small_dataset_audio.workflow.one_shots import ONE_SHOT_SECTION
from small_dataset_audio.workflow.pipelines import model_in_library


@dataclass(frozen=True)
class TakeVariation:
    """How to vary a take.

    Parameters
    ----------
    model : str
        Name or folder of the model to do it with.
    config : GenerationConfig
        The take's own, its seed with it, and the variation; several takes of it are several variations.
    notes : tuple of str
        Why the variations may be further from the take than asked for.
    """

    model: str
    config: GenerationConfig = field(repr=False)
    notes: tuple[str, ...] = ()


def variation_of(
    sidecar: Path,
    *,
    amount: float,
    seed: int | None = None,
    model: str | None = None,
    library: Library | None = None,
) -> TakeVariation:
    """Read a take and ask for a variation of it.

    Parameters
    ----------
    sidecar : Path
        The take's JSON, or its sound file.
    amount : float [0 to 1]
        Share of its moments that are exchanged.
    seed : int, optional
        Of the variation; drawn without one.
    model : str, optional
        Name or folder, where the model is no longer called what the sidecar says.
    library : Library, optional

    Raises
    ------
    SidecarError
        Missing, not strict JSON, of a newer version, or a key is missing.
    RerenderError
        The take was made by a pipeline of no saved model, or is a single sound that was cut out of one.
    ModelNotFoundError
        The model is not there: what the sidecar says is looked for in the library alone.
    InvalidConfigError
        The amount, the seed, or what the sidecar says.
    """
    path, library = sidecar_beside(sidecar), library or Library()
    values = read_sidecar(path)
    if model is None and values["model_name"] == "unknown":
        raise RerenderError(f"{path} names no saved model; give the one it was made with")
    if ONE_SHOT_SECTION in values:
        raise RerenderError(f"{path} is a single sound cut out of a take; vary a whole take")
    base = GenerationConfig.from_mapping({**values["generation"], "seed": values["seed"]})
    variation = check_amount(amount), secrets.randbelow(2**31) if seed is None else seed
    config = replace(base, variations=(*base.variations, variation))
    config.validate()
    folder = (
        library.find(model) if model is not None else Path(model_in_library(values["model_name"], library, "MODEL"))
    )
    metadata = read_metadata(folder)
    notes = []
    if metadata.name != values["model_name"]:
        notes.append(
            f"{path.name} was made with the model {values['model_name']}; with {metadata.name} it is another take"
        )
    elif values.get("provenance", {}).get("model_sha256") not in {None, sha256_file(folder / MODEL_FILE)}:
        notes.append(
            f"{path.name} was made with another state of the model {metadata.name}; its variations may be far from it"
        )
    return TakeVariation(str(folder.absolute()), config, tuple(notes))
