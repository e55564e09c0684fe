"""Loops without a seam, one-shots without what is around them: four corpora, one table out, under ``benchmarks/results/``.

    python benchmarks/loops.py                    prints the tables; some five minutes
    python benchmarks/loops.py --save             also writes results/loops.json and results/loops.md
    python benchmarks/loops.py --corpora tabla    this one only

Models are walks, made without training. What is measured is measured here, by nothing that the program itself uses to find a
seam or an attack:

- *step*: of the step from the last sample to the first, the share of the steps inside of the same take that are smaller. Goal:
  at most 95 % in every loop. Beside it the same of takes that are no loops, and the share of those that would meet the goal;
- *flux*: spectral flux (scipy's STFT of the loop laid three times end to end) of the moment over the seam, as the share of all
  other moments that have less. Goal: under 100 %, that is, no more than somewhere inside;
- *attack*: milliseconds from the first sample of a one-shot to where it is first over a quarter of its peak. Goal: at most 30
  in every one that begins with an attack; swells have none;
- *ends*: the first and the last millisecond's peak under the peak of all. Goal: at most -30 dB;
- *likeness*: largest correlation of two one-shots of a corpus, from their first samples on. Goal: under 0.99.

The recordings are Debian's ``sonic-pi-samples``.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile
from machine import commit, machine_name
from numpy.typing import NDArray

from small_dataset_audio.files import write_bytes, write_json
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import ModelPipeline, load_pipeline, make_one_shots, quick_model

RESULTS = Path(__file__).parent / "results"
SAMPLES = Path("/usr/share/sonic-pi/samples")
CORPORA = ("ambi", "tabla", "drum", "loop")
SEEDS = range(8)
LOOP_S = 4.0
ONE_SHOTS = 16
HOP = 512
STEP_GOAL, ATTACK_GOAL_MS, ENDS_GOAL_DB, LIKENESS_GOAL = 95.0, 30.0, -30.0, 0.99


@dataclass(frozen=True)
class LoopRow:
    """Loops of a corpus; percentiles of the worst and of the one in the middle."""

    corpus: str
    loops: int
    worst_step: float
    median_step: float
    worst_flux: float
    median_flux: float
    plain_worst_step: float
    plain_within_goal: int


@dataclass(frozen=True)
class HitRow:
    """One-shots of a corpus."""

    corpus: str
    wanted: int
    found: int
    takes: int
    swells: bool
    slowest_attack_ms: float
    median_attack_ms: float
    loudest_begin_db: float
    loudest_end_db: float
    largest_likeness: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and save where asked; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/loops.json and results/loops.md")
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), metavar="PREFIX", help="of the file names")
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder with the recordings")
    options = parser.parse_args(arguments)
    absent = [name for name in options.corpora if not list(options.samples.glob(f"{name}_*"))]
    if absent:
        print(f"no recordings {absent[0]}_* in {options.samples}; install sonic-pi-samples", file=sys.stderr)
        return 1
    loops, hits = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.corpora:
            pipeline = walk_of(options.samples, name, Path(scratch))
            loops.append(measure_loops(name, pipeline))
            hits.append(measure_hits(name, pipeline, Path(scratch) / f"{name} shots"))
            print(loops[-1], hits[-1], sep="\n", file=sys.stderr, flush=True)
    values: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "loop_s": LOOP_S,
        "seeds": list(SEEDS),
        "loops": [asdict(row) for row in loops],
        "one_shots": [asdict(row) for row in hits],
    }
    page = table(values)
    print(page)
    if options.save:
        write_json(RESULTS / "loops.json", values)
        write_bytes(RESULTS / "loops.md", page.encode())
    return 0


def walk_of(samples: Path, corpus: str, scratch: Path) -> ModelPipeline:
    """The walk model of the recordings whose names begin so."""
    folder, library = scratch / corpus, Library(scratch / "home")
    folder.mkdir()
    for path in samples.glob(f"{corpus}_*"):
        shutil.copy(path, folder)
    for _ in quick_model(folder, library):
        pass
    return load_pipeline(f"{corpus}-walk", library=library)


def measure_loops(corpus: str, pipeline: ModelPipeline) -> LoopRow:
    """Loops, and takes of the same seeds that are none."""
    looped = [pipeline.generate(GenerationConfig(duration_s=LOOP_S, seed=seed, loop=True)).audio for seed in SEEDS]
    plain = [pipeline.generate(GenerationConfig(duration_s=LOOP_S, seed=seed)).audio for seed in SEEDS]
    steps, plain_steps = ([step_percentile(audio) for audio in takes] for takes in (looped, without_fades(plain)))
    flux = [flux_percentile(audio) for audio in looped]
    return LoopRow(
        corpus=corpus,
        loops=len(looped),
        worst_step=max(steps),
        median_step=float(np.median(steps)),
        worst_flux=max(flux),
        median_flux=float(np.median(flux)),
        plain_worst_step=max(plain_steps),
        plain_within_goal=sum(step <= STEP_GOAL for step in plain_steps),
    )


def without_fades(takes: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Takes that are no loops fade in and out; inside of that they are as they were rendered."""
    return [take[4_800:-4_800] for take in takes]


def step_percentile(loop: NDArray[np.float32]) -> float:
    """Where the step over the seam stands among those inside [0 to 100]."""
    inside = np.abs(np.diff(loop))
    return float(100.0 * (inside < abs(loop[0] - loop[-1])).mean())


def flux_percentile(loop: NDArray[np.float32]) -> float:
    """Where the spectral flux over the seam stands among that of all other moments [0 to 100]."""
    thrice = np.tile(loop, 3)
    begin = len(loop) - HOP * (len(loop) // HOP)  # so that a frame is centred on the seam
    _, _, spectra = scipy.signal.stft(thrice[begin:], nperseg=2 * HOP, noverlap=HOP, boundary=None)
    rises = np.maximum(np.diff(np.abs(spectra), axis=1), 0.0).sum(axis=0)
    centres = begin + HOP * (np.arange(len(rises)) + 2)  # of the later frame of each pair
    of_one = (centres >= len(loop) - HOP // 2) & (centres < 2 * len(loop) - HOP // 2)
    rises, centres = rises[of_one], centres[of_one]
    seam = int(np.abs(centres - len(loop)).argmin())
    return float(100.0 * (np.delete(rises, seam) < rises[seam]).mean())


def measure_hits(corpus: str, pipeline: ModelPipeline, folder: Path) -> HitRow:
    """One-shots as files hold them."""
    made = make_one_shots(
        pipeline, GenerationConfig(duration_s=10.0, seed=0), ONE_SHOTS, output_dir=folder, evaluate=False, record=False
    )
    sounds = [soundfile.read(shot.audio_path)[0] for shot in made.shots]
    attacks_ms = [float((np.abs(sound) > 0.25 * np.abs(sound).max()).argmax() / 48.0) for sound in sounds]
    begins, ends = ([level_db(part, sound) for part, sound in parts] for parts in _ends_of(sounds))
    return HitRow(
        corpus=corpus,
        wanted=made.wanted,
        found=len(sounds),
        takes=made.num_takes,
        swells=made.is_by_rise,
        slowest_attack_ms=max(attacks_ms),
        median_attack_ms=float(np.median(attacks_ms)),
        loudest_begin_db=max(begins),
        loudest_end_db=max(ends),
        largest_likeness=max((likeness(*pair) for pair in itertools.combinations(sounds, 2)), default=0.0),
    )


def _ends_of(sounds: Sequence[NDArray[np.float64]]) -> tuple[list[Any], list[Any]]:
    return [(sound[:10], sound) for sound in sounds], [(sound[-48:], sound) for sound in sounds]


def level_db(part: NDArray[np.float64], sound: NDArray[np.float64]) -> float:
    """Peak of a part under the peak of the whole."""
    return float(20.0 * np.log10(np.abs(part).max() / np.abs(sound).max() + 1e-6))


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Correlation of two sounds, the shorter one with silence behind it."""
    size = max(len(one), len(other))
    one, other = (np.pad(sound, (0, size - len(sound))) for sound in (one, other))
    return float(abs(one @ other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def table(values: dict[str, Any]) -> str:
    """The page that is committed."""
    lines = [
        "# Loops and one-shots",
        "",
        f"{values['date']}, commit {values['commit']}, {values['machine']}, Python {values['python']}. Made by "
        "`python benchmarks/loops.py --save`.",
        "",
        f"Loops of {values['loop_s']:g} s, seeds {values['seeds'][0]} to {values['seeds'][-1]}, mono, walk models. Each figure "
        "is the share of all other places in the same loop that have less.",
        "",
        "| corpus | loops | step over the seam: worst | median | goal: at most 95 % | flux over the seam: worst | median | "
        "goal: under 100 % | no loop: worst step | of these within 95 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in values["loops"]:
        lines.append(
            f"| {row['corpus']} | {row['loops']} | {row['worst_step']:.1f} % | {row['median_step']:.1f} % | "
            f"{_met(row['worst_step'] <= STEP_GOAL)} | {row['worst_flux']:.1f} % | {row['median_flux']:.1f} % | "
            f"{_met(row['worst_flux'] < 100.0)} | {row['plain_worst_step']:.1f} % | "
            f"{row['plain_within_goal']} of {row['loops']} |"
        )
    lines += [
        "",
        f"{ONE_SHOTS} one-shots asked for, out of takes of 10 s from seed 0 on.",
        "",
        "| corpus | found | takes | what | attack: slowest | median | goal: at most 30 ms | loudest begin | loudest end | "
        "goal: at most -30 dB | most alike | goal: under 0.99 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in values["one_shots"]:
        attack = "" if row["swells"] else _met(row["slowest_attack_ms"] <= ATTACK_GOAL_MS)
        ends = _met(max(row["loudest_begin_db"], row["loudest_end_db"]) <= ENDS_GOAL_DB)
        kind = "swells" if row["swells"] else "hits"
        lines.append(
            f"| {row['corpus']} | {row['found']} of {row['wanted']} | {row['takes']} | {kind} | "
            f"{row['slowest_attack_ms']:.0f} ms | {row['median_attack_ms']:.0f} ms | {attack} | "
            f"{row['loudest_begin_db']:.0f} dB | {row['loudest_end_db']:.0f} dB | {ends} | "
            f"{row['largest_likeness']:.3f} | {_met(row['largest_likeness'] < LIKENESS_GOAL)} |"
        )
    return "\n".join([*lines, ""])


def _met(holds: bool) -> str:
    return "met" if holds else "**missed**"


if __name__ == "__main__":
    sys.exit(main())
