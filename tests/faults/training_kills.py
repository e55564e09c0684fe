"""Kill a training again and again, and see that it ends as if nobody had.

    python tests/faults/training_kills.py                     20 kills, a report in one line of JSON
    python tests/faults/training_kills.py --kills 5 --seed 7

One training runs from its first step to its last in one process. Another, of the same recordings and seed, is killed (SIGKILL,
a real process) at random moments: by turns after a random time, and at a random file operation, which mostly is inside the
write of a checkpoint, half of it written. Each time a new process goes on with it. At the end both must be equal bit for bit:
weights, their average, both moments of the optimiser, the losses of every step, the previews as files, the model with its
recordings. Every step writes a checkpoint, so that there is much to hit; one that was written when its process was killed is
lost where it is not there afterwards, or an older one. For Linux and macOS; see `forked.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
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

from faults.forked import HALF_A_FILE, Fork, Say, die_at  # noqa: E402
from small_dataset_audio.files import TEMPORARY_PREFIX  # noqa: E402
from small_dataset_audio.library import CHECKPOINT_FILE, Library  # noqa: E402
from small_dataset_audio.training.checkpoint_header import METADATA_KEY  # noqa: E402
from small_dataset_audio.training.recovery import GOOD_EVERY_STEPS  # noqa: E402
from small_dataset_audio.workflow import TrainRequest, train_corpus, train_run  # noqa: E402
from small_dataset_audio.workflow.train_events import TrainingStarted  # noqa: E402
from tiny import write_recordings  # noqa: E402
from workflow.conftest import make_training_quick  # noqa: E402

_NAME = "plucks"
_LAST = "last.safetensors"  # the checkpoint of the last step, which a finished training removes
_OF_THE_CLOCK = {"elapsed_s", "budget_s"}
_STARTED, _SAVED = "started", "saved"
_OPERATIONS = (HALF_A_FILE, "fsync", "replace", "unlink")
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
    return 1 if report["differences"] or report["lost"] else 0


def run(place: Path, kills: int, seed: int) -> dict[str, Any]:
    """Train twice below `place`, once with `kills` kills on the way; returns the report."""
    began = time.monotonic()
    recordings = write_recordings(place / "recordings")
    num_steps = max(3 * kills, 2 * GOOD_EVERY_STEPS + 5)
    whole, killed = (
        _Training(place / "whole", recordings, num_steps),
        _Training(place / "killed", recordings, num_steps),
    )
    step_s = whole.run_to_the_end()
    draws, log, lost = random.Random(seed), [], {}  # noqa: S311 - no secret
    while len(log) < kills:
        process = killed.start(die_at_operation=draws.randrange(1, _MOST_OPERATIONS) if len(log) % 2 else None)
        if len(log) % 2 == 0:
            process.kill_after(draws.uniform(0.0, 6.0) * step_s, once=_STARTED)
        if not process.end():
            raise AssertionError(f"the training came to its end after {len(log)} kills; give it more steps")
        log.append(killed.what_is_left())
        lost |= lost_checkpoint(process.said, log[-1]["step"])
    killed.run_to_the_end()
    return {
        "kills": kills,
        "seed": seed,
        "steps": num_steps,
        "step_when_killed": [left["step"] for left in log],
        "killed_inside_a_write": sum(left["temporaries"] > 0 for left in log),
        "seconds": round(time.monotonic() - began, 1),
        "differences": differences(whole.home, killed.home),
        "lost": list(lost),
        "bytes_lost": sum(lost.values()),
    }


def lost_checkpoint(said: Sequence[tuple[str, str]], step: int) -> dict[str, int]:
    """What a killed process had written and is not there: what it is, and its size [bytes]; empty where all is there.

    Parameters
    ----------
    said : sequence of (str, str)
        By the process; of each checkpoint that was written its step and size.
    step : int
        Of the checkpoint that is left; 0 where there is none.
    """
    written = [which.split("/") for what, which in said if what == _SAVED]
    if not written or int(written[-1][0]) <= step:
        return {}
    return {f"the checkpoint of step {written[-1][0]}; step {step} is left": int(written[-1][1])}


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
        found = [name for name in mine.keys() if _bits(mine.get_tensor(name)) != _bits(its.get_tensor(name))]  # noqa: SIM118
        headers = [json.loads(next(iter(file.metadata().values()))) for file in (mine, its)]
    if compare_header and _without_the_clock(headers[0]) != _without_the_clock(headers[1]):
        found.append("header")
    return found


def _bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    """What is compared; two NaN are equal where their bits are."""
    return tensor.dtype, tensor.shape, tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _without_the_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_the_clock(item) for key, item in value.items() if key not in _OF_THE_CLOCK}
    return [_without_the_clock(item) for item in value] if isinstance(value, list) else value


class _Training:
    """One training in a library of its own, by as many processes as it takes."""

    def __init__(self, home: Path, recordings: Path, num_steps: int) -> None:
        self.home = home
        self._request = TrainRequest(recordings, _NAME, device="cpu", max_steps=num_steps)

    def start(self, die_at_operation: int | None = None) -> Fork:
        """Begin, or go on where there is a checkpoint."""
        checkpoint = Library(self.home).folder_of(_NAME) / CHECKPOINT_FILE
        return Fork(lambda say: self._train(say, resume=checkpoint.is_file(), die_at_operation=die_at_operation))

    def run_to_the_end(self) -> float:
        """Begin, or go on, until it is done; returns the time of a step [s]."""
        process, moments_s = self.start(), []
        for _ in process.lines():
            moments_s.append(time.monotonic())
        if process.end():
            raise AssertionError("a training process was killed by somebody else: too little memory?")
        return (moments_s[-1] - moments_s[0]) / max(len(moments_s) - 1, 1)

    def what_is_left(self) -> dict[str, int]:
        """Step of the checkpoint, which must be whole, and temporaries that show what was being written."""
        folder = Library(self.home).folder_of(_NAME)
        temporaries = sum(1 for path in folder.rglob(f"{TEMPORARY_PREFIX}*") if path.is_file())
        if not (folder / CHECKPOINT_FILE).is_file():
            return {"step": 0, "temporaries": temporaries}
        with safe_open(folder / CHECKPOINT_FILE, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - safe_open is no mapping
                file.get_tensor(name)
        return {"step": _step_of(folder / CHECKPOINT_FILE), "temporaries": temporaries}

    def _train(self, say: Say, *, resume: bool, die_at_operation: int | None) -> None:
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
            say(_SAVED, f"{_step_of(path)}/{path.stat().st_size}")

        patch.setattr(train_run, "save_checkpoint", save_and_keep)
        if resume:
            self._request = replace(self._request, resume=True)
        for event in train_corpus(self._request, Library(self.home)):
            if isinstance(event, TrainingStarted):
                say(_STARTED, "")
                if die_at_operation is not None:
                    die_at(die_at_operation, patch, _OPERATIONS)


def _step_of(checkpoint: Path) -> int:
    with safe_open(checkpoint, "pt") as file:
        return int(json.loads(file.metadata()[METADATA_KEY])["step"])


if __name__ == "__main__":
    sys.exit(main())
