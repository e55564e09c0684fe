"""Fixtures that several floors share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from small_dataset_audio._version import __version__
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.library import HOME_VARIABLE
from small_dataset_audio.models.bundle import ModelBundle, load_bundle, save_bundle
from small_dataset_audio.models.latent_paths import fit_density, latent_path
from small_dataset_audio.models.metadata import FORMAT_VERSION, ClipEntry, CorpusEntry, ModelMetadata, TrainingEntry
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import Trainer
from small_dataset_audio.training.scale import corpus_scale
from small_dataset_audio.training.state import new_state
from tiny import five_clips, narrow_model

# An example may take as long as it likes: on a busy machine the clock says nothing about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _library_of_the_user_is_out_of_reach(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a test forgets to say, no model lands in the data folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def spectrogram() -> AudioSpectrogram:
    return AudioSpectrogram()


@pytest.fixture(scope="session")
def clips() -> list[np.ndarray]:
    """Five decaying notes, 0.5 to 1.1 s at 48 kHz."""
    return five_clips()


@pytest.fixture(scope="session")
def tiny_model_folder(
    tmp_path_factory: pytest.TempPathFactory, clips: list[np.ndarray], spectrogram: AudioSpectrogram
) -> Path:
    """Model folder of a narrow model, really trained for two seconds; holds the corpus audio. Read only, please."""
    mean, deviation = corpus_scale(clips, spectrogram)
    model = narrow_model(width=32, latent_dim=8, mel_mean=mean, mel_std=deviation)
    config = TrainingConfig(max_steps=60, batch_size=4, crop_frames=64, learning_rate=3e-3)
    trainer = Trainer(new_state(model, config), clips, [], spectrogram, config)
    losses = [progress.losses.reconstruction for progress in trainer.run()]
    trained = trainer.averaged_model()
    density = fit_density([latent_path(trained, spectrogram, clip) for clip in clips])
    entries = tuple(ClipEntry(f"pluck {n}.wav", len(clip), f"{n:064x}") for n, clip in enumerate(clips))
    metadata = ModelMetadata(
        format_version=FORMAT_VERSION,
        name="tiny",
        created=datetime(2026, 1, 2, tzinfo=UTC).isoformat(),
        sda_version=__version__,
        torch_version=torch.__version__,
        corpus=CorpusEntry("plucks", "0" * 64, "CC0-1.0", entries),
        training=TrainingEntry(0, len(losses), 1.0, 5.0, "budget", losses[-1], None),
        spectrogram=spectrogram.config,
        vae=trained.config,
        density=density.config,
    )
    folder = tmp_path_factory.mktemp("library") / "models" / "tiny"
    save_bundle(folder, ModelBundle(metadata, trained, spectrogram, density, tuple(clips)))
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tiny_model_folder: Path) -> ModelBundle:
    return load_bundle(tiny_model_folder)
