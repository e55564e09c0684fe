"""Kill whatever this program does, at random moments, and look what is left.

    python tests/faults/kill_campaign.py                     200 kills, a report in one line of JSON
    python tests/faults/kill_campaign.py --kills 25 --seed 7

Each kill is a SIGKILL of a real process, by turns after a random time or at a random file operation. After each one the library
must open, no half file may have a final name, and everything that was reported as done must be there; see `kill_jobs.py`. At
the end each job's work is begun once more as a user would, and what is left then of temporaries, and of recordings that no
model lists, is counted. For Linux and macOS; see `forked.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a process with threads of its own cannot be forked
sys.path.insert(0, str(Path(__file__).parent.parent))

import matplotlib.pyplot  # noqa: F401 - children would load it again and again
import numpy as np
import pytest
import torch

from faults.forked import Fork, Say, die_at, in_fork
from faults.kill_jobs import JOBS, Job, Loss, TrainJob, leftovers
from small_dataset_audio.errors import SdaError
from workflow.conftest import make_training_quick

_OPERATIONS = ("open", "write", "fsync", "link", "replace", "unlink", "close", "mkdir", "rmdir")
_MOST_OPERATIONS = 60
_START_S = 20.0  # for a child to say its first word; a busy machine is slow


@dataclass
class Report:
    """What a campaign found.

    Parameters
    ----------
    kills : dict of str to int
        By job.
    operations : int
        How many of them at a file operation; the others after a time.
    failures : list of str
    bytes_lost : int
        Of what had been reported as done.
    strays_left : int
        Temporaries, and recordings that no model lists, that the next start did not sweep.
    seconds : float
    """

    kills: dict[str, int] = field(default_factory=dict)
    operations: int = 0
    failures: list[str] = field(default_factory=list)
    bytes_lost: int = 0
    strays_left: int = 0
    seconds: float = 0.0

    def to_json(self) -> str:
        """One line."""
        return json.dumps({"total_kills": sum(self.kills.values()), **asdict(self)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; the exit code is 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        report = run_campaign(Path(folder), options.kills, options.seed)
    sys.stdout.write(report.to_json() + "\n")
    return 1 if report.failures or report.strays_left else 0


def run_campaign(root: Path, num_kills: int, seed: int) -> Report:
    """Kill `num_kills` times, by turns in each job.

    Parameters
    ----------
    root : Path
        Empty folder to work in.
    num_kills, seed : int
    """
    torch.set_num_threads(1)
    began = time.monotonic()
    report = Report()
    generator = np.random.default_rng(seed)
    places = {job.name: root / job.name for job in JOBS}
    for job in JOBS:
        places[job.name].mkdir()
        in_fork(partial(job.prepare, places[job.name]))
    for number in range(num_kills):
        job = JOBS[number % len(JOBS)]
        # By rounds: all jobs after a time, then all at an operation.
        at_operation = number // len(JOBS) % 2 == 1
        said = _kill_once(job, places[job.name], generator, at_operation=at_operation)
        report.kills[job.name] = report.kills.get(job.name, 0) + 1
        report.operations += at_operation
        for loss in _checked(job, places[job.name], said):
            report.failures.append(f"kill {number}, {job.name}: {loss.what}")
            report.bytes_lost += loss.num_bytes
            sys.stderr.write(report.failures[-1] + "\n")
    for job in JOBS:
        place = places[job.name]
        in_fork(partial(_start_again, job, place))
        for stray in leftovers(place):
            report.strays_left += 1
            sys.stderr.write(f"left by {job.name}: {stray.relative_to(place)}\n")
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _checked(job: Job, place: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
    """What the job finds wrong; a check that cannot even be made is a failure too."""
    try:
        yield from job.check(place, said)
    except (SdaError, OSError, ValueError, LookupError) as error:
        yield Loss(f"{type(error).__name__}: {error}")


def _kill_once(job: Job, place: Path, generator: np.random.Generator, *, at_operation: bool) -> list[tuple[str, str]]:
    """Start the job in a fork, kill it, and return what it had said."""
    operation = int(generator.integers(1, _MOST_OPERATIONS, endpoint=True)) if at_operation else 0
    after_s = generator.uniform(0.0, job.longest_s)
    fork = Fork(lambda say: _run_until_killed(job, place, say, operation))
    if at_operation:
        fork.kill_unless_dead_in(job.longest_s + _START_S)
    else:
        fork.kill_after(after_s)
    if not fork.end():
        raise RuntimeError(f"{job.name} ended by itself; it had said {fork.said[-1:]}")
    return fork.said


def _run_until_killed(job: Job, place: Path, say: Say, operation: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _make_quick(job, patch)
        if operation:
            die_at(operation, patch, _OPERATIONS)
        job.run(place, say)


def _start_again(job: Job, place: Path) -> None:
    """What a user does next, and nothing more: look at the models, and go on."""
    with pytest.MonkeyPatch.context() as patch:
        _make_quick(job, patch)
        job.go_on(place)


def _make_quick(job: Job, patch: pytest.MonkeyPatch) -> None:
    if isinstance(job, TrainJob):
        make_training_quick(patch)
        patch.setattr("small_dataset_audio.workflow.train_run._CHECKPOINT_EVERY_S", 0.0)


if __name__ == "__main__":
    sys.exit(main())
