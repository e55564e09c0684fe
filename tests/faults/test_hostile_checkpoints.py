"""Checkpoints and sidecars from anywhere. The number in a test's name is the row of the fault table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.hostile import (
    change_header,
    posix,
    refused_in_its_own_process,
)
from models.modelfiles import KEY
from models.tiny import tiny_bundle
from small_dataset_audio.errors import (
    CheckpointError,
    ModelNotFoundError,
    SidecarError,
)
from small_dataset_audio.library import Library
from small_dataset_audio.models import save_bundle
from small_dataset_audio.training import TrainingConfig, load_checkpoint, save_checkpoint
from small_dataset_audio.training import checkpoint as checkpoint_module
from small_dataset_audio.training.state import new_state
from small_dataset_audio.workflow import rerender
from tiny import narrow_model
from traps import pickled_trap, torch_trap

# ---- checkpoints


def checkpoint(folder: Path) -> Path:
    path = folder / "checkpoint.safetensors"
    config = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32)
    save_checkpoint(path, new_state(narrow_model(), config), config, "c0ffee")
    load_checkpoint(path)
    return path


def rewrite_checkpoint(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    key = f"{KEY}_checkpoint"

    def change_metadata(header: dict[str, Any]) -> None:
        content = json.loads(header["__metadata__"][key])
        change(content)
        header["__metadata__"][key] = json.dumps(content)

    change_header(path, change_metadata)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", -1),
        ("step", 10**300),
        ("progress", 1.5),
        ("progress", -0.1),
        ("elapsed_s", -1.0),
        ("best_progress", 7.0),
    ],
)
def test_row_27_a_checkpoint_of_a_place_that_no_training_comes_to_is_refused(tmp_path: Path, field: str, value: Any):
    path = checkpoint(tmp_path)
    rewrite_checkpoint(path, lambda header: header.update({field: value}))
    with pytest.raises(CheckpointError, match=rf"damaged header \({field} is"):
        load_checkpoint(path)


@pytest.mark.parametrize("field", ["elapsed_s", "progress", "rate_share"])
def test_row_27_a_number_too_large_for_any_number_is_refused(tmp_path: Path, field: str):
    path = checkpoint(tmp_path)
    rewrite_checkpoint(path, lambda header: header.update({field: 10**400}))
    with pytest.raises(CheckpointError, match="damaged header"):
        load_checkpoint(path)


def test_row_27_a_shape_that_overflows_every_stride_is_never_read(tmp_path: Path):
    path = checkpoint(tmp_path)

    def claim(header: dict[str, Any]) -> None:
        name = next(name for name in header if name.startswith("average."))
        header[name] = {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}

    change_header(path, claim)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    path = checkpoint(tmp_path)
    change_header(
        path, lambda header: header.update(strange={"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]})
    )
    load_checkpoint(path)  # what is not wanted is not looked at


@posix
def test_row_27_a_checkpoint_that_is_a_pipe_or_leads_out_is_refused(tmp_path: Path):
    path = tmp_path / "here" / "checkpoint.safetensors"
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="it is no plain file"):
        load_checkpoint(path)
    path.unlink()
    path.symlink_to(checkpoint(tmp_path))
    with pytest.raises(CheckpointError, match="leads out"):
        load_checkpoint(path)


@pytest.mark.parametrize("trap", [pickled_trap, torch_trap])
def test_row_27_a_pickle_in_place_of_a_checkpoint_is_never_read(tmp_path: Path, trap: Callable[[Path], bytes]):
    trace, path = tmp_path / "was run", tmp_path / "checkpoint.safetensors"
    path.write_bytes(trap(trace))
    with pytest.raises(CheckpointError, match="it is a pickle"):
        load_checkpoint(path)
    assert not trace.exists()


@posix
def test_row_27_a_checkpoint_whose_sizes_are_not_in_the_file_allocates_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = checkpoint(tmp_path)
    rewrite_checkpoint(path, lambda header: header["vae"].update(width=2048, frames_per_step=8))
    assert "misshapen" in refused_in_its_own_process("checkpoint", path)
    monkeypatch.setattr(checkpoint_module, "empty_model", lambda _: pytest.fail("was made room for"))
    with pytest.raises(CheckpointError, match="misshapen"):
        load_checkpoint(path)


# ---- sidecars


def sidecar(folder: Path, **content: Any) -> Path:
    path = folder / "take.json"
    whole = {"version": 1, "model_name": "sound", "seed": 1, "generation": {"duration_s": 0.1}, **content}
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize("written", ["absolute", "relative", "a name in the folder one is in"])
def test_row_27_a_sidecars_model_is_looked_for_in_the_library_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, written: str
):
    elsewhere = tmp_path / "elsewhere" / "planted"
    save_bundle(elsewhere, tiny_bundle())
    monkeypatch.chdir(elsewhere.parent)
    monkeypatch.setattr("small_dataset_audio.workflow.pipelines.load_bundle", lambda *_: pytest.fail("was loaded"))
    name = {"absolute": str(elsewhere), "relative": "./planted", "a name in the folder one is in": "planted"}[written]
    with pytest.raises(
        (ModelNotFoundError, ValueError), match=r"not a usable name|give the one that the take was made"
    ):
        rerender(sidecar(tmp_path, model_name=name), library=library)


@posix
def test_row_27_a_sidecar_that_is_a_pipe_does_not_hang(tmp_path: Path, library: Library):
    os.mkfifo(tmp_path / "take.json")
    with pytest.raises(SidecarError, match="cannot be read"):
        rerender(tmp_path / "take.json", library=library)


def test_row_28_a_sidecar_of_a_newer_version_asks_for_an_upgrade(tmp_path: Path, library: Library):
    for version in (2, 10**300):
        with pytest.raises(SidecarError, match="upgrade this release") as caught:
            rerender(sidecar(tmp_path, version=version), library=library)
        assert len(str(caught.value)) < 300
