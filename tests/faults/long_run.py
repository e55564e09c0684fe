"""Long runs in a short time: memory and open files must be at the end what they were at the beginning.

    python tests/faults/long_run.py                                   2 h of training by a clock that runs fast, and 1,000 takes
    python tests/faults/long_run.py --simulated-s 120 --takes 30 --play-mb 40      what the tests do

A narrow model is trained through the whole workflow, checkpoints, previews and saved model included. Its clock goes on by a
fifth of a second each time it is looked at, some five times a step. Then takes are made, one after the other. The report is one
line of JSON; what is measured first is measured after a warm-up, when caches and pools are full. The exit code is 1 where
memory or open files have grown since.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # before torch: beside other programs, threads that spin take minutes
sys.path[:0] = [str(Path(__file__).parent.parent)]

import psutil  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from small_dataset_audio.corpus import MODEL_SCAN, scan_corpus  # noqa: E402
from small_dataset_audio.inference import GenerationConfig  # noqa: E402
from small_dataset_audio.library import Library  # noqa: E402
from small_dataset_audio.plots import plot_losses  # noqa: E402
from small_dataset_audio.training import TrainingProgress  # noqa: E402
from small_dataset_audio.training.state import LossPoint  # noqa: E402
from small_dataset_audio.workflow import PreviewMade, TrainRequest, generate_takes, load_pipeline  # noqa: E402
from small_dataset_audio.workflow.train_run import TrainRun  # noqa: E402
from tiny import write_recordings  # noqa: E402
from workflow.conftest import make_training_quick  # noqa: E402

_LOOK_S = 0.2
_WARM_UP_SHARE = 0.3  # the first preview is made after a quarter
_PLAY_MB = 10.0  # what an allocator may keep more than it held
_PLAY_SHARE = 0.05


@dataclass(frozen=True)
class Usage:
    """What this process holds: memory [MB], and open files."""

    rss_mb: float
    open_files: int


class FastClock:
    """Goes on whenever it is looked at."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += _LOOK_S
        return self.now_s


def main() -> int:
    """Run both, and report; the exit code is 1 where either has grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated-s", type=float, default=7200.0)
    parser.add_argument("--takes", type=int, default=1000)
    parser.add_argument("--play-mb", type=float, default=_PLAY_MB, help="growth of memory that is none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        make_training_quick(patch)
        library = Library(Path(place) / "home")
        report = {
            "training": train(Path(place), library, options.simulated_s),
            "takes": make_takes(Path(place), library, options.takes),
        }
    for part in report.values():
        part["has_grown"] = has_grown(part["first"], part["last"], options.play_mb)
    sys.stdout.write(json.dumps(report) + "\n")
    return int(any(part["has_grown"] for part in report.values()))


def has_grown(first: dict[str, Any], last: dict[str, Any], play_mb: float = _PLAY_MB) -> bool:
    """Whether more is held at the end than after the warm-up: more memory than an allocator's play, or any file.

    Parameters
    ----------
    first, last : dict
        A `Usage` each.
    play_mb : float
        Growth [MB] that is none, besides a twentieth.
    """
    most_mb = (1.0 + _PLAY_SHARE) * first["rss_mb"] + play_mb
    return bool(last["rss_mb"] > most_mb or last["open_files"] > first["open_files"])


def train(place: Path, library: Library, simulated_s: float) -> dict[str, Any]:
    """Train for so long by the fast clock, through the workflow."""
    # A first picture opens fonts that stay open.
    plot_losses([LossPoint(step, 1.0, 1.0) for step in (1, 2)], place / "fonts.png", title="x")
    began, clock = time.monotonic(), FastClock()
    folder = library.folder_of("plucks")
    (folder / "previews").mkdir(parents=True)
    corpus = scan_corpus(write_recordings(place / "recordings"), MODEL_SCAN)
    request = TrainRequest(corpus.folder, "plucks", budget_s=simulated_s, device="cpu")
    run = TrainRun(request, "plucks", folder, corpus, torch.device("cpu"), 0.0, clock)
    first: Usage | None = None
    steps = previews = 0
    for event in run.train(lambda: False):
        previews += isinstance(event, PreviewMade)
        if isinstance(event, TrainingProgress):
            steps = event.step
            if first is None and event.progress > _WARM_UP_SHARE:
                first = usage()
    return _report(first, began) | {"simulated_s": round(clock.now_s), "steps": steps, "previews": previews}


def make_takes(place: Path, library: Library, count: int) -> dict[str, Any]:
    """Make takes of the model that was trained, and throw them away."""
    began, first, made = time.monotonic(), None, 0
    pipeline = load_pipeline("plucks", library=library)
    for take in generate_takes(pipeline, GenerationConfig(0.5, seed=1), count=count, output_dir=place / "takes"):
        made += 1
        take.wav_path.unlink()
        take.json_path.unlink()
        if first is None and made > _WARM_UP_SHARE * count:
            first = usage()
    return _report(first, began) | {"count": made}


def usage() -> Usage:
    """Measure this process, once what is garbage is gone."""
    gc.collect()
    process = psutil.Process()
    open_files = process.num_handles() if os.name == "nt" else process.num_fds()
    return Usage(round(process.memory_info().rss / 1e6, 1), open_files)


def _report(first: Usage | None, began: float) -> dict[str, Any]:
    if first is None:
        raise AssertionError("it was over before the warm-up was; make it longer")
    return {
        "first": asdict(first),
        "last": asdict(usage()),
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
