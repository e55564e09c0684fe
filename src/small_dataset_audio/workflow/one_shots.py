"""Single sounds of a model, each in a file of its own, with a sidecar that makes the same bits again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.evaluation.takes import TakeEvaluation
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.history import History
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.inference.export import check_destination, numbered_names
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.inference.pieces import stream_of
from small_dataset_audio.inference.provenance import audio_sha256
from small_dataset_audio.inference.quality import compute_quality_score
from small_dataset_audio.inference.results import GenerationResult
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.workflow.generate import DEFAULT_OUTPUT, Judge
from small_dataset_audio.workflow.hit_search import OnSearch, check_hits, most_different, search_hits
from small_dataset_audio.workflow.pipelines import ModelPipeline, bring_partner
from small_dataset_audio.workflow.recording import record_take

ONE_SHOT_SECTION: Final = "one_shot"


@dataclass(frozen=True)
class OneShot:
    """A written sound.

    Parameters
    ----------
    audio_path, json_path : Path
    cut : Cut
        Its place in its take.
    seed : int
        Of its take.
    duration_s : float [s]
    quality : dict
    evaluation : TakeEvaluation or None
    audio_sha256 : str
    history_id : int or None
    warnings : tuple of str
    """

    audio_path: Path
    json_path: Path
    cut: Cut
    seed: int
    duration_s: float
    quality: dict[str, Any] = field(repr=False)
    evaluation: TakeEvaluation | None = field(repr=False)
    audio_sha256: str
    history_id: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class OneShots:
    """All that were written.

    Parameters
    ----------
    shots : tuple of OneShot
    wanted : int
    num_takes : int
        That were searched for them.
    is_by_rise : bool
        Whether the takes have hardly any attacks, so that these are swells.
    """

    shots: tuple[OneShot, ...]
    wanted: int
    num_takes: int
    is_by_rise: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever asked for them should know, in whole sentences."""
        return tuple(describe_search(len(self.shots), self.wanted, self.num_takes, is_by_rise=self.is_by_rise))


def make_one_shots(
    pipeline: GenerationPipeline,
    config: GenerationConfig,
    count: int,
    *,
    output_dir: Path | None = None,
    filename: str | None = None,
    evaluate: bool = True,
    record: bool = True,
    on_progress: OnSearch | None = None,
) -> OneShots:
    """Cut single sounds out of new takes and write each; fewer than asked for where there are no more good ones.

    Parameters
    ----------
    pipeline : GenerationPipeline
    config : GenerationConfig
        Of the takes they are cut from; at most a minute long.
    count : int [1 to 128]
    output_dir : Path, optional
        ``data/generated/{model_name}`` without one.
    filename : str, optional
        A plain name; several have numbers behind it. By seed and place without one.
    evaluate, record : bool
        As for :func:`~small_dataset_audio.workflow.generate_takes`.
    on_progress : callable, optional

    Returns
    -------
    OneShots

    Raises
    ------
    InvalidConfigError
        Before any work: a setting or the count.
    NothingFoundError
        The takes hold no single sound at all.
    OutputError
        Before any work: the folder cannot be written, or a file of a name that was given is there already; or later, the
        disk is full.
    """
    check_hits(config, count, "one_shots")
    names = numbered_names(filename, config.file_format, count)
    folder = make_output_folder(output_dir or DEFAULT_OUTPUT / safe_folder_name(pipeline.model_name))
    for name in names:
        check_destination(folder, name, 0, config.file_format)
    bring_partner(pipeline, config)
    search = search_hits(pipeline, config, count, on_progress=on_progress)
    judge = Judge(
        pipeline.reference_for(config) if evaluate and isinstance(pipeline, ModelPipeline) else None, config.sample_rate
    )
    shots = []
    for hit, given in zip(most_different(search.hits, count), names, strict=False):
        name = given or _free_name(folder, hit.take, hit.cut)
        shot = write_shot(pipeline, hit.take, hit.audio, hit.cut, folder, name, judge)
        shots.append(_recorded(shot, pipeline) if record else shot)
    return OneShots(tuple(shots), count, search.num_takes, search.is_by_rise)


def describe_search(found: int, wanted: int, num_takes: int, *, is_by_rise: bool) -> Iterator[str]:
    """Say what came of a search, where that is not simply what was asked for."""
    if is_by_rise:
        yield "hardly any attacks in these takes: instead of hits, swells are cut out, from one dip of the level to the next"
    if found < wanted:
        yield f"{found} of {wanted} one-shots: there are no more clean and different ones in {num_takes} takes"


def write_shot(
    pipeline: GenerationPipeline,
    take: GenerationResult,
    audio: NDArray[np.float32],
    cut: Cut,
    folder: Path,
    filename: str,
    judge: Judge,
) -> OneShot:
    """Write one sound with the sidecar of its take and its place in it.

    Parameters
    ----------
    take : GenerationResult
        Its samples are not looked at.
    audio : ndarray [shape=(samples,) or (2, samples), float32]
    """
    appraisal = judge(stream_of(np.atleast_2d(audio)), compute_quality_score(audio, take.sample_rate))
    duration_s = cut.num_samples / take.sample_rate
    result = replace(take, audio=audio, quality=dict(appraisal.quality), duration_s=duration_s)
    audio_path, json_path = pipeline.export(
        result,
        folder,
        filename,
        sections={ONE_SHOT_SECTION: cut.to_json(), **appraisal.sections},
        sampler_notes=cut.sampler_notes,
    )
    return OneShot(
        audio_path, json_path, cut, take.seed_used, duration_s, result.quality, judge.last, audio_sha256(audio)
    )


def remake_shot(
    pipeline: GenerationPipeline, config: GenerationConfig, values: object, folder: Path, filename: str, judge: Judge
) -> OneShot:
    """Make a take again, and cut out of it what a sidecar says.

    Parameters
    ----------
    values : object
        The sidecar's ``one_shot``.

    Raises
    ------
    SidecarError
        That is no place in this take; before any work.
    """
    cut = Cut.from_mapping(values, config.num_samples)
    check_hits(config, 1, "one_shots")
    take = pipeline.generate(config)
    return write_shot(pipeline, take, np.ascontiguousarray(cut.apply(take.audio)), cut, folder, filename, judge)


def _free_name(folder: Path, take: GenerationResult, cut: Cut) -> str:
    """Name a sound by its take's seed and its place, which are the same only for the same sound."""
    stem = f"shot_seed{take.seed_used}_{1000 * cut.first // take.sample_rate:05d}ms"
    suffix = FILE_FORMATS[take.config.file_format].suffix
    candidate, number = f"{stem}{suffix}", 1
    while any((folder / candidate).with_suffix(taken).exists() for taken in (suffix, ".json")):
        number += 1
        candidate = f"{stem}-{number}{suffix}"
    return candidate


def _recorded(shot: OneShot, pipeline: GenerationPipeline) -> OneShot:
    if not isinstance(pipeline, ModelPipeline) or pipeline.home is None:
        return shot
    recorded = record_take(History(pipeline.home), shot.audio_path, shot.json_path, None)
    return replace(shot, history_id=recorded.id, warnings=(recorded.warning,) if recorded.warning else ())
