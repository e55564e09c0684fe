"""Does a large corpus still work on one machine: one table out, committed under ``benchmarks/results/``.

    python benchmarks/scale.py                      prints the table
    python benchmarks/scale.py --save               also writes results/scale.json and results/scale.md
    python benchmarks/scale.py --scratch FOLDER     keeps corpora and models there, and uses what it finds

500 files and one hour, made by `scale_corpus.py`, beside 20 files and one minute made the same way. Every measurement is a
process of its own: wall seconds from the start of the process, and the peak memory of that process alone. Generation is the
median of five takes of 10 s after one to warm up. Nothing else should be running.
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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scale_corpus import write_large_corpus
from speed import RESULTS, _commit, _cpu_name, _peak_mb

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


def main() -> None:
    """Measure, print, and save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/scale.json and results/scale.md")
    parser.add_argument("--scratch", type=Path, help="folder for corpora and models, kept")
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS_S, help="training budgets in seconds")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(json.loads(options.worker))))
        return
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
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_cpu_name()}",
        "python": platform.python_version(),
        "sizes": [_measure_size(size, scratch / f"{size.num_files}_files", budgets_s) for size in (SMALL, LARGE)],
    }


def _measure_size(size: Size, scratch: Path, budgets_s: tuple[float, ...]) -> dict[str, Any]:
    corpus = scratch / "corpus"
    if not corpus.is_dir():
        write_large_corpus(corpus, size.num_files, size.total_s)
    environment = {**os.environ, "SDA_HOME": str(scratch), "OMP_WAIT_POLICY": "passive"}
    inspect = _in_process({"task": "inspect", "corpus": str(corpus)}, environment)
    trainings = [
        _in_process({"task": "train", "corpus": str(corpus), "budget_s": budget_s}, environment)
        for budget_s in budgets_s
    ]
    generation = _in_process({"task": "generate", "model": trainings[-1]["model"]}, environment)
    return {"size": size.name, "inspect": inspect, "trainings": trainings, "generation": generation}


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
        case _:
            return _generate(task["model"])


def _inspect(corpus: Path) -> dict[str, Any]:
    from small_dataset_audio.corpus import inspect_folder

    summary = inspect_folder(corpus)
    return {"used": summary.used, "duration_s": summary.duration_s, "peak_mb": _peak_mb()}


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
        "peak_mb": _peak_mb(),
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
    return {"load_s": load_s, "first_take_s": first_take_s, "real_time_factor": factor, "peak_mb": _peak_mb()}


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
    ]
    for what, goal, unit, most, values in _rows(small, large):
        cells = " | ".join(
            f"{value:.{3 if unit == '' else 1 if unit == 's' else 0}f} {unit}".strip() for value in values
        )
        mark = "" if most is None else "met" if max(values[-1:]) <= most else "**missed**"
        lines.append(f"| {what} | {cells} | {goal} | {mark} |")
    lines += [_budget_line(size["size"], training) for size in (small, large) for training in size["trainings"]]
    return "\n".join(lines) + "\n"


def _budget_line(size: str, training: dict[str, Any]) -> str:
    off = training["saved_s"] / training["budget_s"] - 1.0
    early = training["stop_reason"] == "plateau" and off < 0
    mark = "met" if abs(off) <= 0.1 or early else "**missed**"
    facts = f"{training['steps']} steps, width {training['width']}, batches of {training['batch_size']}"
    return (
        f"| {size}: `--budget {training['budget_s']:g}s`, start to saved model ({facts}; {training['stop_reason']}) | "
        f"{training['saved_s']:.1f} s | {off:+.1%} | within 10 % | {mark} |"
    )


def _rows(
    small: dict[str, Any], large: dict[str, Any]
) -> Iterator[tuple[str, str, str, float | None, tuple[float, float]]]:
    """What it is, goal in words, unit, the most that the large corpus may have, both figures."""

    def both(kind: str, name: str) -> tuple[float, float]:
        return small[kind][name], large[kind][name]

    def trainings(name: str) -> tuple[float, float]:
        return tuple(max(run[name] for run in size["trainings"]) for size in (small, large))  # type: ignore[return-value]

    yield "inspecting", "under 60 s", "s", 60.0, both("inspect", "wall_s")
    yield "inspecting, peak memory", "under 3000 MB", "MB", 3000.0, both("inspect", "peak_mb")
    yield "training, start to first step", "within 90 s", "s", 90.0, trainings("first_step_s")
    yield "training, peak memory", "under 3000 MB", "MB", 3000.0, trainings("peak_mb")
    yield "loading a model", "", "s", None, both("generation", "load_s")
    yield "first take of 1 s, vocoder made ready", "", "s", None, both("generation", "first_take_s")
    factors = both("generation", "real_time_factor")
    yield "generation of 10 s, real-time factor", "no slower", "", factors[0] * 1.1, factors
    yield "generation, peak memory", "under 3000 MB", "MB", 3000.0, both("generation", "peak_mb")


if __name__ == "__main__":
    main()
