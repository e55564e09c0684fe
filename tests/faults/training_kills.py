"""Kill a training again and again, and see that it ends as if nobody had.

    python tests/faults/training_kills.py                     20 kills, a report in one line of JSON
    python tests/faults/training_kills.py --kills 5 --seed 7

One training runs from its first step to its last in one process. Another, of the same recordings and seed, is killed (SIGKILL,
a real process) at random moments: by turns after a random time, and at a random file operation, which mostly is inside the
write of a checkpoint, half of it written. Each time a new process goes on with it. At the end both must be equal bit for bit:
weights, their average, both moments of the optimiser, the losses of every step, the previews as files, the model with its
recordings. Every step writes a checkpoint, so that there is much to hit. For Linux and macOS: processes are forks of one that
has imported everything, so that a kill costs no start.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # before torch: beside other programs, threads that spin take minutes
sys.path[:0] = [str(Path(__file__).parent.parent)]

import matplotlib.pyplot  # noqa: E402, F401 - the losses' picture loads it, and each process would anew
import pytest  # noqa: E402
import torch  # noqa: E402
from safetensors import safe_open  # noqa: E402

from small_dataset_audio.library import CHECKPOINT_FILE, Library  # noqa: E402
from small_dataset_audio.training.recovery import GOOD_EVERY_STEPS  # noqa: E402
from small_dataset_audio.workflow import TrainRequest, train_corpus, train_run  # noqa: E402
from small_dataset_audio.workflow.train_events import TrainingProgress, TrainingStarted  # noqa: E402
from tiny import write_recordings  # noqa: E402
from workflow.conftest import make_training_quick  # noqa: E402

_NAME = "plucks"
_LAST = "last.safetensors"  # the checkpoint of the last step, which a finished training removes
_OF_THE_CLOCK = {"elapsed_s", "budget_s"}
_STARTED, _STEP = b"s", b"."
_MOST_OPERATIONS = 24  # a checkpoint takes six


def main() -> int:
    """Kill, compare, report; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        report = run(Path(place), options.kills, options.seed)
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if report["differences"] else 0


def run(place: Path, kills: int, seed: int) -> dict[str, Any]:
    """Train twice below `place`, once with `kills` kills on the way; returns the report."""
    began = time.monotonic()
    recordings = write_recordings(place / "recordings")
    num_steps = max(3 * kills, 2 * GOOD_EVERY_STEPS + 5)
    whole, killed = (
        _Training(place / "whole", recordings, num_steps),
        _Training(place / "killed", recordings, num_steps),
    )
    whole.start().wait_for_the_end()
    draws, log = random.Random(seed), []  # noqa: S311 - no secret
    while len(log) < kills:
        process = killed.start(die_at=draws.randrange(1, _MOST_OPERATIONS) if len(log) % 2 else None)
        if len(log) % 2 == 0:
            process.kill_after(draws.uniform(0.0, 6.0) * whole.step_s)
        if not process.was_killed():
            raise AssertionError(f"the training came to its end after {len(log)} kills; give it more steps")
        log.append(killed.what_is_left())
    killed.start().wait_for_the_end()
    return {
        "kills": kills,
        "seed": seed,
        "steps": num_steps,
        "step_when_killed": [left["step"] for left in log],
        "killed_inside_a_write": sum(left["temporaries"] > 0 for left in log),
        "seconds": round(time.monotonic() - began, 1),
        "differences": differences(whole.home, killed.home),
    }


def differences(one: Path, other: Path) -> list[str]:
    """Compare what two trainings left; empty where it is the same, but for the time that it took."""
    found = [
        f"last checkpoint: {text}" for text in _tensor_file_differences(one / _LAST, other / _LAST, compare_header=True)
    ]
    folders = [Library(home).folder_of(_NAME) for home in (one, other)]
    models = [folder / "model.safetensors" for folder in folders]
    found += [f"model: {text}" for text in _tensor_file_differences(*models, compare_header=False)]
    names = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) for folder in folders
    ]
    if names[0] != names[1]:
        found.append(f"files {names[0]} and {names[1]}")
    for name in set(names[0]) & set(names[1]):
        if name.endswith((".wav", ".flac", ".png")) and len({(folder / name).read_bytes() for folder in folders}) > 1:
            found.append(f"{name} has other bytes")
    return found


def _tensor_file_differences(one: Path, other: Path, *, compare_header: bool) -> list[str]:
    with safe_open(one, "pt") as mine, safe_open(other, "pt") as its:
        if set(mine.keys()) != set(its.keys()):
            return ["other tensors"]
        found = [name for name in mine.keys() if not torch.equal(mine.get_tensor(name), its.get_tensor(name))]  # noqa: SIM118
        headers = [json.loads(next(iter(file.metadata().values()))) for file in (mine, its)]
    if compare_header and _without_the_clock(headers[0]) != _without_the_clock(headers[1]):
        found.append("header")
    return found


def _without_the_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_the_clock(item) for key, item in value.items() if key not in _OF_THE_CLOCK}
    return [_without_the_clock(item) for item in value] if isinstance(value, list) else value


class _Training:
    """One training in a library of its own, by as many processes as it takes."""

    def __init__(self, home: Path, recordings: Path, num_steps: int) -> None:
        self.home = home
        self.step_s = 0.0
        self._request = TrainRequest(recordings, _NAME, device="cpu", max_steps=num_steps)

    def start(self, die_at: int | None = None) -> _Process:
        """Begin, or go on where there is a checkpoint."""
        checkpoint = Library(self.home).folder_of(_NAME) / CHECKPOINT_FILE
        return _Process(lambda send: self._train(send, resume=checkpoint.is_file(), die_at=die_at), self)

    def what_is_left(self) -> dict[str, int]:
        """Step of the checkpoint, which must be whole, and temporaries that show what was being written."""
        folder = Library(self.home).folder_of(_NAME)
        temporaries = sum(1 for path in folder.rglob(".sda-tmp-*") if path.is_file())
        if not (folder / CHECKPOINT_FILE).is_file():
            return {"step": 0, "temporaries": temporaries}
        with safe_open(folder / CHECKPOINT_FILE, "pt") as file:
            step = json.loads(file.metadata()["small_dataset_audio_checkpoint"])["step"]
            for name in file.keys():  # noqa: SIM118 - safe_open is no mapping
                file.get_tensor(name)
        return {"step": step, "temporaries": temporaries}

    def _train(self, send: Callable[[bytes], object], *, resume: bool, die_at: int | None) -> None:
        patch = pytest.MonkeyPatch()
        make_training_quick(patch)
        patch.setattr(train_run, "_CHECKPOINT_EVERY_S", 0.0)
        really_save = train_run.save_checkpoint

        def save_and_keep(path: Path, *arguments: Any, **named: Any) -> None:
            really_save(path, *arguments, **named)
            kept = self.home / "kept"
            kept.unlink(missing_ok=True)
            os.link(path, kept)
            kept.rename(self.home / _LAST)

        patch.setattr(train_run, "save_checkpoint", save_and_keep)
        if resume:
            self._request = replace(self._request, resume=True)
        for event in train_corpus(self._request, Library(self.home)):
            if isinstance(event, TrainingStarted):
                send(_STARTED)
                if die_at is not None:
                    _die_at_operation(die_at, patch)
            if isinstance(event, TrainingProgress):
                send(_STEP)


def _die_at_operation(number: int, patch: pytest.MonkeyPatch) -> None:
    """Let this process kill itself at a file operation: before it, or with half of a file written."""
    left = [number]

    def is_the_one() -> bool:
        left[0] -= 1
        return left[0] == 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if is_the_one():
                die()
            return operation(*arguments, **named)

        return call

    def write_bytes(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            if is_the_one():
                file.write(data[: len(data) // 2])
                file.flush()
                die()
            return file.write(data)

    patch.setattr(Path, "write_bytes", write_bytes)
    for name in ("fsync", "replace", "unlink"):
        patch.setattr(os, name, deadly(getattr(os, name)))


class _Process:
    """A fork that trains, and says what it has come to through a pipe."""

    def __init__(self, work: Callable[[Callable[[bytes], object]], None], training: _Training) -> None:
        self._training = training
        read_end, write_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(read_end)
            _work_and_exit(work, write_end)
        os.close(write_end)
        self._events = os.fdopen(read_end, "rb", buffering=0)

    def kill_after(self, seconds: float) -> None:
        """Kill it this long after its training has started."""
        if self._events.read(1) == _STARTED:
            time.sleep(seconds)
        os.kill(self._pid, signal.SIGKILL)

    def was_killed(self) -> bool:
        """Wait for its end; whether that was a kill. Any other end but a good one is an error."""
        with self._events:
            while self._events.read(1 << 16):
                pass
        _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return True
        if status:
            raise AssertionError(f"a training process ended with status {status}; see its traceback above")
        return False

    def wait_for_the_end(self) -> None:
        """Wait for a good end, and measure the time of a step on the way."""
        self._events.read(1)
        began, steps = time.monotonic(), 0
        while self._events.read(1):
            steps += 1
        if self.was_killed():
            raise AssertionError("a training process was killed by somebody else: too little memory?")
        self._training.step_s = (time.monotonic() - began) / max(steps, 1)


def _work_and_exit(work: Callable[[Callable[[bytes], object]], None], write_end: int) -> None:
    code = 1
    try:
        work(lambda data: os.write(write_end, data))
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not come to the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
