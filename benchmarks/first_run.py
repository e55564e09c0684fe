"""What a new user waits for: the README's two commands from a fresh clone, in a fresh environment.

    python benchmarks/first_run.py             prints the table
    python benchmarks/first_run.py --save      also writes results/first_run.json and results/first_run.md

Clones this repository's last commit into a temporary folder and runs ``make demo`` and ``make test`` there; nothing but Python,
pip and make is taken from this machine (and root, where the tests on recordings shall install their Debian package).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from machine import machine_name

REPOSITORY = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
GOALS = {"demo": "under 6 minutes", "test": "under 20 minutes, with lint and types"}


def main() -> None:
    """Clone, run, print, and save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/first_run.json and results/first_run.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        commit = _output(["git", "-C", str(clone), "rev-parse", "--short", "HEAD"])
        report = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit,
            "machine": machine_name(),
            "python": platform.python_version(),
            "runs": [_run(target, clone, Path(folder) / "home") for target in GOALS],
        }
    table = _table(report)
    print(table)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "first_run.json").write_text(json.dumps(report, indent=2) + "\n")
        (RESULTS / "first_run.md").write_text(table)


def _run(target: str, clone: Path, home: Path) -> dict[str, Any]:
    environment = {**os.environ, "SDA_HOME": str(home)}
    started = time.perf_counter()
    finished = subprocess.run(
        ["make", target], cwd=clone, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    wall_s = time.perf_counter() - started
    if finished.returncode:
        sys.exit(f"make {target} failed with exit code {finished.returncode}:\n{finished.stdout[-2000:]}")
    # The largest single process so far; `demo` runs first, so its figure is its own.
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    counted = re.search(r"\d+ passed.*? in [\d.]+s", finished.stdout)
    return {"target": target, "wall_s": wall_s, "peak_mb": peak_mb, "tests": counted.group(0) if counted else ""}


def _output(command: list[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _table(report: dict[str, Any]) -> str:
    lines = [
        "# First run",
        "",
        f"{report['date']}, commit {report['commit']}, {report['machine']}, Python {report['python']}. "
        "Made by `python benchmarks/first_run.py --save`.",
        "",
        "| command, from a fresh clone | wall time | largest process | goal | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for run in report["runs"]:
        minutes, seconds = divmod(round(run["wall_s"]), 60)
        lines.append(
            f"| `make {run['target']}` | {minutes} min {seconds:02d} s | {run['peak_mb']:.0f} MB "
            f"| {GOALS[run['target']]} | {run['tests']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
