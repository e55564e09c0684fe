"""Measure takes against the corpus they were made from, in one table.

    python benchmarks/measure_takes.py --corpus RECORDINGS --glob 'tabla_*' TAKES_FOLDER [OTHER_FOLDER ...]

Columns: KAD with its standard error over takes, density, coverage, copied share and longest copied stretch, resemblance, flux
(median and 99th percentile over the corpus's), distance of the distributions of onset strength and of loudness, silent share,
partials in tune (and by chance), their swing and their number over the corpus's: each is told in ``measures/``.

Each folder of takes is one row; loose files together are one row. ``--baselines`` adds the corpus itself, white noise,
shuffle and walk. ``--json`` prints everything, with the nearest corpus stretch of every take. Needs aisfx (its absence is
said, with the command that installs it).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from measures.baselines import build_walk_map, shuffle, walk
from measures.clips import Clip, read_clip, read_folder
from measures.embedding import EmbeddingUnavailableError
from measures.logmel import RATE_HZ
from measures.report import SoundMeter, SoundReport
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from small_dataset_audio.errors import SdaError

BASELINE_TAKES = 12
BASELINE_DURATION_S = 10.0


def main(
    takes: Annotated[list[Path] | None, typer.Argument(help="Folders of takes (a row each) or files.")] = None,
    *,
    corpus: Annotated[Path, typer.Option(help="Folder of the recordings.")],
    glob: Annotated[str, typer.Option(help="Which files of it.")] = "*",
    baselines: Annotated[bool, typer.Option("--baselines", help="Add corpus, noise, shuffle, walk.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Measure takes against the corpus they were made from."""
    started = time.perf_counter()
    try:
        recordings = read_folder(corpus, glob)
        sets = list(_sets_of_takes(takes or []))
        if baselines:
            sets = [*_baseline_sets(recordings), *sets]
        if not sets:
            raise typer.BadParameter("name a folder of takes, or --baselines")
        meter = SoundMeter(recordings)
        reports = [meter.measure(label, clips) for label, clips in sets]
    except (SdaError, EmbeddingUnavailableError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    elapsed_s = time.perf_counter() - started
    if as_json:
        print(json.dumps([report.as_json() for report in reports], indent=2, allow_nan=False))
    else:
        _print_table(reports, f"{corpus.name}/{glob}: {len(recordings)} recordings, measured in {elapsed_s:.1f} s")


def _sets_of_takes(paths: Sequence[Path]) -> Iterator[tuple[str, list[Clip]]]:
    """Label and clips of each row."""
    for folder in (path for path in paths if path.is_dir()):
        yield folder.name, read_folder(folder)
    files = [path for path in paths if not path.is_dir()]
    if files:
        yield "files", [read_clip(path) for path in files]


def _baseline_sets(recordings: Sequence[Clip]) -> Iterator[tuple[str, list[Clip]]]:
    """Everything that needs no model, by the protocol: 12 takes of 10 s, seeds 0 to 11."""
    arrays = [recording.at(RATE_HZ) for recording in recordings]
    walk_map = build_walk_map(arrays)
    yield "corpus itself", list(recordings)
    yield "white noise", _make_takes(_white_noise)
    yield "shuffle", _make_takes(lambda duration_s, rng: shuffle(arrays, duration_s, rng))
    yield "walk", _make_takes(lambda duration_s, rng: walk(walk_map, duration_s, rng))


def _white_noise(duration_s: float, generator: np.random.Generator) -> NDArray[np.float32]:
    return 0.1 * generator.standard_normal(round(duration_s * RATE_HZ), dtype=np.float32)


def _make_takes(make: Callable[[float, np.random.Generator], NDArray[np.float32]]) -> list[Clip]:
    return [
        Clip(f"seed {seed}", make(BASELINE_DURATION_S, np.random.default_rng(seed)), RATE_HZ)
        for seed in range(BASELINE_TAKES)
    ]


def _kad(report: SoundReport) -> str:
    error = report.kad_standard_error
    return f"{report.kad:.1f}" if error is None else f"{report.kad:.1f} ±{error:.1f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _decibels(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} dB"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


_COLUMNS: dict[str, Callable[[SoundReport], str]] = {
    "KAD": _kad,
    "dens.": lambda report: f"{report.density:.2f}",
    "cover.": lambda report: f"{report.coverage:.2f}",
    "copied": lambda report: _percent(report.copying.share),
    "longest": lambda report: f"{report.copying.longest_s:.2f} s",
    "resembl.": lambda report: _decibels(report.resemblance.median_db),
    "flux": lambda report: _ratio(report.motion.median_ratio),
    "p99": lambda report: _ratio(report.motion.p99_ratio),
    "onsets": lambda report: f"{report.onset_distance_db:.3f}",
    "loudness": lambda report: _decibels(report.loudness_distance_db),
    "silent": lambda report: _percent(report.silent_share),
    "in tune": lambda report: _percent(report.tuning.in_tune),
    "chance": lambda report: _percent(report.tuning.by_chance),
    "swing": lambda report: _ratio(report.tuning.swing_ratio),
    "peaks": lambda report: _ratio(report.tuning.peaks_ratio),
}


def _print_table(reports: Sequence[SoundReport], title: str) -> None:
    table = Table(title=title, title_justify="left", padding=(0, 0, 0, 1))
    table.add_column("takes")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for report in reports:
        table.add_row(f"{report.label} ({report.num_takes})", *(show(report) for show in _COLUMNS.values()))
    console = Console(width=160)
    console.print(table)
    corpus = reports[0].resemblance
    own, others = (_decibels(value) for value in (corpus.own_db, corpus.others_db))
    console.print(f"silent share of the corpus: {_percent(reports[0].corpus_silent_share)}")
    console.print(f"resemblance of corpus files to themselves, 0.5 s on: {own}; to the other files: {others}")


if __name__ == "__main__":
    typer.run(main)
