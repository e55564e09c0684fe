"""Names of the recordings in a model folder. Read without loading anything that knows sound."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from small_dataset_audio.models.metadata import CorpusAudioEntry

_OLDER_NAME: Final = "corpus.flac"  # in models of before 0.2
_NAMES: Final = re.compile(r"corpus(-[0-9a-f]{16})?\.flac")


def corpus_file_name(entry: CorpusAudioEntry) -> str:
    """Name of the recordings in a model folder: another for others, so that no save writes over what a model needs."""
    return f"corpus-{entry.sha256[:16]}.flac"


def listed_corpus_audio(folder: Path, entry: CorpusAudioEntry) -> Path:
    """Where the recordings are that a model lists."""
    path = folder / corpus_file_name(entry)
    return path if path.exists() else folder / _OLDER_NAME


def strange_corpus_audio(folder: Path, entry: CorpusAudioEntry | None) -> list[Path]:
    """Recordings in a model folder that its model does not list: of a save that was killed, or of the model before."""
    listed = None if entry is None else listed_corpus_audio(folder, entry)
    return [path for path in folder.glob("corpus*.flac") if _NAMES.fullmatch(path.name) and path != listed]
