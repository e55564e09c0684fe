"""What the tests of the workflow share: recordings, a library, and trainings that take a second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from small_dataset_audio.library import Library
from small_dataset_audio.models.vae import VAEConfig
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.sizing import TrainingSize
from small_dataset_audio.workflow import TrainRequest, train_corpus
from tiny import write_recordings
from workflow.trainings import NUM_STEPS, Training, stop_after, train


def make_training_quick(patch: pytest.MonkeyPatch) -> None:
    """A narrow model, small batches, no early end (of six steps, none is a plateau), and little to hear meanwhile."""
    module = "small_dataset_audio.workflow.train_run"
    patch.setattr(f"{module}._PREVIEW_S", 0.5)
    patch.setattr("small_dataset_audio.workflow.first_sound._FIRST_SOUND_S", 0.5)
    patch.setattr(f"{module}.VAEConfig", partial(VAEConfig, width=16, latent_dim=4))
    patch.setattr(f"{module}.choose_size", lambda *_: TrainingSize(width=16, batch_size=2))
    patch.setattr(f"{module}.TrainingConfig", partial(TrainingConfig, batch_size=2, crop_frames=32, plateau_share=1.0))


@pytest.fixture(scope="module")
def quick_training() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_training_quick(patch)
        yield


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short WAVs; nobody may write here."""
    return write_recordings(tmp_path_factory.mktemp("corpus") / "my plucks")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home")


@pytest.fixture(scope="session")
def trained_library(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Library:
    """A library with one model, ``plucks``, trained for six steps; read only, please."""
    library = Library(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as patch:
        make_training_quick(patch)
        for _ in train_corpus(TrainRequest(recordings, "plucks", max_steps=6), library):
            pass
    return library


@pytest.fixture
def request_(recordings: Path) -> TrainRequest:
    return TrainRequest(recordings, "plucks", max_steps=NUM_STEPS)


@pytest.fixture
def stopped(library: Library, request_: TrainRequest) -> Training:
    return train(library, request_, stop_after(3))


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, recordings: Path, quick_training: None) -> Training:
    """One whole training, looked at from many sides."""
    request = TrainRequest(recordings, "plucks", seed=3, licence="CC0-1.0", max_steps=NUM_STEPS)
    return train(Library(tmp_path_factory.mktemp("home")), request)
