"""A folder that a sampler opens: single sounds of a model, and the SFZ files that lay them on keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from small_dataset_audio._version import __version__
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.pitch import find_pitch
from small_dataset_audio.controls.sustain import find_sustain
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import write_bytes, write_json
from small_dataset_audio.folders import atomic_folder
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.cutting import Cut
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.inference.sfz import SfzKey, SfzSample, write_sfz
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.workflow.generate import DEFAULT_OUTPUT, Judge
from small_dataset_audio.workflow.hit_search import (
    FoundHit,
    HitSearch,
    OnSearch,
    check_hits,
    draw_seed,
    mono_at_48k,
    search_hits,
)
from small_dataset_audio.workflow.kit_files import KIT_FILE, KIT_VERSION, SAMPLES_FOLDER
from small_dataset_audio.workflow.kit_groups import group_hits
from small_dataset_audio.workflow.one_shots import OneShot, describe_search, write_shot

DEFAULT_HITS: Final = 24
DEFAULT_ROUND_ROBINS: Final = 3
MOST_ROUND_ROBINS: Final = 16

_FIRST_KEY: Final = 36  # where drums begin
_LAST_KEY: Final = 127
_KEYS_BEYOND: Final = 24  # that the lowest and the highest root are transposed by at most


@dataclass(frozen=True)
class KitSample:
    """A sound of a kit.

    Parameters
    ----------
    key : int [0 to 127, MIDI note]
        That plays it as it is.
    position : int [1 or more]
        Its turn on that key.
    shot : OneShot
    """

    key: int
    position: int
    shot: OneShot


@dataclass(frozen=True)
class Kit:
    """A written kit.

    Parameters
    ----------
    folder : Path
    sfz_path : Path
        Every sound on a key of its own, or in turns with those that are like it.
    keys_sfz_path : Path or None
        The sounds with a clear pitch, laid over the keyboard; None where there is none.
    json_path : Path
    samples : tuple of KitSample
    notes : tuple of str
        What whoever asked for it should know.
    """

    folder: Path
    sfz_path: Path
    keys_sfz_path: Path | None
    json_path: Path
    samples: tuple[KitSample, ...] = field(repr=False)
    notes: tuple[str, ...] = ()


def make_kit(
    pipeline: GenerationPipeline,
    config: GenerationConfig,
    *,
    hits: int = DEFAULT_HITS,
    round_robins: int = DEFAULT_ROUND_ROBINS,
    folder: Path | None = None,
    on_progress: OnSearch | None = None,
) -> Kit:
    """Make a kit: all of it, or nothing under its name.

    Parameters
    ----------
    pipeline : GenerationPipeline
    config : GenerationConfig
        Of the takes that its sounds are cut from; at most a minute long.
    hits : int [1 to 128]
        Sounds in all; fewer come where there are no more good ones.
    round_robins : int [1 to 16]
        At most so many take turns on a key.
    folder : Path, optional
        Must not exist; ``data/generated/{model_name}/kit_seed{seed}`` without one.
    on_progress : callable, optional

    Returns
    -------
    Kit
        The same bits for the same seed: its sounds and its SFZ files.

    Raises
    ------
    InvalidConfigError
        Before any work: a setting or a count.
    NothingFoundError
        The takes hold no single sound at all.
    OutputError
        Before any work: the folder exists or cannot be made; or later, the disk is full.
    """
    check_kit(config, hits, round_robins)
    if config.seed is None:
        config = replace(config, seed=draw_seed())
    path = folder or _free_folder(DEFAULT_OUTPUT / safe_folder_name(pipeline.model_name), f"kit_seed{config.seed}")
    with atomic_folder(path) as temporary:
        search = search_hits(pipeline, config, hits, on_progress=on_progress)
        samples = _write_samples(
            pipeline, group_hits(search.hits, hits, round_robins), temporary / SAMPLES_FOLDER, config
        )
        notes = tuple(describe_search(len(samples), hits, search.num_takes, is_by_rise=search.is_by_rise))
        keys_name = f"{path.name} keys.sfz" if any(sample.shot.cut.root_key is not None for sample in samples) else None
        title = f"{pipeline.model_name}, seed {config.seed}, made with sda {__version__}"
        _write_text(temporary / f"{path.name}.sfz", write_sfz(_on_keys(samples), title))
        if keys_name is not None:
            _write_text(temporary / keys_name, write_sfz(_over_keys(samples), f"{title}: what has a clear pitch"))
        content = _content(pipeline, config, search, samples, notes)
        write_json(temporary / KIT_FILE, {**content, "hits": hits, "round_robins": round_robins})
    return Kit(
        folder=path,
        sfz_path=path / f"{path.name}.sfz",
        keys_sfz_path=None if keys_name is None else path / keys_name,
        json_path=path / KIT_FILE,
        samples=tuple(_moved(sample, path / SAMPLES_FOLDER) for sample in samples),
        notes=notes,
    )


def check_kit(config: GenerationConfig, hits: int, round_robins: int) -> None:
    """Check what is asked for, before a model is loaded.

    Raises
    ------
    InvalidConfigError
    """
    check_hits(config, hits, "hits")
    if not 1 <= round_robins <= MOST_ROUND_ROBINS:
        raise InvalidConfigError(f"round_robins is {round_robins}; it must be from 1 to {MOST_ROUND_ROBINS}")
    if config.file_format != "wav":
        raise InvalidConfigError(
            f"file_format is {config.file_format!r}; a kit holds WAV files, which hold loop points"
        )


def _write_samples(
    pipeline: GenerationPipeline, groups: Sequence[Sequence[FoundHit]], folder: Path, config: GenerationConfig
) -> list[KitSample]:
    judge = Judge(None, config.sample_rate)
    first_key = min(_FIRST_KEY, _LAST_KEY + 1 - len(groups))
    samples = []
    for key, group in enumerate(groups, start=first_key):
        for position, hit in enumerate(group, start=1):
            cut = _heard(hit)
            audio = replace(cut, first=0).apply(hit.raw)
            name = f"{key:03d}_{position}.wav"
            samples.append(KitSample(key, position, write_shot(pipeline, hit.take, audio, cut, folder, name, judge)))
    return samples


def _heard(hit: FoundHit) -> Cut:
    """Add to a cut where it can be held, and its pitch where that is clear."""
    cut, ratio = hit.cut, hit.take.sample_rate / SAMPLE_RATE
    sound = mono_at_48k(hit.audio, hit.take.sample_rate)
    sustain, pitch = find_sustain(sound), find_pitch(sound)
    if sustain is not None:
        first, end = round(sustain.first * ratio), round((sustain.last + 1) * ratio)
        fade = min(round(sustain.fade * ratio), first, end - first)
        cut = replace(cut, loop_first=first, loop_last=min(end, cut.num_samples) - 1, loop_fade=fade)
    if pitch is not None:
        cut = replace(cut, root_key=pitch.key, root_cents=pitch.cents)
    return cut


def _on_keys(samples: Sequence[KitSample]) -> list[SfzKey]:
    """Each key with its sounds in turns, as they are."""
    keys = []
    for key in sorted({sample.key for sample in samples}):
        turns = [_sfz_sample(sample) for sample in samples if sample.key == key]
        keys.append(SfzKey(key, key, turns, follows_keys=False, label=f"key {key}"))
    return keys


def _over_keys(samples: Sequence[KitSample]) -> list[SfzKey]:
    """Of each root key the sound that is held, or is longest; each from half way to the root below to half way to the next."""
    best: dict[int, KitSample] = {}
    for sample in samples:
        root = sample.shot.cut.root_key
        if root is not None and (root not in best or _holds(sample) > _holds(best[root])):
            best[root] = sample
    roots = sorted(best)
    bounds = [(low + high) // 2 + 1 for low, high in itertools.pairwise(roots)]
    lowest = [max(roots[0] - _KEYS_BEYOND, 0), *bounds]
    highest = [*(bound - 1 for bound in bounds), min(roots[-1] + _KEYS_BEYOND, _LAST_KEY)]
    return [
        SfzKey(low, high, [_sfz_sample(best[root])], follows_keys=True, label=f"root key {root}")
        for low, high, root in zip(lowest, highest, roots, strict=True)
    ]


def _holds(sample: KitSample) -> tuple[bool, float]:
    return sample.shot.cut.loop_first is not None, sample.shot.duration_s


def _sfz_sample(sample: KitSample) -> SfzSample:
    return SfzSample(f"{SAMPLES_FOLDER}/{sample.shot.audio_path.name}", sample.shot.cut)


def _content(
    pipeline: GenerationPipeline,
    config: GenerationConfig,
    search: HitSearch,
    samples: Sequence[KitSample],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What a script may want to know of a kit; of each sound, its own sidecar says how it is made again."""
    return {
        "version": KIT_VERSION,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_name": pipeline.model_name,
        "seed": config.seed,
        "settings": asdict(config),  # not "generation", or this would pass for the sidecar of a take
        "num_takes": search.num_takes,
        "notes": list(notes),
        "samples": [_described(sample) for sample in samples],
    }


def _described(sample: KitSample) -> dict[str, Any]:
    shot, cut = sample.shot, sample.shot.cut
    return {
        "file": f"{SAMPLES_FOLDER}/{shot.audio_path.name}",
        "key": sample.key,
        "position": sample.position,
        "duration_s": shot.duration_s,
        "root_key": cut.root_key,
        "root_cents": cut.root_cents if cut.root_key is not None else None,
        "loop": None if cut.loop_first is None else [cut.loop_first, cut.loop_last],
        "seed": shot.seed,
        "first_s": cut.first / round(cut.num_samples / shot.duration_s),
        "audio_sha256": shot.audio_sha256,
    }


def _moved(sample: KitSample, folder: Path) -> KitSample:
    shot = sample.shot
    audio_path, json_path = folder / shot.audio_path.name, folder / shot.json_path.name
    return replace(sample, shot=replace(shot, audio_path=audio_path, json_path=json_path))


def _write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("ascii"))


def _free_folder(parent: Path, name: str) -> Path:
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in (parent / free for free in names) if not path.exists())
