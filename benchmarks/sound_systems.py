"""The systems that the sound benchmark compares, each trained and heard in a process of its own.

    python sound_systems.py '{"task": "train", "system": "plain", ...}'

prints its figures as one line of JSON. Peak memory is then that of one system at one task. Real-time factor is wall seconds for
each second of audio, without loading, after a warm-up take: the median over the takes. What a system does before it can make
takes is its ready time: loading, or, of the systems that are not trained, all their work. The folder ``home`` of a task takes
the model, and the takes in a folder for each system: *novel* is *ours* with another setting, and generates from the model that
ours has trained there.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from machine import peak_mb
from measures.clips import read_folder
from measures.logmel import RATE_HZ
from numpy.typing import NDArray

WARM_UP_S = 1.0
MODEL_NAME = "sound"
PLAIN_FILE = "plain.safetensors"

Figures = dict[str, Any]
MakeTake = Callable[[float, int], NDArray[np.float32]]


def work(task: dict[str, Any]) -> Figures:
    """Do one task.

    Parameters
    ----------
    task : dict
        ``task`` ("train" or "generate"), ``system``, and the folders ``home`` and ``corpus``; to train ``budget_s``, to
        generate ``takes`` and ``take_s``. Only ours and plain are trained.
    """
    return _train(task) if task["task"] == "train" else _generate(task)


def takes_folder(home: str, system: str) -> Path:
    """Folder that a system's takes are in, one WAV for each seed."""
    return Path(home) / "takes" / system


def _train(task: dict[str, Any]) -> Figures:
    return _TRAINERS[task["system"]](task)


def _generate(task: dict[str, Any]) -> Figures:
    started = time.perf_counter()
    make = _MAKERS[task["system"]](task)
    ready_s = time.perf_counter() - started
    folder = takes_folder(task["home"], task["system"])
    folder.mkdir(parents=True)
    make(WARM_UP_S, task["takes"])  # a seed that no take has
    walls_s = []
    for seed in range(task["takes"]):
        started = time.perf_counter()
        take = make(task["take_s"], seed)
        walls_s.append(time.perf_counter() - started)
        sf.write(folder / f"seed {seed:03d}.wav", take, RATE_HZ, subtype="FLOAT")
    factor = statistics.median(walls_s) / task["take_s"]
    return {"ready_s": ready_s, "real_time_factor": factor, "generation_peak_mb": peak_mb()}


def _train_ours(task: dict[str, Any]) -> Figures:
    from small_dataset_audio.library import Library
    from small_dataset_audio.workflow import ModelSaved, TrainRequest, train_corpus

    started = time.perf_counter()
    request = TrainRequest(Path(task["corpus"]), MODEL_NAME, budget_s=task["budget_s"])
    events = list(train_corpus(request, Library(Path(task["home"]))))
    wall_s = time.perf_counter() - started
    saved = events[-1]
    if not isinstance(saved, ModelSaved):
        raise TypeError(f"the last event of a training is {type(saved).__name__}; it must be ModelSaved")
    entry = saved.bundle.metadata.training
    return {
        "training_s": wall_s,
        "steps": entry.steps,
        "stop_reason": entry.stop_reason,
        "training_peak_mb": peak_mb(),
    }


def _train_plain(task: dict[str, Any]) -> Figures:
    import plain_recipe

    started = time.perf_counter()
    recordings = _at_48_khz(task)
    model = plain_recipe.train(recordings, task["budget_s"] - (time.perf_counter() - started))
    plain_recipe.save(model, Path(task["home"]) / PLAIN_FILE)
    wall_s = time.perf_counter() - started
    return {"training_s": wall_s, "steps": model.steps, "stop_reason": "budget", "training_peak_mb": peak_mb()}


def _ours(task: dict[str, Any], model: str = MODEL_NAME, **settings: str) -> MakeTake:
    from small_dataset_audio.inference import GenerationConfig
    from small_dataset_audio.library import Library
    from small_dataset_audio.workflow import load_pipeline

    pipeline = load_pipeline(model, library=Library(Path(task["home"])))

    def make(duration_s: float, seed: int) -> NDArray[np.float32]:
        config = GenerationConfig(duration_s=duration_s, seed=seed, **settings)  # type: ignore[arg-type] -- of strings only
        audio: NDArray[np.float32] = pipeline.generate(config).audio
        return audio

    return make


def _novel(task: dict[str, Any]) -> MakeTake:
    return _ours(task, novelty="high")


def _first(task: dict[str, Any]) -> MakeTake:
    from small_dataset_audio.library import Library
    from small_dataset_audio.workflow.first_sound import WalkModelReady, quick_model

    *_, ready = quick_model(Path(task["corpus"]), Library(Path(task["home"])))
    if not isinstance(ready, WalkModelReady):
        raise TypeError(f"the last event of quick_model is {type(ready).__name__}; it must be WalkModelReady")
    return _ours(task, ready.name)


def _plain(task: dict[str, Any]) -> MakeTake:
    import plain_recipe

    model = plain_recipe.load(Path(task["home"]) / PLAIN_FILE)
    return lambda duration_s, seed: plain_recipe.generate(model, duration_s, seed)


def _whole(task: dict[str, Any]) -> MakeTake:
    from small_dataset_audio.audio import apply_anti_alias_filter
    from small_dataset_audio.corpus import MODEL_SCAN, scan_corpus

    recordings = [clip.audio for clip in scan_corpus(Path(task["corpus"]), MODEL_SCAN).clips]

    def make(duration_s: float, seed: int) -> NDArray[np.float32]:
        generator = np.random.default_rng(seed)
        num_samples = round(duration_s * RATE_HZ)
        rounds = num_samples // sum(map(len, recordings)) + 1
        order = np.concatenate([generator.permutation(len(recordings)) for _ in range(rounds)])
        row = np.concatenate([recordings[index] for index in order])[:num_samples]
        return apply_anti_alias_filter(row, RATE_HZ)

    return make


def _walk(task: dict[str, Any]) -> MakeTake:
    from measures.baselines import build_walk_map, walk

    walk_map = build_walk_map(_at_48_khz(task))
    return lambda duration_s, seed: walk(walk_map, duration_s, np.random.default_rng(seed))


def _shuffle(task: dict[str, Any]) -> MakeTake:
    from measures.baselines import shuffle

    recordings = _at_48_khz(task)
    return lambda duration_s, seed: shuffle(recordings, duration_s, np.random.default_rng(seed))


_TRAINERS = {"ours": _train_ours, "plain": _train_plain}
_MAKERS: dict[str, Callable[[dict[str, Any]], MakeTake]] = {
    "ours": _ours,
    "novel": _novel,
    "plain": _plain,
    "first": _first,
    "whole": _whole,
    "walk": _walk,
    "shuffle": _shuffle,
}


def _at_48_khz(task: dict[str, Any]) -> list[NDArray[np.float32]]:
    return [clip.at(RATE_HZ) for clip in read_folder(Path(task["corpus"]))]


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
