from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import pickle  # noqa: TID251 - what is refused has to be made first
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import CheckpointError, OutputError
from small_dataset_audio.training import checkpoint
from small_dataset_audio.training.checkpoint import checkpoint_bytes, load_checkpoint, save_checkpoint
from small_dataset_audio.training.checkpoint_header import Recording
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import Trainer
from small_dataset_audio.training.state import MOMENTS, LossPoint, TrainingState, new_state
from tiny import five_clips, narrow_model, start_python

HASH = "c0ffee"
CONFIG = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32, plateau_share=1.0)
HEADER_KEY = "small_dataset_audio_checkpoint"


def trained(num_steps: int, state: TrainingState | None = None) -> TrainingState:
    """Go on for `num_steps` of the six steps that `CONFIG` plans, held-out recording included."""
    clips = five_clips()
    state = state or new_state(narrow_model(), CONFIG)
    steps = Trainer(state, clips[:3], clips[3:], AudioSpectrogram(), CONFIG).run()
    for _ in range(num_steps):
        next(steps)
    return state


@pytest.fixture(scope="module")
def three_steps() -> TrainingState:
    return trained(3)


@pytest.fixture(scope="module")
def six_steps() -> TrainingState:
    return trained(6)


@pytest.fixture
def path(tmp_path: Path, three_steps: TrainingState) -> Path:
    """A sound checkpoint after three steps."""
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, three_steps, CONFIG, HASH)
    return path


def assert_same_state(one: TrainingState, other: TrainingState) -> None:
    """Bit for bit, but for the time it took."""
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name
        assert torch.equal(one.average[name], other.average[name]), name
    assert one.average.keys() == other.average.keys() == one.model.state_dict().keys()
    mine, its = one.optimizer.state_dict(), other.optimizer.state_dict()
    assert mine["state"].keys() == its["state"].keys()
    for number, entries in mine["state"].items():
        assert entries.keys() == its["state"][number].keys()
        for key, value in entries.items():
            assert torch.equal(value, its["state"][number][key]), (number, key)
    left_out = {"model", "average", "optimizer", "elapsed_s", "good"}
    for field in {field.name for field in dataclasses.fields(one)} - left_out:
        assert getattr(one, field) == getattr(other, field), field


def test_everything_comes_back_as_it_was(path: Path, three_steps: TrainingState):
    state, header = load_checkpoint(path)
    assert_same_state(state, three_steps)
    assert state.elapsed_s == three_steps.elapsed_s
    assert header.corpus_hash == HASH
    assert header.training == CONFIG
    assert (header.keep_audio, header.licence) == (True, "unspecified")
    assert header.vae == three_steps.model.config
    assert (header.version, header.step, header.good.step) == (3, 3, 0)
    assert three_steps.best_held_out is not None  # or the comparison above would have compared nothing


def test_a_state_before_the_first_step_comes_back_too(tmp_path: Path):
    state = new_state(narrow_model(), CONFIG)
    save_checkpoint(tmp_path / "c", state, CONFIG, HASH)
    loaded, _ = load_checkpoint(tmp_path / "c")
    assert_same_state(loaded, state)
    assert_same_state(trained(1, loaded), trained(1))


def test_a_plateau_comes_back_too(tmp_path: Path, three_steps: TrainingState):
    before = dataclasses.replace(three_steps, annealing_steps_left=2)
    save_checkpoint(tmp_path / "c", before, CONFIG, HASH)
    assert load_checkpoint(tmp_path / "c")[0].annealing_steps_left == 2


def test_what_was_asked_of_the_recordings_comes_back_too(tmp_path: Path, three_steps: TrainingState):
    recordings = (Recording("more/rain.wav", "ab" * 32), Recording("Wälder 🌲.flac", "cd" * 32))
    asked = {"keep_audio": False, "licence": "CC0-1.0", "recordings": recordings, "previews_done": 1}
    save_checkpoint(tmp_path / "c", three_steps, CONFIG, HASH, **asked)
    _, header = load_checkpoint(tmp_path / "c")
    assert {name: getattr(header, name) for name in asked} == asked


def test_what_a_setback_left_comes_back_too(tmp_path: Path, three_steps: TrainingState):
    before = dataclasses.replace(three_steps, batch_size=1, rate_share=0.25, setbacks=3)
    save_checkpoint(tmp_path / "c", before, CONFIG, HASH)
    after, _ = load_checkpoint(tmp_path / "c")
    assert_same_state(after, before)
    assert before.good.point == after.good.point
    for name, value in before.good.tensors.items():
        assert torch.equal(value, after.good.tensors[name]), name
    assert len(after.good.tensors) == len(before.good.tensors) > 0


def test_saving_changes_nothing(path: Path, three_steps: TrainingState):
    assert_same_state(three_steps, trained(3))
    first = path.read_bytes()
    save_checkpoint(path, three_steps, CONFIG, HASH)
    assert path.read_bytes() == first


@pytest.mark.parametrize("num_steps", [1, 3, 5])
def test_training_through_a_checkpoint_equals_training_without_one_bit_for_bit(
    tmp_path: Path, six_steps: TrainingState, num_steps: int
):
    save_checkpoint(tmp_path / "c", trained(num_steps), CONFIG, HASH)
    resumed = trained(6 - num_steps, load_checkpoint(tmp_path / "c")[0])
    assert_same_state(resumed, six_steps)


KILLED_AFTER_FOUR_STEPS = """
import os, signal, sys
from pathlib import Path
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.training import TrainingConfig, Trainer, save_checkpoint
from small_dataset_audio.training.state import new_state
from tiny import five_clips, narrow_model
config = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32, plateau_share=1.0)
clips = five_clips()
state = new_state(narrow_model(), config)
for progress in Trainer(state, clips[:3], clips[3:], AudioSpectrogram(), config).run():
    if progress.step == 3:
        save_checkpoint(Path(sys.argv[1]), state, config, "c0ffee")
    if progress.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_row_26_a_training_killed_in_another_process_goes_on_here_bit_for_bit(tmp_path: Path, six_steps: TrainingState):
    path = tmp_path / "checkpoint.safetensors"
    killed = start_python(KILLED_AFTER_FOUR_STEPS, path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state, header = load_checkpoint(path)
    assert header.step == 3
    assert_same_state(trained(3, state), six_steps)


# --- damage ---


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None]) -> None:
    """Change header or tensors of a checkpoint and write it again."""
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[HEADER_KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
    change(header, tensors)
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header)})


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_an_untouched_rewrite_is_read(path: Path, three_steps: TrainingState):
    rewrite(path, lambda *_: None)
    assert_same_state(load_checkpoint(path)[0], three_steps)


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.5, 0.9, 0.99999])
def test_a_truncated_checkpoint_is_refused_by_name(path: Path, share: float):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "damaged" in refused(path)


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 1000, b"RIFF" + bytes(1000), b"{}" * 100, pickle.dumps({"model": [1, 2, 3]}), b"\0" * 8 + b"{}"],
    ids=["noise", "a WAV", "text", "a pickle", "a huge header"],
)
def test_another_file_is_refused_by_name(path: Path, data: bytes):
    path.write_bytes(data)
    refused(path)


def test_a_missing_checkpoint_is_refused_by_name(tmp_path: Path):
    assert "does not exist" in refused(tmp_path / "checkpoint.safetensors")


def test_a_folder_is_refused_by_name(tmp_path: Path):
    refused(tmp_path)


def test_a_model_is_no_checkpoint(tiny_model_folder: Path):
    assert "is no training checkpoint" in refused(tiny_model_folder / "model.safetensors")


@pytest.mark.parametrize("metadata", [None, {}, {"something": "else"}])
def test_safetensors_of_another_program_are_refused(path: Path, metadata: dict[str, str] | None):
    save_file({"weight": torch.zeros(2)}, path, metadata=metadata)
    assert "is no training checkpoint" in refused(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"x"', '{"version": 3}', "[" * 100_000])
def test_a_header_that_is_not_ours_is_refused(path: Path, text: str):
    save_file({"weight": torch.zeros(2)}, path, metadata={HEADER_KEY: text})
    refused(path)


@pytest.mark.parametrize("version", [1, 2, 99, None, "3"])
def test_another_version_is_refused_with_what_to_do(path: Path, version: Any):
    rewrite(path, lambda header, _: header.update(version=version))
    message = refused(path)
    assert f"checkpoint version {version}" in message
    assert "train again without --resume" in message


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("vae", "width", 0),
        ("vae", "width", 1 << 40),
        ("vae", "latent_dim", "8"),
        ("training", "batch_size", 0),
        ("training", "learning_rate", "high"),
    ],
)
def test_a_header_with_settings_that_cannot_be_is_refused(path: Path, section: str, field: str, value: Any):
    rewrite(path, lambda header, _: header[section].update({field: value}))
    assert "damaged header" in refused(path)


@pytest.mark.parametrize(
    "key",
    [
        "step",
        "vae",
        "training",
        "corpus_hash",
        "keep_audio",
        "licence",
        "recordings",
        "good",
        "setbacks",
        "steady_steps",
    ],
)
def test_a_header_that_lacks_a_key_is_refused(path: Path, key: str):
    rewrite(path, lambda header, _: header.pop(key))
    assert key in refused(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("setbacks", -1),
        ("setbacks", 1 << 40),
        ("steady_steps", 4),
        ("rate_share", -0.5),
        ("rate_share", 2.0),
        ("batch_size", 0),
        ("step", 2),
    ],
)
def test_a_header_of_a_place_that_no_training_comes_to_is_refused(path: Path, field: str, value: Any):
    rewrite(
        path,
        lambda header, _: header.update({field: value} if field != "step" else {"good": {**header["good"], "step": 9}}),
    )
    assert "damaged header" in refused(path)


GROUPS = ["model", "average", "optimizer.exp_avg", "optimizer.exp_avg_sq", "good.model", "good.average"]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("harm", ["missing", "misshapen", "NaN", "infinite"])
def test_a_tensor_that_does_not_fit_is_refused_by_name(path: Path, group: str, harm: str):
    name = f"{group}.encoder.0.weight"

    def change(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        value = tensors.pop(name)
        if harm == "misshapen":
            tensors[name] = value[..., :-1].contiguous()
        if harm in ("NaN", "infinite"):
            value.view(-1)[7] = float(harm.replace("infinite", "inf"))
            tensors[name] = value

    rewrite(path, change)
    assert f"tensor {name} is missing, misshapen or not finite; remove it and train again" in refused(path)


# --- the losses of every step ---


def after_many_steps(num_steps: int) -> TrainingState:
    """Numbers with all of their bits in use; every fiftieth step is measured on held-out files."""
    state = new_state(narrow_model(width=8, latent_dim=2), CONFIG)
    state.step = num_steps
    draws = np.random.default_rng(0).random((num_steps, 3)).tolist()
    state.history = [
        LossPoint(step, loss, kl, None if step % 50 else held_out) for step, (loss, kl, held_out) in enumerate(draws, 1)
    ]
    for parameter in state.model.parameters():
        zeros = {moment: torch.zeros_like(parameter) for moment in MOMENTS}
        state.optimizer.state[parameter] = {"step": torch.tensor(float(num_steps)), **zeros}
    return state


def test_the_losses_of_two_million_steps_come_back_bit_for_bit(tmp_path: Path):
    state = after_many_steps(2_000_000)
    save_checkpoint(tmp_path / "c", state, CONFIG, HASH)
    loaded, _ = load_checkpoint(tmp_path / "c")
    assert loaded.history == state.history
    assert loaded.step == 2_000_000
    assert (tmp_path / "c").stat().st_size < checkpoint_bytes(state.model.state_dict(), state.step) < 60e6


def test_the_losses_are_no_part_of_the_header_that_is_written_and_read_as_json(tmp_path: Path):
    header_bytes = []
    for num_steps in (0, 50_000):
        save_checkpoint(tmp_path / "c", after_many_steps(num_steps), CONFIG, HASH)
        header_bytes.append(int(np.frombuffer((tmp_path / "c").read_bytes()[:8], "<u8")[0]))
    assert header_bytes[1] < header_bytes[0] + 20_000


@pytest.mark.parametrize("harm", ["missing", "too few", "too many", "float32", "a loss of NaN", "infinite held-out"])
def test_losses_that_cannot_be_those_of_the_steps_are_refused(path: Path, harm: str):
    def change(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        losses = tensors.pop("losses")
        if harm == "a loss of NaN":
            losses[1, 0] = math.nan
        if harm == "infinite held-out":
            losses[1, 2] = math.inf
        others = {"too few": losses[:2].clone(), "too many": torch.cat([losses, losses]), "float32": losses.float()}
        if harm != "missing":
            tensors["losses"] = others.get(harm, losses)

    rewrite(path, change)
    assert "tensor losses is missing, misshapen or not finite; remove it and train again" in refused(path)


def test_a_header_that_safetensors_does_not_write_is_an_error_that_leaves_the_older_checkpoint(
    path: Path, three_steps: TrainingState
):
    data = path.read_bytes()
    with pytest.raises(OutputError, match=r"cannot be written \(.*\); the checkpoint that is there is whole: "):
        save_checkpoint(path, three_steps, CONFIG, HASH, recordings=[Recording("x" * 100_000_000, HASH)])
    assert path.read_bytes() == data


# --- row 24: a save that fails ---


def test_row_24_a_disk_without_room_is_said_before_anything_is_written_with_the_bytes_that_are_needed(
    monkeypatch: pytest.MonkeyPatch, path: Path, six_steps: TrainingState, three_steps: TrainingState
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    monkeypatch.setattr(Path, "write_bytes", lambda *_: pytest.fail("something is written"))
    with pytest.raises(OutputError) as caught:
        save_checkpoint(path, six_steps, CONFIG, HASH)
    needed = int(re.search(r"the disk is full \((\d+) bytes are needed, 1000 are free\)", str(caught.value))[1])
    assert "the checkpoint that is there is whole: free some space, then go on with --resume" in str(caught.value)
    monkeypatch.undo()
    assert_same_state(load_checkpoint(path)[0], three_steps)
    save_checkpoint(path, six_steps, CONFIG, HASH)
    assert path.stat().st_size == needed


def test_row_24_a_first_checkpoint_that_finds_no_room_promises_no_older_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, three_steps: TrainingState
):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OutputError, match=r"the disk is full .* there is no older one: free some space, then train again"
    ):
        save_checkpoint(tmp_path / "c", three_steps, CONFIG, HASH)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_row_24_a_disk_that_is_really_full_leaves_the_older_checkpoint(
    path: Path, three_steps: TrainingState, six_steps: TrainingState
):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, hard))
    try:
        with pytest.raises(OutputError, match=r"checkpoint\.safetensors cannot be written"):
            save_checkpoint(path, six_steps, CONFIG, HASH)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert_same_state(load_checkpoint(path)[0], three_steps)


def test_row_34_a_folder_that_is_not_there_is_named(tmp_path: Path, three_steps: TrainingState):
    with pytest.raises(OutputError, match="nowhere"):
        save_checkpoint(tmp_path / "nowhere" / "c", three_steps, CONFIG, HASH)


def test_no_code_can_hide_in_a_checkpoint(path: Path):
    assert path.read_bytes()[8:9] == b"{"  # safetensors: a length, then JSON; no pickle opcode
    assert "pickle" not in dir(checkpoint)
    assert np.frombuffer(path.read_bytes()[:8], "<u8")[0] < 100_000
