"""Does nothing get lost, and nothing in: the programs under ``tests/faults`` at full length, and a table of what they found.

    python benchmarks/reliability.py                        all of them, one after the other: an hour and a quarter
    python benchmarks/reliability.py --save                 also writes results/reliability.json and results/reliability.md
    python benchmarks/reliability.py --save --only kills    this one; what the others found stays

The tests run the same programs for seconds. Figures of time mean nothing here, so other programs may run beside it, and a
few of these at once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
from machine import commit, machine_name
from speed import RESULTS

ROOT = Path(__file__).resolve().parents[1]
LOCK_FILE = Path(tempfile.gettempdir()) / "small_dataset_audio.reliability.lock"
"""Stays: another run may be waiting for it."""


@dataclass(frozen=True)
class Campaign:
    """A program of faults, and how its line of JSON reads as a row of the table."""

    name: str
    fault: str
    command: str
    injected: Callable[[dict[str, Any]], str]
    failures: Callable[[dict[str, Any]], int]
    bytes_lost: Callable[[dict[str, Any]], str]
    remarks: Callable[[dict[str, Any]], str]


def _nothing_to_lose(_: dict[str, Any]) -> str:
    return "-"


def _equality(differences: Sequence[str]) -> str:
    return f"{len(differences)} differences at the end" if differences else "at the end all bits are equal"


def _growth(run: dict[str, Any]) -> str:
    first, last = run["first"], run["last"]
    return f"{first['rss_mb']:.0f} to {last['rss_mb']:.0f} MB, {first['open_files']} to {last['open_files']} files open"


CAMPAIGNS = (
    Campaign(
        "kills",
        "SIGKILL at a random moment, or inside a random file operation",
        "tests/faults/kill_campaign.py --kills 200",
        lambda found: ", ".join(f"{name} {count}" for name, count in found["kills"].items()),
        lambda found: len(found["failures"]) + found["strays_left"],
        lambda found: str(found["bytes_lost"]),
        lambda found: f"{found['operations']} of them inside an operation; {found['strays_left']} temporaries left",
    ),
    Campaign(
        "training",
        "SIGKILL in a training, which is then resumed",
        "tests/faults/training_kills.py --kills 20",
        lambda found: f"{found['kills']} kills",
        lambda found: len(found["differences"]) + len(found["lost"]),
        lambda found: str(found["bytes_lost"]),
        lambda found: (
            f"{found['killed_inside_a_write']} of them inside the write of a checkpoint; {_equality(found['differences'])}"
        ),
    ),
    Campaign(
        "audio",
        "damaged audio files",
        "tests/faults/fuzz_audio.py --seconds 1800",
        lambda found: f"{found['runs']} files",
        lambda found: len(found["broken"]),
        _nothing_to_lose,
        lambda found: (
            f"{found['used']} used, the others skipped; decoders that crashed {found['crashes']}, hung {found['hangs']}; "
            f"slowest {found['slowest_s']:.1f} s, {found['max_memory_mb']:.0f} MB"
        ),
    ),
    Campaign(
        "models",
        "hostile models, checkpoints and sidecars",
        "tests/faults/fuzz_models.py --seconds 1800",
        lambda found: f"{found['runs']} files",
        lambda found: int(found["crashes"]),
        _nothing_to_lose,
        lambda found: f"{found['refused']} refused, {found['accepted']} whole; {found['max_memory_mb']} MB",
    ),
    Campaign(
        "library",
        "hostile presets, archives, cards and histories",
        "tests/faults/fuzz_library.py --seconds 600",
        lambda found: f"{found['runs']} files",
        lambda found: int(found["crashes"]),
        _nothing_to_lose,
        lambda found: f"{found['refused']} refused, {found['accepted']} whole; {found['max_memory_mb']} MB",
    ),
    Campaign(
        "long",
        "a training of 2 h by a fast clock, and 1,000 takes",
        "tests/faults/long_run.py",
        lambda found: f"{found['training']['steps']} steps, {found['takes']['count']} takes",
        lambda found: sum(found[name]["has_grown"] for name in ("training", "takes")),
        _nothing_to_lose,
        lambda found: "; ".join(f"{name}: {_growth(found[name])}" for name in ("training", "takes")),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, save where asked; 1 where anything was lost or got in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/reliability.json and results/reliability.md")
    parser.add_argument("--only", choices=[campaign.name for campaign in CAMPAIGNS], nargs="+", help="these alone")
    options = parser.parse_args(arguments)
    chosen = [campaign for campaign in CAMPAIGNS if options.only is None or campaign.name in options.only]
    results = {campaign.name: _run(campaign) for campaign in chosen}
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / "reliability.json"
        with filelock.FileLock(LOCK_FILE):  # several may run at once
            results = (json.loads(path.read_text()) if path.is_file() else {}) | results
            path.write_text(json.dumps(results, indent=2) + "\n")
            path.with_suffix(".md").write_text(table(results))
    print(table(results))
    return int(any(campaign.failures(results[campaign.name]["found"]) for campaign in chosen))


def _run(campaign: Campaign) -> dict[str, Any]:
    program, *options = campaign.command.split()
    done = subprocess.run([sys.executable, ROOT / program, *options], stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        raise RuntimeError(f"{campaign.command} ended with code {done.returncode} and said nothing")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "found": json.loads(lines[-1]),
    }


def table(results: dict[str, Any]) -> str:
    """Markdown of all that is known."""
    lines = [
        "# Reliability",
        "",
        "Made by `python benchmarks/reliability.py --save`, which runs the programs of the last column.",
        "",
        "| fault | injected | failures | bytes lost | | when | command |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for campaign in CAMPAIGNS:
        if campaign.name not in results:
            continue
        result = results[campaign.name]
        found = result["found"]
        cells = (
            campaign.fault,
            campaign.injected(found),
            str(campaign.failures(found)),
            campaign.bytes_lost(found),
            campaign.remarks(found),
            f"{result['date']}, commit {result['commit']}, {result['machine']}",
            f"`python {campaign.command}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
