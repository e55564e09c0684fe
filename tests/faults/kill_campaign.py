"""Kill whatever this program does, at random moments, and look what is left.

    python tests/faults/kill_campaign.py                     200 kills, a report in one line of JSON
    python tests/faults/kill_campaign.py --kills 25 --seed 7

Each kill is a SIGKILL of a real process, by turns after a random time or at a random file operation. After each one the library
must open, no half file may have a final name, and everything that was reported as done must be there; see `kill_jobs.py`.
For Linux and macOS: children are forks of a process that has imported everything, so that a kill costs no start.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a process with threads of its own cannot be forked
sys.path.insert(0, str(Path(__file__).parent.parent))

import matplotlib.pyplot  # noqa: F401 - children would load it again and again
import numpy as np
import pytest
import torch

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
        Temporaries that the next start did not sweep.
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
        _in_child(job.prepare, places[job.name])
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
    report.strays_left = sum(len(leftovers(place)) for place in places.values())
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _checked(job: Job, place: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
    """What the job finds wrong; a check that cannot even be made is a failure too."""
    try:
        yield from job.check(place, said)
    except (SdaError, OSError, ValueError, LookupError) as error:
        yield Loss(f"{type(error).__name__}: {error}")


def _kill_once(job: Job, place: Path, generator: np.random.Generator, *, at_operation: bool) -> list[tuple[str, str]]:
    """Start the job in a child, kill it, and return what it had said."""
    reader, writer = os.pipe()
    operation = int(generator.integers(1, _MOST_OPERATIONS, endpoint=True)) if at_operation else 0
    after_s = generator.uniform(0.0, job.longest_s)
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_until_killed(job, place, writer, operation)
    os.close(writer)
    if at_operation:
        _wait(child, job.longest_s + _START_S)
    else:
        time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        lines = pipe.read().splitlines()
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"{job.name} ended by itself: {lines[-1:]}")
    return [(what, which) for what, _, which in (line.partition("\t") for line in lines)]


def _wait(child: int, most_s: float) -> None:
    """Wait until a child has killed itself, without taking away its status."""
    ends = time.monotonic() + most_s
    while time.monotonic() < ends:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.01)


def _run_until_killed(job: Job, place: Path, writer: int, operation: int) -> None:
    """The child's life: it never returns."""
    write = os.write  # the real one, whatever is counted below

    def say(what: str, which: str) -> None:
        write(writer, f"{what}\t{which}\n".encode())

    try:
        with pytest.MonkeyPatch.context() as patch:
            _make_quick(job, patch)
            if operation:
                _die_at(operation, patch)
            job.run(place, say)
    finally:
        say("ended", traceback.format_exc().replace("\n", " | "))
        os._exit(1)


def _make_quick(job: Job, patch: pytest.MonkeyPatch) -> None:
    if isinstance(job, TrainJob):
        make_training_quick(patch)
        patch.setattr("small_dataset_audio.workflow.train_run._CHECKPOINT_EVERY_S", 0.0)


def _die_at(number: int, patch: pytest.MonkeyPatch) -> None:
    """Kill this process at its Nth file operation."""
    calls = 0

    def counted(operation: Any) -> Any:
        def count(*arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **keywords)

        return count

    for name in _OPERATIONS:
        patch.setattr(os, name, counted(getattr(os, name)))


def _in_child(work: Callable[[Path], None], place: Path) -> None:
    """Do something in a fork, so that no thread starts here."""
    child = os.fork()
    if child == 0:
        try:
            work(place)
        except BaseException:  # noqa: BLE001 - a fork must not go on with its parent's work, whatever happens
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"{work} failed")


if __name__ == "__main__":
    sys.exit(main())
