"""Spoils model folders, checkpoints and sidecars, and sees that they are refused or read, and nothing else.

    python tests/faults/fuzz_models.py --seconds 1800 --seed 1 [--keep FOLDER]

Whatever the bytes: success, or an error that says what to do; under 5 seconds of the processor's time, and the process under
1 GB. The last line is one JSON object. Cases that break the rule are kept, compressed, where ``--keep`` says; small ones become
seeds in ``tests/faults/seeds/models/``, which ``test_fuzz_models.py`` replays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from faults.hostile import CORPUS, MODEL, change_header
from faults.mutations import mutate_bytes, mutate_json, mutate_text, mutate_weights
from models.modelfiles import KEY
from models.tiny import tiny_bundle, tiny_linear_bundle
from small_dataset_audio.errors import SdaError
from small_dataset_audio.files import parse_json, sha256_file
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.models import ConvVAE, ModelBundle, VAEConfig, load_bundle, read_metadata, save_bundle
from small_dataset_audio.training import TrainingConfig, load_checkpoint, save_checkpoint
from small_dataset_audio.training.state import new_state
from small_dataset_audio.workflow import rerender
from tiny import with_older_audio_name

MAX_CASE_S: Final = 5.0
_HUNG_AFTER_S: Final = 120
MAX_MEMORY_MB: Final = 1000.0
SEEDS: Final = Path(__file__).parent / "seeds" / "models"
CHECKPOINT_KEY: Final = f"{KEY}_checkpoint"


@dataclass(frozen=True)
class Case:
    """One spoilt file.

    Parameters
    ----------
    kind : {"model", "corpus", "checkpoint", "sidecar", "json"}
        Or one of `fuzz_library.py`.
    data : bytes
    """

    kind: str
    data: bytes

    @property
    def name(self) -> str:
        """File name as a seed."""
        return f"{self.kind}-{hashlib.sha256(self.data).hexdigest()[:12]}.z"

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.name).write_bytes(zlib.compress(self.data, 9))

    @classmethod
    def load(cls, path: Path) -> Case:
        return cls(path.name.partition("-")[0], zlib.decompress(path.read_bytes()))


class Workspace:
    """A library with a model in it to be spoilt, and the sound files that cases are made from."""

    def __init__(self, folder: Path) -> None:
        self.library = Library(folder / "home")
        self.model = self.library.folder_of("tiny")
        self.empty_library = Library(folder / "nothing")
        self.checkpoint = folder / "checkpoint.safetensors"
        self.sidecar = folder / "take.json"
        self.files: dict[str, list[bytes]] = {"model": [], "corpus": []}
        for bundle in (tiny_linear_bundle(), tiny_bundle()):
            save_bundle(self.model, bundle)
            with_older_audio_name(self.model)
            self.files["model"].append((self.model / MODEL).read_bytes())
        self.files["corpus"] += [(self.model / CORPUS).read_bytes(), _stereo_audio(self.model)]
        self.files["checkpoint"] = [_checkpoint(self.checkpoint, steps) for steps in (0, 2)]
        self.files["sidecar"] = [json.dumps(_SIDECAR).encode()]
        self.files["json"] = self.files["sidecar"]
        self.reset()

    def reset(self) -> None:
        save_bundle(self.model, tiny_bundle())
        with_older_audio_name(self.model)

    def read(self, case: Case) -> None:
        """Give a case to everything that reads such a file."""
        readers: dict[str, Callable[[bytes], None]] = {
            "model": self._read_model,
            "corpus": self._read_corpus,
            "checkpoint": self._read_checkpoint,
            "sidecar": self._read_sidecar,
            "json": lambda data: _parse(data),
        }
        readers[case.kind](case.data)

    def _read_model(self, data: bytes) -> None:
        (self.model / MODEL).write_bytes(data)
        (self.model / CORPUS).write_bytes(self.files["corpus"][0])
        (entry,) = self.library.entries()  # lists it as damaged, and raises nothing
        with suppress(SdaError):
            read_metadata(self.model)
        if entry.metadata is not None:  # what `sda models` makes of it
            datetime.fromisoformat(entry.metadata.created).astimezone()
            json.dumps(entry.metadata.corpus.duration_s, allow_nan=False)
        bundle = load_bundle(self.model)
        assert not entry.problem, entry.problem
        _use(bundle)

    def _read_corpus(self, data: bytes) -> None:
        (self.model / CORPUS).write_bytes(data)
        digest = sha256_file(self.model / CORPUS)
        channels = 2 if len(data) > 20 and (data[20] >> 1) & 7 == 1 else 1

        def agree(header: dict[str, Any]) -> None:
            metadata = json.loads(header["__metadata__"][KEY])
            metadata["corpus_audio"].update(sha256=digest, channels=channels)
            header["__metadata__"][KEY] = json.dumps(metadata)

        change_header(self.model / MODEL, agree)
        for clip in load_bundle(self.model).clips:
            assert np.isfinite(clip).all()

    def _read_checkpoint(self, data: bytes) -> None:
        self.checkpoint.write_bytes(data)
        load_checkpoint(self.checkpoint)

    def _read_sidecar(self, data: bytes) -> None:
        self.sidecar.write_bytes(data)
        rerender(self.sidecar, library=self.empty_library)


def _use(bundle: ModelBundle) -> None:
    """What a model is for, at its smallest: it must bear that, or have been refused."""
    walk = bundle.density.walk(20, np.random.default_rng(0))
    latents = torch.from_numpy(walk.latents(0, 20))
    with torch.inference_mode():
        bundle.model.decode(latents)
    bundle.density.draw_anchors(2, np.random.default_rng(0))


def _parse(data: bytes) -> None:
    with suppress(UnicodeDecodeError):
        value = parse_json(data.decode(), source="take.json")
        json.dumps(value, allow_nan=False)  # strict JSON in, strict JSON out


def _stereo_audio(folder: Path) -> bytes:
    bundle = tiny_bundle()
    save_bundle(folder, replace(bundle, sides=tuple(0.5 * clip[::-1] for clip in bundle.clips)))
    with_older_audio_name(folder)
    return (folder / CORPUS).read_bytes()


def _checkpoint(path: Path, steps: int) -> bytes:
    """A checkpoint that compresses well: its weights are ramps."""
    model = ConvVAE(VAEConfig(n_mels=8, latent_dim=1, width=8, frames_per_step=1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.25)
    config = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32)
    state = new_state(model, config)
    state.step = steps
    for parameter in model.parameters() if steps else ():
        moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
        state.optimizer.state[parameter] = {"step": torch.tensor(float(steps)), **moments}
    save_checkpoint(path, state, config, "c0ffee")
    return path.read_bytes()


_SIDECAR: Final[dict[str, Any]] = {
    "version": 1,
    "timestamp": "2026-11-22T10:00:00+00:00",
    "model_name": "tiny",
    "seed": 5,
    "generation": {name: getattr(GenerationConfig(), name) for name in GenerationConfig.__dataclass_fields__},
    "quality": {"snr_db": None, "rating": "green"},
    "audio": {"file": "take.wav", "sample_rate": 48_000, "channels": 1},
    "provenance": {
        "model_sha256": "0" * 64,
        "audio_sha256": "1" * 64,
        "environment": {"torch": "2.13.0", "threads": 2},
    },
}


def make_case(files: dict[str, list[bytes]], rng: random.Random) -> Case:
    """Spoil one of the sound files."""
    kind = rng.choice(("model", "model", "model", "corpus", "checkpoint", "sidecar", "json"))
    data = rng.choice(files[kind])
    if kind == "model":
        return Case(kind, mutate_weights(data, rng))
    if kind == "checkpoint":
        return Case(kind, mutate_weights(data, rng, CHECKPOINT_KEY))
    if kind == "corpus":
        return Case(kind, mutate_bytes(data, rng))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: json.dumps(mutate_json(json.loads(data), rng)).encode(),
        lambda: mutate_text(data.decode(), rng),
        lambda: mutate_bytes(data, rng),
    )
    return Case(kind, rng.choice(ways)())


class Reader(Protocol):
    """Gives a case to what reads such a file, and knows the sound files that cases are made from."""

    files: dict[str, list[bytes]]

    def read(self, case: Case) -> None:
        """Read a case; raise whatever comes of that."""

    def reset(self) -> None:
        """Bring back what a case may have spoilt."""


MakeCase = Callable[[dict[str, list[bytes]], random.Random], Case]


def judge(workspace: Reader, case: Case) -> str:
    """Return "accepted", "refused", or what went wrong."""
    begin = time.process_time()  # on a busy machine the clock says nothing about the code
    try:
        workspace.read(case)
    except SdaError as error:
        outcome = "refused" if "\n" not in str(error) else f"an error of several lines: {str(error)[:200]!r}"
        outcome = outcome if len(str(error)) < 2000 else f"an error of {len(str(error))} characters"
    except BaseException as error:  # whatever else comes out is what is looked for, a Rust panic too
        if isinstance(error, KeyboardInterrupt):
            raise
        outcome = f"{type(error).__name__}: {str(error)[:200]}"
    else:
        outcome = "accepted"
    took_s = time.process_time() - begin
    if took_s > MAX_CASE_S:
        return f"took {took_s:.1f} s"
    if memory_mb() > MAX_MEMORY_MB:
        return f"{memory_mb():.0f} MB"
    return outcome


def memory_mb() -> float:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins with the peak of the process that started this one
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1e3
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def run(
    seconds: float,
    seed: int,
    workspace: Reader,
    make: MakeCase = make_case,
    *,
    hung_after_s: int = 0,
) -> Iterator[tuple[Case, str]]:
    """Make and judge cases until the time is over; over 0, one that takes `hung_after_s` is given up (by SIGALRM)."""
    rng = random.Random(seed)  # noqa: S311 - cases, not secrets
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            case = make(workspace.files, rng)
        except RecursionError:  # it nests deeper than Python's own encoder goes
            continue
        if case.kind == "corpus":
            workspace.reset()
        if hung_after_s:
            signal.alarm(hung_after_s)
        yield case, judge(workspace, case)


def _give_up(*_: object) -> None:
    raise TimeoutError(f"hung for {_HUNG_AFTER_S} s")


def main(prepare: Callable[[Path], Reader] = Workspace, make: MakeCase = make_case, about: str | None = __doc__) -> int:
    """Run, report, and return 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None, help="folder for cases that break the rule")
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    crashes: dict[str, str] = {}
    begin = time.monotonic()
    signal.signal(signal.SIGALRM, _give_up)
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepare(Path(folder))
        for case, outcome in run(arguments.seconds, arguments.seed, workspace, make, hung_after_s=_HUNG_AFTER_S):
            kinds[f"{case.kind} {outcome if outcome in ('accepted', 'refused') else 'crashed'}"] += 1
            outcomes[outcome if outcome in ("accepted", "refused") else "crashes"] += 1
            if outcome not in ("accepted", "refused") and outcome not in crashes.values():
                crashes[case.name] = outcome
                sys.stderr.write(f"{case.name} {outcome}\n")
                if arguments.keep:
                    case.save(arguments.keep)
    summary = {
        "seed": arguments.seed,
        "runs": outcomes.total(),
        "refused": outcomes["refused"],
        "accepted": outcomes["accepted"],
        "crashes": outcomes["crashes"],
        "max_memory_mb": round(memory_mb()),
        "seconds": round(time.monotonic() - begin, 1),
        "by_kind": dict(sorted(kinds.items())),
    }
    sys.stdout.write(f"{json.dumps(summary)}\n")
    return 1 if outcomes["crashes"] else 0


if __name__ == "__main__":
    sys.exit(main())
