"""Fixtures of the tests with hostile files."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.tiny import tiny_bundle
from small_dataset_audio.library import Library
from small_dataset_audio.models import save_bundle
from tiny import with_older_audio_name


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two models: ``sound``, and ``hostile``, which a test changes."""
    library = Library(tmp_path / "home")
    for name in ("hostile", "sound"):
        save_bundle(library.folder_of(name), tiny_bundle())
        with_older_audio_name(library.folder_of(name))
    return library


@pytest.fixture
def folder(library: Library) -> Path:
    return library.folder_of("hostile")
