"""A take is made again from its sidecar and its model, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from small_dataset_audio.errors import RerenderError
from small_dataset_audio.files import make_output_folder, sha256_file
from small_dataset_audio.history import History
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.inference.results import TakeSummary
from small_dataset_audio.inference.sidecar_content import sidecar_beside
from small_dataset_audio.inference.sidecars import read_sidecar
from small_dataset_audio.library import Library
from small_dataset_audio.workflow.generate import Judge
from small_dataset_audio.workflow.one_shots import ONE_SHOT_SECTION, OneShot, remake_shot
from small_dataset_audio.workflow.pipelines import ModelPipeline, load_pipeline, model_in_library
from small_dataset_audio.workflow.recording import recorded_again


@dataclass(frozen=True)
class RerenderReport:
    """What came out.

    Parameters
    ----------
    wav_path, json_path : Path
        The new take.
    identical : bool or None
        Whether its samples are bit for bit those of the first take; None where the sidecar holds no hash to compare with.
    same_file : bool or None
        Whether the file is the first one byte for byte too: of a lossy format that is to say that the encoder is the same one.
        None where the sidecar holds no hash of it.
    differences : tuple of str
        What is not as it was: the model, a library, the machine; or a setting that the first take's release did not have.
        Bits may be the same all the same.
    warnings : tuple of str
        What did not go as it should, though the take is whole: the history could not be written, say.
    """

    wav_path: Path
    json_path: Path
    identical: bool | None
    differences: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    same_file: bool | None = None


def rerender(
    sidecar: Path,
    *,
    model: str | None = None,
    blend: str | None = None,
    output_dir: Path | None = None,
    device: str = "auto",
    library: Library | None = None,
    on_progress: Callable[[float, float], None] | None = None,
) -> RerenderReport:
    """Make a take again.

    Parameters
    ----------
    sidecar : Path
        The take's JSON, or its sound file.
    model : str, optional
        Name or folder, where the model is no longer called what the sidecar says.
    blend : str, optional
        The same of the model that was blended in.
    output_dir : Path, optional
        The sidecar's own folder without one; the new take is called ``{name}_rerender``, in the format of the first.
    device : {"auto", "cpu", "cuda", "mps"}
    library : Library, optional
    on_progress : callable, optional
        Called with how far it is and how far it goes, in seconds of the take.

    Returns
    -------
    RerenderReport

    Raises
    ------
    SidecarError
        Missing, not strict JSON, of a newer version, or a key is missing.
    RerenderError
        The take was made by a pipeline of no saved model.
    ModelNotFoundError
        The model is not there: what the sidecar says is looked for in the library alone, `model` wherever it may be.
    """
    path = sidecar_beside(sidecar)
    values = read_sidecar(path)
    if model is None and values["model_name"] == "unknown":
        raise RerenderError(f"{path} names no saved model; give the one it was made with as --model")
    config = replace(GenerationConfig.from_mapping(values["generation"]), seed=values["seed"])
    config.validate()
    library = library or Library()
    # What the user says may be a path. What a sidecar says is a name in the library, wherever else it might lead.
    chosen = model or model_in_library(values["model_name"], library, "--model")
    if config.blend_model is None and blend is not None:
        raise RerenderError(f"{path} is a take of one model; leave --blend out")
    second = None if config.blend_model is None else blend or model_in_library(config.blend_model, library, "--blend")
    folder = make_output_folder(output_dir or path.parent)
    pipeline = load_pipeline(chosen, device=device, library=library, blend=second)
    if pipeline.partner is not None:
        config = replace(config, blend_model=pipeline.partner.model_name)
    # Its sidecar says as much of the new take as the first one did of the first.
    judge = Judge(pipeline.reference_for(config) if "evaluation" in values else None, config.sample_rate)
    filename = _free_filename(folder, path.stem, FILE_FORMATS[config.file_format].suffix)
    made: TakeSummary | OneShot
    if ONE_SHOT_SECTION in values:
        made = remake_shot(pipeline, config, values[ONE_SHOT_SECTION], folder, filename, judge)
        wav_path, json_path = made.audio_path, made.json_path
    else:
        wav_path, json_path, made = pipeline.render_to_file(
            config, folder, filename, appraise=judge, on_progress=on_progress
        )

    warning = recorded_again(History(library.root), wav_path, json_path)
    provenance = values.get("provenance", {})
    recorded = provenance.get("audio_sha256")
    return RerenderReport(
        wav_path=wav_path,
        json_path=json_path,
        identical=None if recorded is None else made.audio_sha256 == recorded,
        differences=(*_new_settings(values["generation"]), *_differences(provenance, pipeline)),
        warnings=(warning,) if warning else (),
        same_file=None
        if (file_sha256 := provenance.get("file_sha256")) is None
        else sha256_file(wav_path) == file_sha256,
    )


def _free_filename(folder: Path, stem: str, suffix: str) -> str:
    candidate, number = f"{stem}_rerender{suffix}", 1
    while (folder / candidate).exists() or (folder / candidate).with_suffix(".json").exists():
        number += 1
        candidate = f"{stem}_rerender-{number}{suffix}"
    return candidate


def _new_settings(then: Mapping[str, Any]) -> Iterator[str]:
    """Name the settings that an older release did not have: its takes are made again with their defaults."""
    for setting in fields(GenerationConfig):
        if setting.name not in then:
            yield f"{setting.name}: no such setting then, {setting.default!r} now"


def _differences(then: Mapping[str, Any], pipeline: ModelPipeline) -> list[str]:
    now, blend = pipeline.provenance, then.get("blend")
    pairs = [("the model", then.get("model_sha256"), now.get("model_sha256"))]
    if pipeline.partner is not None and isinstance(blend, dict):
        pairs.append(
            ("the model blended in", blend.get("model_sha256"), pipeline.partner.provenance.get("model_sha256"))
        )
    # A preview is made by a model that is not saved yet, and has no hash.
    found = [
        f"{what}: {str(model_then)[:12] or 'not saved'} then, {str(model_now)[:12]} now"
        for what, model_then, model_now in pairs
        if model_then is not None and model_then != model_now
    ]
    before = then.get("environment", {})
    for key, value in now.get("environment", {}).items():
        if key in before and before[key] != value:
            found.append(f"{key}: {before[key]} then, {value} now")
    return found
