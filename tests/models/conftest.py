"""Fixtures of the model floor."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.tiny import tiny_bundle
from small_dataset_audio.models import save_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model folder."""
    save_bundle(tmp_path / "tiny", tiny_bundle())
    return tmp_path / "tiny"
