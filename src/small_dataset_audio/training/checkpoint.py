"""Checkpoints: a whole training state in one safetensors file, written atomically and loaded without running code.

Tensors are named as :func:`~small_dataset_audio.training.state.state_tensors` says; ``good.*`` are those that a setback goes
back to, where they are others than the present ones; ``losses`` are those of all steps
(:mod:`small_dataset_audio.training.losses`). Everything else is one JSON in the header.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from small_dataset_audio.errors import CheckpointError, OutputError
from small_dataset_audio.files import dump_json, write_bytes
from small_dataset_audio.models.vae import empty_model, outline
from small_dataset_audio.models.weights_file import LIBRARY_HEADER_BYTES, misfit, open_weights
from small_dataset_audio.names import one_line
from small_dataset_audio.training.checkpoint_header import (
    CHECKPOINT_VERSION,
    METADATA_KEY,
    CheckpointHeader,
    Recording,
    parse_header,
)
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.losses import (
    LOSS_BYTES,
    NUM_COLUMNS,
    are_losses,
    losses_from_tensor,
    losses_to_tensor,
)
from small_dataset_audio.training.state import (
    MOMENTS,
    GoodState,
    TrainingState,
    new_state,
    state_tensors,
)
from small_dataset_audio.write_errors import explain_write_error, free_bytes

_LOSSES = "losses"
_HEADER_BYTES = 250_000  # of JSON: names of tensors, and of 500 recordings


def save_checkpoint(
    path: Path,
    state: TrainingState,
    config: TrainingConfig,
    corpus_hash: str,
    *,
    keep_audio: bool = True,
    licence: str = "unspecified",
    recordings: Sequence[Recording] = (),
    previews_done: int = 0,
) -> None:
    """Write `state` to `path`, atomically: the older checkpoint stays whole until the new one is.

    Parameters
    ----------
    path : Path
    state : TrainingState
    config, corpus_hash, keep_audio, licence, recordings, previews_done
        See :class:`CheckpointHeader`.

    Raises
    ------
    OutputError
        The file cannot be written; the older one is untouched. The message says how many bytes are needed.
    """
    tensors = state_tensors(state)
    good = None if state.good is None or state.good.point.step == state.step else state.good
    if good is not None:
        tensors = tensors | {f"good.{name}": value for name, value in good.tensors.items()}
    header = CheckpointHeader(
        version=CHECKPOINT_VERSION,
        corpus_hash=corpus_hash,
        vae=state.model.config,
        training=config,
        keep_audio=keep_audio,
        licence=licence,
        recordings=tuple(recordings),
        previews_done=previews_done,
        step=state.step,
        progress=state.progress,
        elapsed_s=state.elapsed_s,
        best_held_out=state.best_held_out,
        best_progress=state.best_progress,
        annealing_steps_left=state.annealing_steps_left,
        batch_size=state.batch_size,
        rate_share=state.rate_share,
        setbacks=state.setbacks,
        steady_steps=state.steady_steps,
        good=None if good is None else good.point,
    )
    tensors = tensors | {_LOSSES: losses_to_tensor(state.history)}
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        # Not safetensors' own save_file: a full disk would be its error, without an errno.
        data = save(contiguous, metadata={METADATA_KEY: dump_json(asdict(header))})
    except SafetensorError as error:
        raise OutputError(
            f"{path} cannot be written ({one_line(str(error))}); {_older(path).format('train on fewer recordings')}"
        ) from error
    _write(path, data)


def checkpoint_bytes(weights: Mapping[str, Tensor], num_steps: int = 0) -> int:
    """Size that a checkpoint of a model with such weights has at most, after `num_steps` steps [bytes]."""
    weights_bytes: int = sum(value.numel() * value.element_size() for value in weights.values())
    copies = 2 * (2 + len(MOMENTS))  # weights, average, moments; now, and at the last good step
    return copies * weights_bytes + num_steps * LOSS_BYTES + _HEADER_BYTES


def _older(path: Path) -> str:
    """What is there where a newer checkpoint cannot be, and how to go on; what has to be done first is left open."""
    if path.is_file():
        return "the checkpoint that is there is whole: {}, then go on with --resume"
    return "there is no older one: {}, then train again"


def _write(path: Path, data: bytes) -> None:
    rest = _older(path)

    def explained(error: OSError) -> str:
        return explain_write_error(
            error, path, needed_bytes=len(data), exactly=True, advice=rest, otherwise="make it writable"
        )

    if path.parent.is_dir() and free_bytes(path) < len(data):
        raise OutputError(explained(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    try:
        write_bytes(path, data)
    except OutputError as error:
        cause = error.__cause__
        raise OutputError(explained(cause if isinstance(cause, OSError) else error)) from error


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> tuple[TrainingState, CheckpointHeader]:
    """Read a checkpoint back.

    Returns
    -------
    state : TrainingState
        Ready to be trained on.
    header : CheckpointHeader

    Raises
    ------
    CheckpointError
        Missing, truncated, of a newer version, or its tensors do not fit its configuration.
    """
    with _opened(path) as file:
        header = parse_header(path, file.metadata())
        weights = outline(header.vae)
        if name := misfit(file, {f"model.{own}": value for own, value in weights.items()}):
            raise _misfit(path, name)
        # Shapes first: of one that no training writes, torch cannot even say where its numbers would lie.
        tensors = {name: file.get_tensor(name) for name in file.keys() if _fits(file, name, weights, header.step)}  # noqa: SIM118 - safe_open is no mapping
    model = empty_model(header.vae)
    _fill(path, model.state_dict(), tensors, "model.")
    model.to(device)
    state = new_state(model, header.training)
    _fill(path, state.average, tensors, "average.")
    for name, parameter in model.named_parameters():
        if header.step == 0:
            continue
        moments = {moment: torch.zeros_like(parameter) for moment in MOMENTS}
        for moment, value in moments.items():
            _fill(path, {name: value}, tensors, f"optimizer.{moment}.")
        state.optimizer.state[parameter] = {"step": torch.tensor(float(header.step)), **moments}
    state.step, state.progress, state.elapsed_s = header.step, header.progress, header.elapsed_s
    state.best_held_out, state.best_progress = header.best_held_out, header.best_progress
    state.annealing_steps_left = header.annealing_steps_left
    losses = tensors.get(_LOSSES)
    if losses is None or not are_losses(losses, header.step):
        raise _misfit(path, _LOSSES)
    state.history = losses_from_tensor(losses)
    state.batch_size, state.rate_share, state.setbacks = header.batch_size, header.rate_share, header.setbacks
    state.steady_steps = header.steady_steps
    if header.good is not None:
        own = state_tensors(state)
        names = [name for name in own if header.good.step > 0 or not name.startswith("optimizer.")]
        good = {name: torch.empty_like(own[name]) for name in names}
        _fill(path, good, tensors, "good.")
        state.good = GoodState(header.good, good)
    return state, header


def read_header(path: Path) -> CheckpointHeader:
    """Read what a checkpoint says of itself, and none of its tensors.

    Raises
    ------
    CheckpointError
        As :func:`load_checkpoint`.
    """
    with _opened(path) as file:
        return parse_header(path, file.metadata())


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with open_weights(path, "pt", max_header_bytes=LIBRARY_HEADER_BYTES) as file:
            yield file
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; train without --resume") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); remove it and train again") from error


def _fits(file: Any, name: str, weights: Mapping[str, Tensor], num_steps: int) -> bool:  # noqa: ANN401 - safetensors gives its file no type
    """Whether a tensor has the shape of the weight that it belongs to, or of the losses; what does not is never read."""
    shape = tuple(file.get_slice(name).get_shape())
    if name == _LOSSES:
        return shape == (num_steps, NUM_COLUMNS)
    return any(shape == tuple(weight.shape) for own, weight in weights.items() if name.endswith(f".{own}"))


def _fill(path: Path, targets: dict[str, Tensor], tensors: dict[str, Tensor], prefix: str) -> None:
    """Copy tensors into their places, refusing what is missing, misshapen or not finite."""
    for name, target in targets.items():
        value = tensors.get(f"{prefix}{name}")
        if value is None or value.shape != target.shape or not torch.isfinite(value).all():
            raise _misfit(path, f"{prefix}{name}")
        with torch.no_grad():
            target.copy_(value)


def _misfit(path: Path, name: str) -> CheckpointError:
    return CheckpointError(f"{path}: tensor {name} is missing, misshapen or not finite; remove it and train again")
