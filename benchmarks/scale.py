"""Does a large corpus still work on one machine: one table out, committed under ``benchmarks/results/``.

    python benchmarks/scale.py                      prints the table
    python benchmarks/scale.py --save               also writes results/scale.json and results/scale.md
    python benchmarks/scale.py --scratch FOLDER     keeps corpora and models there, and uses what it finds

500 files and one hour, made by `scale_corpus.py`, beside 20 files and one minute made the same way. Every measurement is a
process of its own: wall seconds from the start of the process, and the peak memory of that process alone. Generation is the
median of five takes of 10 s after one to warm up, alone and as `sda generate` has it: written and compared with the corpus.
First sound is what a folder of recordings gives before any training, from the start of the process to the WAV of 10 s. Nothing
else should be running.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from machine import commit, machine_name, peak_mb
from scale_corpus import write_large_corpus
from speed import RESULTS, write_evaluated_takes

BUDGETS_S = (60.0, 180.0)
TAKE_S = 10.0
TAKES = 5


@dataclass(frozen=True)
class Size:
    """A corpus to measure with."""

    name: str
    num_files: int
    total_s: float


SMALL = Size("20 files, a minute", 20, 60.0)
LARGE = Size("500 files, an hour", 500, 3600.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/scale.json and results/scale.md")
    parser.add_argument("--scratch", type=Path, help="folder for corpora and models, kept")
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS_S, help="training budgets in seconds")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        print(json.dumps(_work(json.loads(options.worker))))
        return
    if options.save and tuple(options.budgets) != BUDGETS_S:
        parser.error(f"--save is for the protocol: budgets of {', '.join(f'{budget_s:g}' for budget_s in BUDGETS_S)} s")
    with _scratch(options.scratch) as scratch:
        report = _measure(scratch, tuple(options.budgets))
    table = _table(report)
    print(table)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "scale.json").write_text(json.dumps(report, indent=2) + "\n")
        (RESULTS / "scale.md").write_text(table)


@contextlib.contextmanager
def _scratch(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _measure(scratch: Path, budgets_s: tuple[float, ...]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "sizes": [_measure_size(size, scratch / f"{size.num_files}_files", budgets_s) for size in (SMALL, LARGE)],
    }


def _measure_size(size: Size, scratch: Path, budgets_s: tuple[float, ...]) -> dict[str, Any]:
    corpus = scratch / "corpus"
    if not corpus.is_dir():
        write_large_corpus(corpus, size.num_files, size.total_s)
    environment = {**os.environ, "SDA_HOME": str(scratch), "OMP_WAIT_POLICY": "passive"}
    inspect = _in_process({"task": "inspect", "corpus": str(corpus)}, environment)
    first_sound = _in_process({"task": "first_sound", "corpus": str(corpus)}, environment)
    trainings = [
        _in_process({"task": "train", "corpus": str(corpus), "budget_s": budget_s}, environment)
        for budget_s in budgets_s
    ]
    model = trainings[-1]["model"]
    return {
        "size": size.name,
        "inspect": inspect,
        "first_sound": first_sound,
        "trainings": trainings,
        "generation": _in_process({"task": "generate", "model": model}, environment),
        "evaluated": _in_process({"task": "evaluate", "model": model}, environment),
    }


def _in_process(task: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    started = {**task, "started": time.time()}
    command = [sys.executable, __file__, "--worker", json.dumps(started)]
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wall_s = time.time() - started["started"]
    result = {**json.loads(finished.stdout.splitlines()[-1]), "wall_s": wall_s}
    print(f"{task}: {result}", file=sys.stderr)
    return result


def _work(task: dict[str, Any]) -> dict[str, Any]:
    """One measurement, in a process of its own; heavy imports belong to it."""
    match task["task"]:
        case "inspect":
            return _inspect(Path(task["corpus"]))
        case "train":
            return _train(Path(task["corpus"]), task["budget_s"], task["started"])
        case "first_sound":
            return _first_sound(Path(task["corpus"]), task["started"])
        case "evaluate":
            return _evaluate(task["model"])
        case _:
            return _generate(task["model"])


def _inspect(corpus: Path) -> dict[str, Any]:
    from small_dataset_audio.corpus import inspect_folder

    summary = inspect_folder(corpus)
    return {"used": summary.used, "duration_s": summary.duration_s, "peak_mb": peak_mb()}


def _first_sound(corpus: Path, started: float) -> dict[str, Any]:
    """What ``sda generate FOLDER -n 1`` does, in a library that has no model of the folder yet."""
    from small_dataset_audio.inference.config import GenerationConfig
    from small_dataset_audio.library import Library
    from small_dataset_audio.workflow import generate_takes, load_pipeline
    from small_dataset_audio.workflow.first_sound import WalkModelReady, quick_model

    with tempfile.TemporaryDirectory() as home:
        library = Library(Path(home))
        *_, ready = quick_model(corpus, library)
        if not isinstance(ready, WalkModelReady):
            raise TypeError(f"the last event of quick_model is {type(ready).__name__}; it must be WalkModelReady")
        ready_s = time.time() - started
        name = ready.name
        del ready  # it holds the recordings, which no one who generates keeps
        pipeline = load_pipeline(name, library=library)
        list(generate_takes(pipeline, GenerationConfig(duration_s=TAKE_S, seed=0), output_dir=Path(home) / "takes"))
        return {"ready_s": ready_s, "wav_s": time.time() - started, "peak_mb": peak_mb()}


def _evaluate(model: str) -> dict[str, Any]:
    from small_dataset_audio.workflow import load_pipeline

    with tempfile.TemporaryDirectory() as folder:
        return write_evaluated_takes(load_pipeline(model), TAKE_S, TAKES, Path(folder))


def _train(corpus: Path, budget_s: float, started: float) -> dict[str, Any]:
    from small_dataset_audio.training import TrainingProgress
    from small_dataset_audio.workflow import TrainRequest, train_corpus

    seen: dict[str, float] = {}
    last: Any = None
    steps, stop_reason = 0, ""
    for event in train_corpus(TrainRequest(corpus, budget_s=budget_s)):
        seen.setdefault(type(event).__name__, time.time() - started)
        if isinstance(event, TrainingProgress):
            steps, stop_reason = event.step, event.stop_reason
            trained_s = time.time() - started
        last = event
    metadata = last.bundle.metadata
    return {
        "budget_s": budget_s,
        "model": metadata.name,
        "events_s": {name: round(after_s, 2) for name, after_s in seen.items()},
        "first_step_s": seen["TrainingProgress"],
        "last_step_s": trained_s,
        "saved_s": time.time() - started,
        "steps": steps,
        "stop_reason": stop_reason,
        "width": metadata.vae.width,
        "batch_size": metadata.training.batch_size,
        "peak_mb": peak_mb(),
    }


def _generate(model: str) -> dict[str, Any]:
    from small_dataset_audio.inference.config import GenerationConfig
    from small_dataset_audio.workflow import load_pipeline

    started = time.perf_counter()
    pipeline = load_pipeline(model)
    load_s = time.perf_counter() - started
    started = time.perf_counter()
    pipeline.generate(GenerationConfig(duration_s=1.0, seed=99))
    first_take_s = time.perf_counter() - started
    walls_s = []
    for seed in range(TAKES):
        started = time.perf_counter()
        pipeline.generate(GenerationConfig(duration_s=TAKE_S, seed=seed))
        walls_s.append(time.perf_counter() - started)
    factor = statistics.median(walls_s) / TAKE_S
    return {"load_s": load_s, "first_take_s": first_take_s, "real_time_factor": factor, "peak_mb": peak_mb()}


@dataclass(frozen=True)
class _Line:
    """A figure of both sizes, and the most that one of them may have."""

    what: str
    unit: str
    small: float
    large: float
    goal: str = ""
    most: float | None = None
    judged: Literal["small", "large"] = "large"

    def __str__(self) -> str:
        decimals = {"": 3, "s": 1, "MB": 0}[self.unit]
        cells = " | ".join(f"{value:.{decimals}f} {self.unit}".strip() for value in (self.small, self.large))
        judged = self.small if self.judged == "small" else self.large
        return f"| {self.what} | {cells} | {self.goal} | {_mark(None if self.most is None else judged <= self.most)} |"


def _mark(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**missed**"


def _table(report: dict[str, Any]) -> str:
    small, large = report["sizes"]
    lines = [
        "# Scale",
        "",
        f"{report['date']}, commit {report['commit']}, {report['machine']}, Python {report['python']}. "
        "Made by `python benchmarks/scale.py --save`.",
        "",
        f"| what | {small['size']} | {large['size']} | goal | |",
        "| --- | --- | --- | --- | --- |",
        *map(str, _lines(small, large)),
        "",
        "| training, start to saved model | steps | width | batches of | ended by | took | over or under | goal | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_budget_line(size["size"], training) for size in (small, large) for training in size["trainings"]),
    ]
    return "\n".join(lines) + "\n"


def _budget_line(size: str, training: dict[str, Any]) -> str:
    off = training["saved_s"] / training["budget_s"] - 1.0
    early = training["stop_reason"] == "plateau" and off < 0
    cells = (
        f"{size}: `--budget {training['budget_s']:g}s`",
        *(str(training[name]) for name in ("steps", "width", "batch_size", "stop_reason")),
        f"{training['saved_s']:.1f} s",
        f"{off:+.1%}",
        "within 10 %",
        _mark(abs(off) <= 0.1 or early),
    )
    return f"| {' | '.join(cells)} |"


def _lines(small: dict[str, Any], large: dict[str, Any]) -> Iterator[_Line]:
    def both(kind: str, name: str) -> tuple[float, float]:
        return small[kind][name], large[kind][name]

    def trainings(name: str) -> tuple[float, float]:
        return max(run[name] for run in small["trainings"]), max(run[name] for run in large["trainings"])

    memory = ("under 3000 MB", 3000.0)
    yield _Line("inspecting", "s", *both("inspect", "wall_s"), "under 60 s", 60.0)
    yield _Line("inspecting, peak memory", "MB", *both("inspect", "peak_mb"), *memory)
    yield _Line("first sound, start to WAV", "s", *both("first_sound", "wav_s"), "a minute: under 20 s", 20.0, "small")
    yield _Line("first sound, peak memory", "MB", *both("first_sound", "peak_mb"), *memory)
    yield _Line("training, start to first step", "s", *trainings("first_step_s"), "within 90 s", 90.0)
    yield _Line("training, peak memory", "MB", *trainings("peak_mb"), *memory)
    yield _Line("loading a model", "s", *both("generation", "load_s"))
    yield _Line("first take of 1 s, vocoder made ready", "s", *both("generation", "first_take_s"))
    factors = both("generation", "real_time_factor")
    yield _Line("generation of 10 s, real-time factor", "", *factors, "at most 1.1 times", 1.1 * factors[0])
    yield _Line("generation, peak memory", "MB", *both("generation", "peak_mb"), *memory)
    yield _Line("generate_takes with evaluation, first take of 1 s", "s", *both("evaluated", "first_take_s"))
    yield _Line("generate_takes with evaluation of 10 s, real-time factor", "", *both("evaluated", "real_time_factor"))
    yield _Line("generate_takes with evaluation, peak memory", "MB", *both("evaluated", "peak_mb"), *memory)


if __name__ == "__main__":
    main()
