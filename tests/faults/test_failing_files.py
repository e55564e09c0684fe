"""Rows 24 and 25 of the fault table: whichever file operation fails, the older state or the newer is left, whole."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edges import noise
from faults.failing_files import Fault, every_fault
from small_dataset_audio.errors import ModelDamagedError, OutputError
from small_dataset_audio.files import TEMPORARY_PREFIX, atomic_write, atomic_write_new, write_bytes
from small_dataset_audio.inference.export import export_take, export_wav
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.models.bundle import ModelBundle, load_bundle, save_bundle
from small_dataset_audio.models.corpus_files import corpus_file_name
from small_dataset_audio.training.checkpoint import load_checkpoint, save_checkpoint
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.state import TrainingState, new_state
from tiny import hashes_below, narrow_model

SETTINGS = {"sample_rate": 48_000, "bit_depth": "24-bit", "stereo_mode": "mono"}
TAKE: dict[str, Any] = {"model_name": "m", "generation_config": SETTINGS, "seed": 1, "quality_metrics": {}}


def assert_told(fault: Fault, *names: str) -> None:
    """An error that a person can act on: which file, why, what to do, in one line."""
    if fault.error is None:
        return
    # A model is read back when it is written: that is the one operation here that is no writing.
    kind = ModelDamagedError if fault.operation == "open" and fault.target.startswith("corpus-") else OutputError
    assert isinstance(fault.error, kind), f"{fault}: {fault.error!r}"
    message = str(fault.error)
    assert any(name in message for name in names), f"{fault}: {message}"
    assert "\n" not in message
    assert any(
        word in message for word in ("free some space", "Free some space", "choose another", "resume", "train again")
    ), message


def names_in(folder: Path, fault: Fault) -> list[str]:
    """Files of a folder; a temporary is allowed where it was its own removal that failed."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    strays = [
        name
        for name in names
        if name.startswith(TEMPORARY_PREFIX) or (fault.operation, fault.target) == ("unlink", name)
    ]
    assert len(strays) <= (fault.operation == "unlink"), f"{fault}: {strays}"
    for stray in strays:
        (folder / stray).unlink()
    return [name for name in names if name not in strays]


def write_in_two_parts(path: Path) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(b"ne")
        file.write(b"w")


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b"new"), write_in_two_parts], ids=["bytes", "parts"])
def test_row_24_whichever_operation_fails_an_atomic_write_leaves_the_older_file_or_the_newer(
    tmp_path: Path, write: Callable[[Path], None]
):
    path = tmp_path / "model.bin"
    seen = set()
    path.write_bytes(b"old")
    for fault in every_fault(tmp_path, lambda: write(path)):
        assert_told(fault, "model.bin")
        assert names_in(tmp_path, fault) == ["model.bin"]
        assert path.read_bytes() in ((b"new",) if fault.error is None else (b"old", b"new")), str(fault)
        seen.add((fault.operation, fault.error is None))
        path.write_bytes(b"old")
    failing = {operation for operation, passed in seen if operation and not passed}
    assert failing == {"open", "write", "fsync", "close", "replace"}


def test_row_25_whichever_operation_fails_several_new_files_are_all_there_or_none(tmp_path: Path):
    paths = (tmp_path / "a.json", tmp_path / "a.wav")

    def write() -> None:
        with atomic_write_new(*paths) as temporaries:
            for temporary in temporaries:
                temporary.write_bytes(b"new")

    for fault in every_fault(tmp_path, write):
        assert_told(fault, "a.json", "a.wav")
        assert names_in(tmp_path, fault) == ([] if fault.error else ["a.json", "a.wav"]), str(fault)
        for path in paths:
            path.unlink(missing_ok=True)


# --- the checkpoint ---

CONFIG = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32)


def state_after(num_steps: int) -> TrainingState:
    state = new_state(narrow_model(seed=num_steps, width=8, latent_dim=2), CONFIG)
    state.history = []
    state.elapsed_s = float(num_steps)
    return state


def test_row_24_whichever_operation_fails_a_checkpoint_is_whole_and_the_message_says_how_to_go_on(tmp_path: Path):
    path = tmp_path / "checkpoint.safetensors"
    older, newer = state_after(1), state_after(2)
    save_checkpoint(path, older, CONFIG, "c0ffee")
    data = path.read_bytes()
    failures = 0
    for fault in every_fault(tmp_path, lambda: save_checkpoint(path, newer, CONFIG, "c0ffee")):
        assert_told(fault, "checkpoint.safetensors")
        assert names_in(tmp_path, fault) == [path.name]
        elapsed_s = load_checkpoint(path)[0].elapsed_s
        assert elapsed_s in ((2.0,) if fault.error is None else (1.0, 2.0)), str(fault)
        if fault.error is not None:
            failures += 1
            assert "the checkpoint that is there is whole" in str(fault.error)
            assert "go on with --resume" in str(fault.error)
        path.write_bytes(data)
    assert (
        failures >= 3 * 7
    )  # opening, writing, syncing and closing the file, moving it, syncing and closing the folder


# --- the model ---


@pytest.fixture(scope="module")
def small_bundle(tiny_bundle: ModelBundle) -> ModelBundle:
    """A model with half a second of recordings."""
    clips = tuple(clip[:4800] for clip in tiny_bundle.clips)
    entries = tuple(replace(entry, num_samples=4800) for entry in tiny_bundle.metadata.corpus.clips)
    metadata = replace(tiny_bundle.metadata, corpus=replace(tiny_bundle.metadata.corpus, clips=entries))
    return replace(tiny_bundle, metadata=metadata, clips=clips, sides=())


@pytest.mark.parametrize(  # one error each, for the time that it takes
    ("change", "code"),
    [("other weights", errno.EIO), ("other recordings", errno.ENOSPC), ("no recordings", errno.EACCES)],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value,
)
def test_row_24_whichever_operation_fails_a_model_is_the_older_or_the_newer_and_never_damaged(
    tmp_path: Path, small_bundle: ModelBundle, change: str, code: int
):
    folder, kept = tmp_path / "model", tmp_path / "kept"
    audio_before = save_bundle(kept, small_bundle).metadata.corpus_audio
    assert audio_before is not None
    newer = replace(small_bundle, metadata=replace(small_bundle.metadata, name="newer"))
    if change == "other recordings":
        newer = replace(newer, clips=tuple(clip[::-1].copy() for clip in newer.clips))
    if change == "no recordings":
        newer = replace(newer, clips=(), sides=())
    # What a killed save has left is in nobody's way, and what is the user's own is left alone.
    (kept / "corpus-0123456789abcdef.flac").write_bytes(b"left by a kill")
    (kept / "corpus-my-notes.flac").write_bytes(b"the user's own")
    shutil.copytree(kept, folder)
    failures = 0
    for fault in every_fault(folder, lambda: save_bundle(folder, newer), codes=[code]):
        assert_told(fault, str(folder))
        loaded = load_bundle(folder)
        assert loaded.metadata.name in (("newer",) if fault.error is None else ("tiny", "newer")), str(fault)
        is_newer = loaded.metadata.name == "newer"
        failures += fault.error is not None
        if change != "no recordings":
            assert loaded.metadata.corpus_audio is not None
            own_files = {corpus_file_name(loaded.metadata.corpus_audio), "model.safetensors", "corpus-my-notes.flac"}
            others = {"corpus-0123456789abcdef.flac", corpus_file_name(audio_before)}
            assert own_files <= set(names_in(folder, fault)) <= own_files | (others if fault.operation else set()), str(
                fault
            )
            expected = newer.clips if is_newer else small_bundle.clips
            for clip, own in zip(loaded.clips, expected, strict=True):
                np.testing.assert_allclose(clip, own, rtol=0, atol=2.0**-22)
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    assert failures >= 10


def test_row_24_whichever_operation_fails_a_first_model_is_whole_or_not_there(
    tmp_path: Path, small_bundle: ModelBundle
):
    folder = tmp_path / "model"
    for fault in every_fault(folder, lambda: save_bundle(folder, small_bundle)):
        assert_told(fault, str(folder))
        if fault.error is None or (folder / "model.safetensors").exists():
            assert load_bundle(folder).metadata.name == "tiny"
        shutil.rmtree(folder, ignore_errors=True)


# --- takes ---


@pytest.mark.parametrize("file_format", FILE_FORMATS)
def test_row_25_whichever_operation_fails_a_take_is_a_pair_or_nothing(tmp_path: Path, file_format: str):
    folder, name = tmp_path / "takes", f"take{FILE_FORMATS[file_format].suffix}"
    take = {**TAKE, "generation_config": {**SETTINGS, "file_format": file_format, "loop": True}}
    failures = 0
    for fault in every_fault(folder, lambda: export_take(0.5 * noise(4800), folder, filename="take", **take)):
        assert_told(fault, "take", str(folder))
        folder.mkdir(exist_ok=True)
        assert names_in(folder, fault) == ([] if fault.error else sorted(["take.json", name])), str(fault)
        if fault.error is None:
            assert soundfile.info(folder / name).frames == 4800
            assert json.loads((folder / "take.json").read_text())["audio"]["file"] == name
        failures += fault.error is not None
        shutil.rmtree(folder)
    assert failures >= 3 * 12


@pytest.mark.parametrize("bit_depth", ["16-bit", "32-bit float"])
def test_row_25_whichever_operation_fails_a_wav_is_whole_or_not_there(tmp_path: Path, bit_depth: str):
    path = tmp_path / "takes" / "take.wav"
    for fault in every_fault(path.parent, lambda: export_wav(noise(4800), path, bit_depth=bit_depth)):
        assert_told(fault, "take", str(path.parent))
        path.parent.mkdir(exist_ok=True)
        assert names_in(path.parent, fault) == ([] if fault.error else ["take.wav"]), str(fault)
        assert fault.error is not None or soundfile.info(path).frames == 4800
        shutil.rmtree(path.parent)


def test_a_failing_operation_of_another_folder_is_not_counted(tmp_path: Path):
    (tmp_path / "here").mkdir()
    faults = list(every_fault(tmp_path / "here", lambda: write_bytes(tmp_path / "there", b"x"), codes=[errno.EIO]))
    assert [(fault.number, fault.operation, fault.error) for fault in faults] == [(1, "", None)]
    assert hashes_below(tmp_path / "here") == {}
