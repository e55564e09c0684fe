"""Work that the kill campaign interrupts: each job does something over and over, says what is done, and can be checked.

A job runs in a child process that is killed at a random moment. Whatever it has *said* before is safe: it must be there,
whole, afterwards. Nothing that has a final name may be half a file.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import soundfile
from PIL import Image

from faults.forked import Say
from small_dataset_audio.catalogue import CATALOGUE_FILE
from small_dataset_audio.errors import SdaError
from small_dataset_audio.files import TEMPORARY_PREFIX, make_output_folder, sha256_file
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.inference.export import export_take
from small_dataset_audio.library import CHECKPOINT_FILE, Library, ModelEntry
from small_dataset_audio.models.bundle import MODEL_FILE, ModelBundle, load_bundle, save_bundle
from small_dataset_audio.models.metadata import read_metadata
from small_dataset_audio.training import TrainingProgress, load_checkpoint
from small_dataset_audio.workflow import ModelSaved, TrainRequest, generate_takes, load_pipeline, train_corpus
from small_dataset_audio.workflow.first_sound import quick_model
from tiny import write_recordings


@dataclass(frozen=True)
class Loss:
    """Something that a kill broke: what, and how many bytes of it that had been reported as done."""

    what: str
    num_bytes: int = 0


class Job(Protocol):
    """What a child does until it is killed."""

    name: str
    longest_s: float
    """After so long every part of its work has come."""

    def prepare(self, root: Path) -> None:
        """Put into an empty folder what the work needs."""

    def run(self, root: Path, say: Say) -> None:
        """Work without an end; go on from whatever an earlier run left."""

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        """Look at what a killed run left, which had said this."""

    def go_on(self, root: Path) -> None:
        """Do what a user does next, once, to its end."""


class TrainJob:
    """Train one small model after the other, a checkpoint after every step; a training that was killed is resumed."""

    name = "training"
    longest_s = 3.0

    def prepare(self, root: Path) -> None:
        write_recordings(root / "recordings")

    def run(self, root: Path, say: Say) -> None:
        library = Library(root / "home")
        while True:
            request = self._next(root, library)
            for event in train_corpus(request, library):
                if isinstance(event, TrainingProgress) and event.step > 1:
                    say("checkpoint", f"{request.name}/{event.step - 1}")  # that of the step before is on disk
                elif isinstance(event, ModelSaved):
                    say("model", f"{request.name}/{event.bundle.sha256}")

    def _next(self, root: Path, library: Library) -> TrainRequest:
        """The first model that is not finished."""
        names = (f"model {number}" for number in itertools.count())
        name = next(name for name in names if not (library.folder_of(name) / MODEL_FILE).is_file())
        is_begun = (library.folder_of(name) / CHECKPOINT_FILE).is_file()
        return TrainRequest(root / "recordings", name, max_steps=60, resume=is_begun)

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        library = Library(root / "home")
        yield from _check_library(library)
        models = {name: sha for name, _, sha in (which.partition("/") for what, which in said if what == "model")}
        for name, sha in models.items():
            path = library.folder_of(name) / MODEL_FILE
            if load_bundle(path.parent).sha256 != sha:
                yield Loss(f"model {name} is not the one that was saved", path.stat().st_size)
        steps = {
            name: int(step) for name, _, step in (which.partition("/") for what, which in said if what == "checkpoint")
        }
        for name, step in steps.items():
            folder = library.folder_of(name)
            if (folder / MODEL_FILE).is_file():
                continue
            state, _ = load_checkpoint(folder / CHECKPOINT_FILE)
            if state.step < step:
                yield Loss(
                    f"{name} goes on from step {state.step}, but {step} was saved",
                    (folder / CHECKPOINT_FILE).stat().st_size,
                )

    def go_on(self, root: Path) -> None:
        library = Library(root / "home")
        _look_at(library)
        list(train_corpus(self._next(root, library), library))


class SaveJob:
    """Save models over each other in one folder, by turns of two corpora."""

    name = "saving a model"
    longest_s = 1.0

    def prepare(self, root: Path) -> None:
        for number in range(2):
            clips = [0.1 * np.random.default_rng(number * 9 + n).standard_normal(9600) for n in range(4 + number)]
            write_recordings(root / f"recordings {number}", [clip.astype(np.float32) for clip in clips])
            library = Library(root / f"home {number}")
            *_, ready = quick_model(root / f"recordings {number}", library)
            shutil.copytree(ready.folder, root / f"source {number}")
        save_bundle(_saved_over(root), _renamed(load_bundle(root / "source 0"), "0"))

    def run(self, root: Path, say: Say) -> None:
        bundles = [load_bundle(root / f"source {number}") for number in range(2)]
        for number in itertools.count(1 + _number_of(load_bundle(_saved_over(root)))):
            saved = save_bundle(_saved_over(root), _renamed(bundles[number % 2], str(number)))
            say("saved", f"{number}/{saved.sha256}")

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        bundle = load_bundle(_saved_over(root))
        listed = [clip.num_samples for clip in bundle.metadata.corpus.clips]
        if [len(clip) for clip in bundle.clips] != listed:
            yield Loss("the model's recordings are not those that it lists", sum(listed) * 4)
        if not said:
            return
        number, _, sha256 = said[-1][1].partition("/")
        size_bytes = (_saved_over(root) / MODEL_FILE).stat().st_size
        # One more may have been saved than could be said; an older one must not come back.
        if _number_of(bundle) < int(number):
            yield Loss(f"save {_number_of(bundle)} came back after {number} was reported", size_bytes)
        if _number_of(bundle) == int(number) and bundle.sha256 != sha256:
            yield Loss(f"save {number} is not what was reported", size_bytes)

    def go_on(self, root: Path) -> None:
        for entry in _look_at(Library(root / "home")):
            load_bundle(entry.folder)


class ExportJob:
    """Export takes of several lengths and depths."""

    name = "export"
    longest_s = 0.6

    def prepare(self, root: Path) -> None:
        (root / "takes").mkdir()

    def run(self, root: Path, say: Say) -> None:
        make_output_folder(root / "takes")
        generator = np.random.default_rng(len(list((root / "takes").iterdir())))
        for number in itertools.count():
            config = GenerationConfig(bit_depth=("16-bit", "24-bit", "32-bit float")[number % 3])
            audio = 0.2 * generator.standard_normal(int(generator.integers(1_000, 200_000))).astype(np.float32)
            wav_path, _ = export_take(
                audio,
                root / "takes",
                model_name="none",
                generation_config=config,
                seed=number,
                quality_metrics={},
            )
            say("take", _name_and_size(wav_path))

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        yield from _check_takes(root / "takes", [which for _, which in said])

    def go_on(self, root: Path) -> None:
        audio = np.zeros(1_000, np.float32)
        config = GenerationConfig()
        export_take(audio, root / "takes", model_name="none", generation_config=config, seed=0, quality_metrics={})


class GenerateJob:
    """Generate takes with their pictures from one model."""

    name = "generation"
    longest_s = 3.0

    def prepare(self, root: Path) -> None:
        write_recordings(root / "recordings")
        list(quick_model(root / "recordings", Library(root / "home")))

    def run(self, root: Path, say: Say) -> None:
        pipeline = load_pipeline("recordings-walk", library=Library(root / "home"))
        for seed in itertools.count(len(list((root / "takes").glob("*.wav")))):
            config = GenerationConfig(duration_s=0.5 + seed % 3, seed=seed)
            for take in generate_takes(pipeline, config, output_dir=root / "takes", plot=seed % 4 == 0):
                say("take", _name_and_size(take.wav_path))

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        yield from _check_library(Library(root / "home"))
        yield from _check_takes(root / "takes", [which for _, which in said])

    def go_on(self, root: Path) -> None:
        library = Library(root / "home")
        _look_at(library)
        pipeline = load_pipeline("recordings-walk", library=library)
        list(generate_takes(pipeline, GenerationConfig(duration_s=0.5), output_dir=root / "takes"))


class CatalogueJob:
    """Let models come and go, and list them each time."""

    name = "catalogue"
    longest_s = 0.5

    def prepare(self, root: Path) -> None:
        write_recordings(root / "recordings")
        library = Library(root / "home")
        *_, ready = quick_model(root / "recordings", library)
        shutil.copytree(ready.folder, root / "source")

    def run(self, root: Path, say: Say) -> None:
        library = Library(root / "home")
        present = sorted(path.name for path in library.models_folder.iterdir() if path.name.startswith("guest"))
        for number in itertools.count(len(present)):
            if len(present) > 5:
                shutil.rmtree(library.folder_of(present.pop(0)))
            guest = library.free_name(f"guest {number}")
            shutil.copytree(root / "source", library.folder_of(guest))
            present.append(guest)
            library.entries()
            say("listed", guest)

    def check(self, root: Path, said: Sequence[tuple[str, str]]) -> Iterator[Loss]:
        library = Library(root / "home")
        entries = {entry.folder.name: entry for entry in library.entries()}
        if entries.keys() != {path.name for path in library.models_folder.iterdir()}:
            yield Loss("the listing is not what the folders are")
        if entries["recordings-walk"].metadata is None:
            yield Loss("a model that nobody touched is not listed")
        with sqlite3.connect(root / "home" / CATALOGUE_FILE) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.close()
        if verdict != "ok":
            yield Loss(f"the catalogue is damaged: {verdict}")

    def go_on(self, root: Path) -> None:
        _look_at(Library(root / "home"))


JOBS: Final[tuple[Job, ...]] = (TrainJob(), GenerateJob(), ExportJob(), CatalogueJob(), SaveJob())


def leftovers(root: Path) -> list[Path]:
    """Temporaries, and recordings in a model's folder that are not the model's; nothing is swept here."""
    strays = list(root.rglob(f"{TEMPORARY_PREFIX}*"))
    for folder in {path.parent for path in root.rglob("corpus*.flac")}:
        recordings = sorted(folder.glob("corpus*.flac"))
        entry = read_metadata(folder).corpus_audio if (folder / MODEL_FILE).is_file() else None
        own = [path for path in recordings if entry is not None and sha256_file(path) == entry.sha256]
        strays += [path for path in recordings if path not in own[:1]]
    return sorted(strays)


def _look_at(library: Library) -> tuple[ModelEntry, ...]:
    """List the models, and find each that is one."""
    entries = library.entries()
    for entry in entries:
        if entry.metadata is not None:
            library.find(entry.folder.name)
    return entries


def _saved_over(root: Path) -> Path:
    return Library(root / "home").folder_of("model")


def _number_of(bundle: ModelBundle) -> int:
    return int(bundle.metadata.name)


def _renamed(bundle: ModelBundle, name: str) -> ModelBundle:
    return replace(bundle, metadata=replace(bundle.metadata, name=name))


def _check_library(library: Library) -> Iterator[Loss]:
    """Every folder that says it holds a model holds a whole one, and a checkpoint is a whole one."""
    for entry in library.entries():
        checkpoint = entry.folder / CHECKPOINT_FILE
        try:
            if (entry.folder / MODEL_FILE).is_file():
                load_bundle(entry.folder)
            if checkpoint.is_file():
                load_checkpoint(checkpoint)
        except SdaError as error:
            yield Loss(f"half a file: {error}")


def _name_and_size(wav_path: Path) -> str:
    """A take as it is reported: the name, and how many bytes the pair has."""
    return f"{wav_path.name}/{wav_path.stat().st_size + wav_path.with_suffix('.json').stat().st_size}"


def _check_takes(folder: Path, reported: Sequence[str]) -> Iterator[Loss]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(TEMPORARY_PREFIX):
            continue
        if reason := _what_is_wrong(path):
            yield Loss(f"half a file: {path.name}: {reason}", path.stat().st_size)
    for name, _, size_bytes in (which.rpartition("/") for which in reported):
        if not ((folder / name).is_file() and (folder / name).with_suffix(".json").is_file()):
            yield Loss(f"{name} was reported and is not there", int(size_bytes))


def _what_is_wrong(path: Path) -> str:
    match path.suffix:
        case ".json":
            json.loads(path.read_text())
        case ".png":
            with Image.open(path) as picture:
                picture.load()
        case ".wav":
            sidecar = path.with_suffix(".json")
            if not sidecar.is_file():
                return "it has no sidecar"
            expected = json.loads(sidecar.read_text())["audio"]
            audio, rate = soundfile.read(path, always_2d=True)
            if abs(len(audio) / rate - expected["duration_s"]) > 1e-6:
                return f"{len(audio)} samples, and its sidecar says {expected['duration_s']} s"
        case other:
            return f"nothing ends in {other} here"
    return ""
