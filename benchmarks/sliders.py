"""Controls that mean what they say: every live slider of four corpora, 21 steps by 5 seeds, on rendered takes of 10 s.

    python benchmarks/sliders.py                      walks, made without training; two hours on two cores
    python benchmarks/sliders.py --budget 180         models that were trained for three minutes each
    python benchmarks/sliders.py --save               also writes results/sliders.json and results/sliders.md after each corpus;
                                                      what is there of other corpora stays, with its date and commit
    python benchmarks/sliders.py --corpora tabla      this one only

Takes have all defaults but the slider, and seeds that the analysis has not seen. For each live slider is told

- *follows*: Spearman's rank correlation of the slider with its descriptor over all 105 takes. Goal: at least 0.9;
- *moves*: by how many standard deviations of 20 takes without a setting its descriptor goes from end to end (slope of a line);
- *drags*: the other descriptor that moves most, and *ratio*, how many times more the own one does. Goal: at least 2.

And of each corpus how many are live; goal: at least 4. The recordings are Debian's ``sonic-pi-samples``.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import scipy.stats
import torch
from machine import commit, machine_name
from numpy.typing import NDArray

from small_dataset_audio.controls.descriptors import describe
from small_dataset_audio.controls.report import ControlReport
from small_dataset_audio.controls.sliders import NAMES, SLIDER_END
from small_dataset_audio.files import write_bytes, write_json
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import (
    TrainRequest,
    analyse,
    load_pipeline,
    quick_model,
    read_controls,
    train_corpus,
)

RESULTS = Path(__file__).parent / "results"
LOCK_FILE = Path(tempfile.gettempdir()) / "small_dataset_audio.sliders.lock"
"""Stays: another run may be waiting for it."""
SAMPLES = Path("/usr/share/sonic-pi/samples")
CORPORA = ("ambi", "tabla", "drum", "loop")
TAKE_S = 10.0
STEPS, SEEDS, DEFAULT_TAKES = 21, 5, 20
FOLLOWS_GOAL, RATIO_GOAL, LIVE_GOAL = 0.9, 2.0, 4


@dataclass(frozen=True)
class SliderRow:
    """One live slider; movements in standard deviations of takes without a setting."""

    corpus: str
    name: str
    low: float
    high: float
    follows: float
    moves: float
    drags: str
    ratio: float

    @property
    def meets_the_goal(self) -> bool:
        """Whether both of the goals are met."""
        return self.follows >= FOLLOWS_GOAL and self.ratio >= RATIO_GOAL


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and save where asked; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/sliders.json and results/sliders.md")
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), metavar="PREFIX", help="of the file names")
    parser.add_argument(
        "--budget", type=float, default=0.0, metavar="SECONDS", help="of each training; 0 trains nothing"
    )
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder with the recordings")
    options = parser.parse_args(arguments)
    absent = [name for name in options.corpora if not list(options.samples.glob(f"{name}_*"))]
    if absent:
        print(f"no recordings {absent[0]}_* in {options.samples}; install sonic-pi-samples", file=sys.stderr)
        return 1
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        library = Library(Path(scratch) / "home")
        for corpus in options.corpora:
            model = _model_of(options.samples, corpus, Path(scratch), library, options.budget)
            for _ in analyse(model, library=library):
                pass
            rows = measure(corpus, model, library)
            print(*rows, sep="\n", file=sys.stderr, flush=True)
            new = _run(corpus, options.budget, rows)
            runs = with_run(runs, new)
            if options.save:  # after each corpus: a run of an hour may be ended
                _save(new)
    print(table(runs))
    return 0


def _save(new: dict[str, Any]) -> None:
    """Put a run among what earlier ones saved."""
    path = RESULTS / "sliders.json"
    with filelock.FileLock(LOCK_FILE):  # another run may measure another corpus
        kept = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
        runs = with_run(kept, new)
        write_json(path, {"runs": runs})
        write_bytes(path.with_suffix(".md"), table(runs).encode())


def _run(corpus: str, budget_s: float, rows: Sequence[SliderRow]) -> dict[str, Any]:
    """What was measured of one corpus, and when and on what."""
    return {
        "corpus": corpus,
        "budget_s": budget_s,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "sliders": [asdict(row) for row in rows],
    }


def with_run(runs: Sequence[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """All runs, the new one in the place of the one of its corpus and budget."""

    def key(run: dict[str, Any]) -> tuple[str, float]:
        return run["corpus"], run["budget_s"]

    return sorted([*(run for run in runs if key(run) != key(new)), new], key=key)


def measure(corpus: str, model: str, library: Library) -> list[SliderRow]:
    """Try every live slider of a model."""
    reports = [report for report in read_controls(model, library=library) or () if report.is_live]
    settings = np.repeat(np.linspace(-SLIDER_END, SLIDER_END, STEPS), SEEDS)
    configs = [GenerationConfig(TAKE_S, seed=seed) for seed in range(DEFAULT_TAKES)]
    for report in reports:
        configs += [
            GenerationConfig(TAKE_S, seed=number % SEEDS, controls={report.name: float(value)})
            for number, value in enumerate(settings)
        ]
    with ProcessPoolExecutor(2, initializer=_open, initargs=(model, library.root)) as pool:
        figures = np.array(list(pool.map(_figures, configs, chunksize=5)))
    spread = np.nanstd(figures[:DEFAULT_TAKES], axis=0)
    spread[~(spread > 0)] = np.inf  # what never varies moves nothing
    rows = []
    for place, report in enumerate(reports):
        first = DEFAULT_TAKES + place * len(settings)
        rows.append(_row(corpus, report, settings, figures[first : first + len(settings)], spread))
    return rows


def _row(
    corpus: str,
    report: ControlReport,
    settings: NDArray[np.float64],
    figures: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> SliderRow:
    own = NAMES.index(report.name)
    moved = np.array([_movement(settings, column) for column in figures.T]) / spread
    others = np.abs(moved)
    others[own] = 0.0
    known = np.isfinite(figures[:, own])
    return SliderRow(
        corpus=corpus,
        name=report.name,
        low=report.low,
        high=report.high,
        follows=float(scipy.stats.spearmanr(settings[known], figures[known, own]).statistic),
        moves=float(moved[own]),
        drags=NAMES[int(others.argmax())],
        ratio=float(moved[own] / max(others.max(), 1e-9)),
    )


def _movement(settings: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    known = np.isfinite(values)
    return float(np.polyfit(settings[known], values[known], 1)[0] * np.ptp(settings)) if known.sum() > 2 else 0.0


_pipelines: list[Any] = []


def _open(model: str, home: Path) -> None:
    torch.set_num_threads(1)
    _pipelines[:] = [load_pipeline(model, library=Library(home))]


def _figures(config: GenerationConfig) -> list[float]:
    described = astuple(describe(_pipelines[0].generate(config).audio))
    return [np.nan if value is None else value for value in described]


def _model_of(samples: Path, corpus: str, scratch: Path, library: Library, budget_s: float) -> str:
    """A model of the recordings whose names begin so."""
    folder = scratch / corpus
    folder.mkdir()
    for path in samples.glob(f"{corpus}_*"):
        shutil.copy(path, folder)
    if not budget_s:
        for _ in quick_model(folder, library):
            pass
        return f"{corpus}-walk"
    for _ in train_corpus(TrainRequest(folder, name=corpus, budget_s=budget_s), library=library):
        pass
    return corpus


def table(runs: Sequence[dict[str, Any]]) -> str:
    """All runs as a page."""
    lines = [
        "# Controls",
        "",
        f"Takes of {TAKE_S:.0f} s, {STEPS} steps x {SEEDS} seeds a slider.",
        f"Goals: follows {FOLLOWS_GOAL}, ratio {RATIO_GOAL:.0f}, {LIVE_GOAL} live.",
        "",
        "| corpus | model | slider | from | to | follows | moves | drags along | ratio | goal |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    summary = [
        "",
        "| corpus | model | live | of these meet both goals | measured |",
        "| --- | --- | --- | --- | --- |",
    ]
    for run in runs:
        made = f"trained for {run['budget_s']:.0f} s" if run["budget_s"] else "walk, without training"
        rows = [SliderRow(**row) for row in run["sliders"]]
        lines += [
            f"| {row.corpus} | {made} | {row.name} | {row.low:.3g} | {row.high:.3g} | {row.follows:.2f} | {row.moves:.1f} | "
            f"{row.drags} | {row.ratio:.1f} | {'met' if row.meets_the_goal else 'missed'} |"
            for row in rows
        ]
        summary.append(
            f"| {run['corpus']} | {made} | {len(rows)} | {sum(row.meets_the_goal for row in rows)} | "
            f"{run['date']}, commit {run['commit']}, {run['machine']} |"
        )
    return "\n".join([*lines, *summary]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
