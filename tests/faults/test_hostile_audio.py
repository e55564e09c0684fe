"""Corpus audio from anywhere. The number in a test's name is the row of the fault table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from faults.hostile import (
    CORPUS,
    posix,
    refused,
    refused_in_its_own_process,
)
from models.modelfiles import rewrite, set_in
from models.tiny import CLIP_LENGTHS
from small_dataset_audio.files import sha256_file

# ---- corpus audio


def store_audio(folder: Path, contents: bytes, **entry: Any) -> None:
    """Put a file in the corpus audio's place, with a hash that agrees with it."""
    (folder / CORPUS).write_bytes(contents)

    def change(metadata: dict[str, Any]) -> dict[str, Any]:
        metadata["corpus_audio"].update(sha256=sha256_file(folder / CORPUS), **entry)
        return metadata

    rewrite(folder, metadata=change)


def encoded(audio: np.ndarray, rate: int = 48_000, **kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, **{"format": "FLAC", **kind})
    return file.getvalue()


SILENCE = np.zeros(sum(CLIP_LENGTHS), np.float32)


def test_row_27_audio_at_another_rate_is_refused(folder: Path):
    store_audio(folder, encoded(SILENCE, 65_535))
    assert "does not hold the clips" in refused(folder, CORPUS)


@pytest.mark.parametrize("kind", [{"format": "WAV"}, {"format": "WAV", "subtype": "IMA_ADPCM"}, {"format": "OGG"}])
def test_row_27_audio_of_another_format_is_refused_before_a_decoder_sees_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path, kind: dict[str, str]
):
    store_audio(folder, encoded(SILENCE, **kind))
    monkeypatch.setattr(
        "small_dataset_audio.models.corpus_audio.soundfile.SoundFile", lambda *_, **__: pytest.fail("was opened")
    )
    assert "is no FLAC file" in refused(folder, CORPUS)


def test_row_27_audio_with_hours_more_than_is_listed_is_refused_undecoded(folder: Path):
    ten_minutes = encoded(np.zeros(48_000 * 600, np.float32))
    assert len(ten_minutes) < 200_000
    store_audio(folder, ten_minutes)
    assert "does not hold the clips" in refused(folder, CORPUS)


def test_row_27_a_file_larger_than_its_clips_can_be_is_refused_without_being_hashed(
    monkeypatch: pytest.MonkeyPatch, folder: Path
):
    with (folder / CORPUS).open("r+b") as file:
        file.truncate(2**40)
    monkeypatch.setattr("small_dataset_audio.models.corpus_audio.sha256_file", lambda _: pytest.fail("was hashed"))
    assert "the clips that the model lists take at most" in refused(folder, CORPUS)


def _claiming(contents: bytes, num_frames: int) -> bytes:
    """The same FLAC with another number of frames in its header (36 bits, at the end of bytes 21 to 25)."""
    changed = bytearray(contents)
    changed[21] = (changed[21] & 0xF0) | (num_frames >> 32)
    changed[22:26] = (num_frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(changed)


@posix
@pytest.mark.parametrize("hours", [4, 7.9])
def test_row_27_a_header_and_a_list_that_both_claim_hours_fill_no_memory(folder: Path, hours: float):
    claimed = round(hours * 3600 * 48_000)
    store_audio(folder, _claiming(encoded(SILENCE), claimed))
    assert soundfile.info(folder / CORPUS).frames == claimed
    rest = claimed - sum(CLIP_LENGTHS[1:])
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "num_samples", value=rest))
    assert str(folder / CORPUS) in refused_in_its_own_process("model", folder)


def test_row_27_a_decoder_that_ends_early_is_not_asked_again(monkeypatch: pytest.MonkeyPatch, folder: Path):
    claimed = 4 * 3600 * 48_000
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "num_samples", value=claimed))
    reads = []

    class EndsEarly:
        format, samplerate, channels, frames = "FLAC", 48_000, 1, claimed + sum(CLIP_LENGTHS[1:])

        def __init__(self, _: Path) -> None: ...
        def __enter__(self) -> EndsEarly:
            return self

        def __exit__(self, *_: object) -> None: ...
        def read(self, num_frames: int, **_: object) -> np.ndarray:
            reads.append(num_frames)
            return np.zeros((num_frames if len(reads) == 1 else 7, 1), np.float32)

    monkeypatch.setattr("small_dataset_audio.models.corpus_audio.soundfile.SoundFile", EndsEarly)
    assert "does not hold the clips" in refused(folder, CORPUS)
    assert len(reads) == 2
    assert max(reads) < 2**20


def test_row_27_more_audio_than_a_corpus_can_have_is_refused_before_it_is_looked_for(folder: Path):
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "num_samples", value=9 * 3600 * 48_000))
    (folder / CORPUS).unlink()
    assert "all together may be 0 to 1382400000 (8 h)" in refused(folder)
