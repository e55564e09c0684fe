"""How it sounds beside its corpus: the default, the plain recipe, and two baselines without a model, in one run and one table.

    python benchmarks/sound.py                         four corpora at budgets of 60, 180 and 600 s: about two hours
    python benchmarks/sound.py --corpora tabla --budgets 60
    python benchmarks/sound.py --quick                 tabla, 20 s of budget, 4 takes of 5 s: to see that it works
    python benchmarks/sound.py --save                  also writes results/sound.json and results/sound.md

Each system makes 12 mono takes of 10 s with seeds 0 to 11 (``sound_systems.py``): *ours* through the public workflow with its
default settings, *plain* by ``plain_recipe.py`` with the same budget, *walk* and *shuffle* with no training. These two are
measured once for each corpus in a run and stand in each of its rows.

Saved figures are rows of one corpus at one budget, written after each system, so that an interrupted run keeps what it
measured; a row measured again replaces the old one when it is whole. The recordings are Debian's ``sonic-pi-samples``.
Nothing else should be running.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measures.clips import Clip, read_folder
from measures.embedding import why_unavailable
from measures.report import SoundMeter
from sound_systems import TAKES_FOLDER
from sound_table import markdown, merge, with_verdicts

from small_dataset_audio.errors import SdaError
from small_dataset_audio.files import write_bytes, write_json

RESULTS = Path(__file__).parent / "results"
SYSTEMS_PROGRAM = Path(__file__).parent / "sound_systems.py"
SAMPLES = Path("/usr/share/sonic-pi/samples")
CORPORA = ("ambi", "tabla", "drum", "loop")
BUDGETS_S = (60.0, 180.0, 600.0)
TAKES = 12
SECONDS = 10.0
MIN_BUDGET_S = 10.0

Figures = dict[str, Any]
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and save where asked; returns the exit code."""
    options = _parse(arguments)
    problem = _what_is_missing(options.samples, options.corpora)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    saved = _read_rows() if options.save else []
    measured: list[Row] = []
    try:
        for row in _measure(options):
            measured = merge(measured, row)
            if options.save:
                saved = merge(saved, row)
                _write(saved)
    except KeyboardInterrupt:
        print("interrupted; this is what was measured", file=sys.stderr)
        print(markdown(with_verdicts(measured)))
        return 130
    except SdaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(markdown(with_verdicts(measured)))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), metavar="PREFIX", help="of the file names")
    parser.add_argument("--budgets", nargs="+", type=float, default=list(BUDGETS_S), metavar="SECONDS")
    parser.add_argument("--takes", type=int, default=TAKES)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a take")
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder of the recordings")
    parser.add_argument("--quick", action="store_true", help="tabla, 20 s of budget, 4 takes of 5 s")
    parser.add_argument("--save", action="store_true", help="write results/sound.json and results/sound.md")
    options = parser.parse_args(arguments)
    if options.quick:
        options.corpora, options.budgets, options.takes, options.seconds = ["tabla"], [20.0], 4, 5.0
    if options.takes < 1 or not 1.0 <= options.seconds <= 60.0:
        parser.error("--takes must be 1 or more, and --seconds from 1 to 60")
    if min(options.budgets) < MIN_BUDGET_S:
        parser.error(f"--budgets must be {MIN_BUDGET_S:g} s or more: less is not kept by any training")
    if options.save and (options.takes, options.seconds) != (TAKES, SECONDS):
        parser.error(f"--save is for the protocol: {TAKES} takes of {SECONDS:g} s")
    return options


def _what_is_missing(samples: Path, corpora: Sequence[str]) -> str | None:
    if not samples.is_dir():
        return f"{samples} is not a folder; install sonic-pi-samples, or name its recordings with --samples"
    absent = [corpus for corpus in corpora if not any(samples.glob(f"{corpus}_*"))]
    if absent:
        return f"{samples} holds no {absent[0]}_* recording; install sonic-pi-samples, or name others with --corpora"
    return why_unavailable()


# --- The run ---------------------------------------------------------------------------------------------------------


def _measure(options: argparse.Namespace) -> Iterator[Row]:
    """Yield each row as it grows, system by system."""
    for corpus in options.corpora:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / corpus
            folder.mkdir()
            for path in options.samples.glob(f"{corpus}_*"):
                shutil.copy2(path, folder)
            recordings = read_folder(folder)
            bench = _Bench(corpus, folder, SoundMeter(recordings), options.takes, options.seconds)
            baselines = {system: bench.measure(system) for system in ("walk", "shuffle")}
            for budget_s in options.budgets:
                row = _new_row(corpus, recordings, budget_s, options)
                systems = dict(baselines)
                for system in ("ours", "plain"):
                    systems = {**systems, system: bench.measure(system, budget_s)}
                    yield {**row, "systems": systems}


def _new_row(corpus: str, recordings: Sequence[Clip], budget_s: float, options: argparse.Namespace) -> Row:
    return {
        "corpus": corpus,
        "budget_s": budget_s,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_cpu_name()}",
        "python": platform.python_version(),
        "recordings": len(recordings),
        "recordings_s": round(sum(clip.duration_s for clip in recordings), 1),
        "takes": options.takes,
        "take_s": options.seconds,
    }


class _Bench:
    """One corpus, its meter, and how every system is put on it."""

    def __init__(self, corpus: str, folder: Path, meter: SoundMeter, takes: int, take_s: float) -> None:
        self._corpus, self._folder, self._meter = corpus, folder, meter
        self._takes, self._take_s = takes, take_s

    def measure(self, system: str, budget_s: float | None = None) -> Figures:
        """Train where there is something to train, make the takes, read the instruments."""
        label = f"{self._corpus}, {system}" + (f", {budget_s:g} s" if budget_s else "")
        print(f"{label} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as home:
            task = {"system": system, "home": home, "corpus": str(self._folder)}
            training = _in_process({**task, "task": "train", "budget_s": budget_s}) if budget_s else {}
            takes = {"task": "generate", "takes": self._takes, "take_s": self._take_s}
            generation = _in_process({**task, **takes})
            report = self._meter.measure(label, read_folder(Path(home) / TAKES_FOLDER)).as_json()
        # Where each take comes nearest to the corpus is for measure_takes.py to say; the table is about sets.
        return {name: value for name, value in report.items() if name != "takes"} | generation | training


def _in_process(task: dict[str, Any]) -> Figures:
    command = [sys.executable, str(SYSTEMS_PROGRAM), json.dumps(task)]
    environment = {**os.environ, "SDA_HOME": task["home"], "OMP_WAIT_POLICY": "passive"}
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    return figures


# --- Results ---------------------------------------------------------------------------------------------------------


def _read_rows() -> list[Row]:
    path = RESULTS / "sound.json"
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    return rows


def _write(rows: Sequence[Row]) -> None:
    RESULTS.mkdir(exist_ok=True)
    judged = with_verdicts(rows)
    write_json(RESULTS / "sound.json", {"rows": judged})
    write_bytes(RESULTS / "sound.md", markdown(judged).encode())


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip() or "unknown"


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    sys.exit(main())
