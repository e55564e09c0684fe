"""Real recordings, and a model trained on each set of them as a user would train it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import ModelSaved, TrainRequest, load_pipeline, train_corpus
from small_dataset_audio.workflow.train_events import TrainEvent
from tiny import hashes_below

RECORDINGS = Path(os.environ.get("SDA_RECORDINGS", "/usr/share/sonic-pi/samples"))
CORPORA = ("tabla", "ambi")
TRAINING_S = 60.0


@dataclass(frozen=True)
class TrainedOn:
    """A model of one corpus, trained as a user would.

    Parameters
    ----------
    name : str
        Of the corpus and of the model.
    recordings : Path
        Copies that training was given.
    hashes_before : dict
        Of the recordings, taken before training: see ``tiny.hashes_below``.
    library : Library
    events : sequence of TrainEvent
    """

    name: str
    recordings: Path
    hashes_before: dict[str, tuple[str, int]]
    library: Library
    events: Sequence[TrainEvent]
    _takes: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def saved(self) -> ModelSaved:
        """The last event of training."""
        last = self.events[-1]
        assert isinstance(last, ModelSaved)
        return last

    def take(self, config: GenerationConfig) -> np.ndarray:
        """Audio of a take, made once for all tests that look at it; it cannot be written to."""
        if repr(config) not in self._takes:
            self._takes[repr(config)] = self.pipeline.generate(config).audio
            self._takes[repr(config)].flags.writeable = False
        return self._takes[repr(config)]

    @cached_property
    def pipeline(self) -> GenerationPipeline:
        """Loaded once from the model's folder; a test that needs a second one calls `load_pipeline` itself."""
        return load_pipeline(self.name, library=self.library)


class Studio:
    """Copies each corpus and trains each model once a run, when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = Library(folder / "home")
        self._trained: dict[str, TrainedOn] = {}

    def recordings(self, name: str) -> Path:
        """Folder with copies of the recordings whose names begin with `name`."""
        folder = self._folder / "recordings" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            for path in sorted(RECORDINGS.glob(f"{name}_*")):
                shutil.copy2(path, folder)
        return folder

    def trained_on(self, name: str) -> TrainedOn:
        """Return the model of a corpus, trained for 60 s."""
        if name not in self._trained:
            recordings = self.recordings(name)
            before = hashes_below(recordings)
            events = list(train_corpus(TrainRequest(recordings, name, TRAINING_S), self._library))
            self._trained[name] = TrainedOn(name, recordings, before, self._library, events)
        return self._trained[name]
