"""How it sounds beside its corpus: the default, the plain recipe, and untrained baselines, in one run and one table.

    python benchmarks/sound.py                         four corpora at budgets of 60, 180 and 600 s: about two hours
    python benchmarks/sound.py --corpora tabla --budgets 60
    python benchmarks/sound.py --quick                 tabla, 15 s of budget, 4 takes of 5 s: to see that it works
    python benchmarks/sound.py --save                  also merges into results/sound.json and results/sound.md
    python benchmarks/sound.py --keep TAKES            also keeps every take, for sound_pictures.py and for ears

Each system makes 12 mono takes of 10 s with seeds 0 to 11 (``sound_systems.py``): *ours* through the public workflow with
its default settings, *novel* with the same model and ``novelty="high"``, *plain* by ``plain_recipe.py`` with the same budget,
*first* through the public workflow without training, *walk* and *shuffle* without a model, and *whole*, the recordings
themselves. These four are measured once for each corpus in a run and stand in each of its rows.

Saved figures are rows of one corpus at one budget, each with its own date, commit and machine, so that several runs fill the
table. A row is written after each system, so that an interrupted run keeps what it measured, and a row measured again replaces
the old one as a whole: systems of one row always come from one run. The recordings are Debian's ``sonic-pi-samples``.
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

from machine import commit, machine_name
from measures.clips import Clip, read_folder
from measures.embedding import why_unavailable
from measures.report import SoundMeter
from sound_goals import with_verdicts
from sound_systems import takes_folder
from sound_table import BASELINES, RESULTS, TITLES, markdown, merge, read_rows, write_rows

from small_dataset_audio.errors import SdaError

SYSTEMS_PROGRAM = Path(__file__).parent / "sound_systems.py"
SAMPLES = Path("/usr/share/sonic-pi/samples")
CORPORA = ("ambi", "tabla", "drum", "loop")
BUDGETS_S = (60.0, 180.0, 600.0)
TAKES = 12
SECONDS = 10.0
MIN_BUDGET_S = 10.0
HEARD_AFTER = {"ours": ("ours", "novel"), "plain": ("plain",)}
"""The systems that generate from what each training leaves."""

Figures = dict[str, Any]
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and save where asked; returns the exit code."""
    options = _parse(arguments)
    problem = _what_is_missing(options.samples, options.corpora)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    saved = read_rows(RESULTS) if options.save else []
    measured: list[Row] = []
    try:
        for row in _measure(options):
            measured = merge(measured, row)
            if options.save:
                saved = merge(saved, row)
                write_rows(RESULTS, saved)
    except KeyboardInterrupt:
        print("interrupted; this is what was measured", file=sys.stderr)
        print(markdown(with_verdicts(measured)))
        return 130
    except subprocess.CalledProcessError as error:
        print(f"error: a system failed with exit code {error.returncode}; its own message is above", file=sys.stderr)
        return 1
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
    parser.add_argument("--quick", action="store_true", help="tabla, 15 s of budget, 4 takes of 5 s")
    parser.add_argument("--save", action="store_true", help="write results/sound.json and results/sound.md")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the takes: FOLDER/tabla/ours-180s/seed 000.wav"
    )
    options = parser.parse_args(arguments)
    if options.quick:
        options.corpora, options.budgets, options.takes, options.seconds = ["tabla"], [15.0], 4, 5.0
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
            bench = _Bench(corpus, folder, SoundMeter(recordings), options)
            baselines = {system: figures for name in BASELINES for system, figures in bench.measure(name)}
            for budget_s in options.budgets:
                row = _new_row(corpus, recordings, budget_s, options)
                systems = dict(baselines)
                for trained in HEARD_AFTER:
                    for system, figures in bench.measure(trained, budget_s):
                        systems = {**systems, system: figures}
                        yield {**row, "systems": systems}


def _new_row(corpus: str, recordings: Sequence[Clip], budget_s: float, options: argparse.Namespace) -> Row:
    return {
        "corpus": corpus,
        "budget_s": budget_s,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "recordings": len(recordings),
        "recordings_s": round(sum(clip.duration_s for clip in recordings), 1),
        "takes": options.takes,
        "take_s": options.seconds,
    }


class _Bench:
    """One corpus, its meter, and how every system is put on it."""

    def __init__(self, corpus: str, folder: Path, meter: SoundMeter, options: argparse.Namespace) -> None:
        self._corpus, self._folder, self._meter = corpus, folder, meter
        self._takes, self._take_s, self._keep = options.takes, options.seconds, options.keep

    def measure(self, trained: str, budget_s: float | None = None) -> Iterator[tuple[str, Figures]]:
        """Train where there is a budget; then yield each system that generates from it, with what the instruments read."""
        with tempfile.TemporaryDirectory() as home:
            task = {"home": home, "corpus": str(self._folder)}
            training: Figures = {}
            if budget_s is not None:
                self._say(f"{TITLES[trained]}, {budget_s:g} s: training")
                training = _in_process({**task, "task": "train", "system": trained, "budget_s": budget_s})
            for system in HEARD_AFTER.get(trained, (trained,)):
                yield system, self._hear(system, task, budget_s) | training

    def _hear(self, system: str, task: dict[str, Any], budget_s: float | None) -> Figures:
        """Make the takes, keep them where asked, read the instruments."""
        budget = "" if budget_s is None else f"{budget_s:g} s"
        label = ", ".join(filter(None, (TITLES[system], budget)))
        self._say(f"{label}: takes")
        generation = _in_process(
            {**task, "task": "generate", "system": system, "takes": self._takes, "take_s": self._take_s}
        )
        folder = takes_folder(task["home"], system)
        if self._keep is not None:
            name = "-".join(filter(None, (system, budget.replace(" ", ""))))
            shutil.copytree(folder, self._keep / self._corpus / name, dirs_exist_ok=True)
        self._say(f"{label}: measuring")
        report = self._meter.measure(f"{self._corpus}, {label}", read_folder(folder)).as_json()
        # Where each take comes nearest to the corpus is for measure_takes.py to say; the table is about sets.
        return {name: value for name, value in report.items() if name != "takes"} | generation

    def _say(self, what: str) -> None:
        print(f"{self._corpus}, {what} ...", file=sys.stderr, flush=True)


def _in_process(task: dict[str, Any]) -> Figures:
    command = [sys.executable, str(SYSTEMS_PROGRAM), json.dumps(task)]
    environment = {**os.environ, "SDA_HOME": task["home"], "OMP_WAIT_POLICY": "passive"}
    finished = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(finished.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    sys.exit(main())
