"""How fast, and how much memory: one table out, committed under ``benchmarks/results/``.

    python benchmarks/speed.py                 prints the table
    python benchmarks/speed.py --save          also writes results/speed.json and results/speed.md

Trains on the demo corpus (65 s of audio), then measures every generation in a process of its own, so that peak memory is that
of the case alone. Real-time factor is wall seconds for each second of audio, without loading the model, after a warm-up take;
the median of three takes. Loading is a row of its own. Takes that are written as they are made have rows of their own: a minute
and ten, whose peak memory should be the same. So has what `sda generate` does by default, which is to compare each take with
the corpus as well. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from machine import commit, machine_name, peak_mb

if TYPE_CHECKING:
    from small_dataset_audio.inference import GenerationPipeline

RESULTS = Path(__file__).parent / "results"
DURATIONS_S = (1.0, 10.0, 60.0)
STREAMED_S = (60.0, 600.0)
EVALUATED_S = 10.0
VOCODERS = ("mosaic", "griffin_lim")
TRAINING_STEPS = 60
REPEATS = 3


def main() -> None:
    """Measure, print, and save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/speed.json and results/speed.md")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(json.loads(options.worker))))
        return
    report = _measure()
    table = _table(report)
    print(table)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "speed.json").write_text(json.dumps(report, indent=2) + "\n")
        (RESULTS / "speed.md").write_text(table)


def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "SDA_HOME": home, "OMP_WAIT_POLICY": "passive"}
        training = _in_process({"task": "train", "home": home}, environment)
        generation = [
            _in_process({"task": "generate", "duration_s": duration_s, "vocoder": vocoder}, environment)
            for vocoder in VOCODERS
            for duration_s in DURATIONS_S
        ]
        streaming = [
            _in_process({"task": "stream", "home": home, "duration_s": duration_s}, environment)
            for duration_s in STREAMED_S
        ]
        evaluated = _in_process({"task": "evaluate", "home": home, "duration_s": EVALUATED_S}, environment)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "training": training,
        "generation": generation,
        "streaming": streaming,
        "evaluated": evaluated,
        "start": {
            "import_s": _median_wall_s([sys.executable, "-c", "import small_dataset_audio"]),
            "import_pipeline_s": _median_wall_s(
                [sys.executable, "-c", "from small_dataset_audio.inference import GenerationPipeline"]
            ),
            "help_s": _median_wall_s([sys.executable, "-m", "small_dataset_audio", "--help"]),
        },
    }


def _in_process(task: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {**task, **json.loads(finished.stdout.splitlines()[-1]), "home": None}


def _work(task: dict[str, Any]) -> dict[str, Any]:
    """One measurement, in a process of its own; heavy imports belong to it."""
    from small_dataset_audio.corpus.synthesis import write_demo_corpus
    from small_dataset_audio.inference.config import GenerationConfig
    from small_dataset_audio.training import TrainingProgress
    from small_dataset_audio.workflow import TrainRequest, load_pipeline, train_corpus

    if task["task"] == "train":
        folder = Path(task["home"]) / "corpus"
        write_demo_corpus(folder)
        started = time.perf_counter()
        events = train_corpus(TrainRequest(folder, "speed", max_steps=TRAINING_STEPS))
        steps = [event.elapsed_s for event in events if isinstance(event, TrainingProgress)]
        wall_s = time.perf_counter() - started
        # Differences, not the mean: two of the steps carry a preview.
        step_s = statistics.median(after - before for before, after in itertools.pairwise(steps))
        return {"steps_per_s": 1 / step_s, "wall_s": wall_s, "peak_mb": peak_mb()}

    started = time.perf_counter()
    pipeline = load_pipeline("speed")
    load_s = time.perf_counter() - started
    if task["task"] == "evaluate":
        return write_evaluated_takes(pipeline, task["duration_s"], REPEATS, Path(task["home"]) / "takes")
    if task["task"] == "stream":
        return _stream(pipeline, task["duration_s"], Path(task["home"]) / "takes")
    pipeline.generate(GenerationConfig(duration_s=1.0, seed=99, vocoder=task["vocoder"]))
    walls = []
    for seed in range(REPEATS):
        started = time.perf_counter()
        pipeline.generate(GenerationConfig(duration_s=task["duration_s"], seed=seed, vocoder=task["vocoder"]))
        walls.append(time.perf_counter() - started)
    factor = statistics.median(walls) / task["duration_s"]
    return {"real_time_factor": factor, "load_s": load_s, "peak_mb": peak_mb()}


def _stream(pipeline: GenerationPipeline, duration_s: float, folder: Path) -> dict[str, Any]:
    """Write one take as it is made."""
    from small_dataset_audio.inference.config import LONGEST_DURATION_S, GenerationConfig

    pipeline.render_to_file(GenerationConfig(duration_s=1.0, seed=99), folder)
    started = time.perf_counter()
    pipeline.render_to_file(GenerationConfig(duration_s=duration_s, max_duration_s=LONGEST_DURATION_S, seed=0), folder)
    return {"real_time_factor": (time.perf_counter() - started) / duration_s, "peak_mb": peak_mb()}


def write_evaluated_takes(
    pipeline: GenerationPipeline, duration_s: float, repeats: int, folder: Path
) -> dict[str, Any]:
    """Write takes and compare them with the corpus, which is made ready for that with the first."""
    from small_dataset_audio.inference.config import GenerationConfig
    from small_dataset_audio.workflow import generate_takes

    started = time.perf_counter()
    list(generate_takes(pipeline, GenerationConfig(duration_s=1.0, seed=99), output_dir=folder))
    first_take_s = time.perf_counter() - started
    walls_s = []
    for seed in range(repeats):
        started = time.perf_counter()
        list(generate_takes(pipeline, GenerationConfig(duration_s=duration_s, seed=seed), output_dir=folder))
        walls_s.append(time.perf_counter() - started)
    factor = statistics.median(walls_s) / duration_s
    return {"first_take_s": first_take_s, "real_time_factor": factor, "peak_mb": peak_mb()}


def _median_wall_s(command: list[str]) -> float:
    walls = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - started)
    return statistics.median(walls)


def _table(report: dict[str, Any]) -> str:
    by_case = {(row["vocoder"], row["duration_s"]): row for row in report["generation"]}
    lines = [
        "# Speed",
        "",
        f"{report['date']}, commit {report['commit']}, {report['machine']}, Python {report['python']}. "
        "Made by `python benchmarks/speed.py --save`.",
        "",
        "| what | figure | goal |",
        "| --- | --- | --- |",
        f"| training, steps per second | {report['training']['steps_per_s']:.1f} | |",
        f"| training, peak memory | {report['training']['peak_mb']:.0f} MB | |",
    ]
    for vocoder, goal in (("mosaic", 0.05), ("griffin_lim", 0.25)):
        for duration_s in DURATIONS_S:
            factor = by_case[vocoder, duration_s]["real_time_factor"]
            lines.append(f"| {vocoder}, {duration_s:g} s, real-time factor | {factor:.3f} | at most {goal} |")
    for vocoder in VOCODERS:
        long, short = by_case[vocoder, 60.0]["peak_mb"], by_case[vocoder, 10.0]["peak_mb"]
        lines.append(f"| {vocoder}, 60 s, peak memory | {long:.0f} MB | under 1000 MB |")
        lines.append(f"| {vocoder}, 60 s over 10 s, peak memory | {long / short:.2f} | at most 1.2 |")
    short, long = report["streaming"]
    for row in (short, long):
        lines.append(
            f"| to disk, {row['duration_s']:g} s, real-time factor | {row['real_time_factor']:.3f} | at most 0.1 |"
        )
        lines.append(f"| to disk, {row['duration_s']:g} s, peak memory | {row['peak_mb']:.0f} MB | under 1000 MB |")
    lines.append(
        f"| to disk, {long['duration_s']:g} s over {short['duration_s']:g} s, peak memory | "
        f"{long['peak_mb'] / short['peak_mb']:.2f} | at most 1.05 |"
    )
    evaluated = report["evaluated"]
    what = f"generate_takes with evaluation, {evaluated['duration_s']:g} s"
    lines += [
        f"| generate_takes with evaluation, first take of 1 s | {evaluated['first_take_s']:.2f} s | |",
        f"| {what}, real-time factor | {evaluated['real_time_factor']:.3f} | |",
        f"| {what}, peak memory | {evaluated['peak_mb']:.0f} MB | under 1000 MB |",
    ]
    start = report["start"]
    lines += [
        f"| loading a model | {by_case['mosaic', 10.0]['load_s']:.2f} s | |",
        f"| `import small_dataset_audio` | {start['import_s']:.2f} s | |",
        f"| importing the pipeline | {start['import_pipeline_s']:.2f} s | |",
        f"| `sda --help` | {start['help_s']:.2f} s | under 0.5 s |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
