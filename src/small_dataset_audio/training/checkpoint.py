"""Checkpoints: a whole training state in one safetensors file, written atomically and loaded without running code.

Tensors: ``model.*`` and ``average.*`` (weights and their running average), ``optimizer.exp_avg.*`` and
``optimizer.exp_avg_sq.*`` (AdamW's two moments, by parameter name). Everything else is one JSON in the header.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from small_dataset_audio.errors import CheckpointError, InvalidConfigError
from small_dataset_audio.files import dump_json, write_bytes
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.vae import empty_model, outline
from small_dataset_audio.models.weights_file import LIBRARY_HEADER_BYTES, misfit, one_line, open_weights
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import LossPoint, TrainingState, new_state

CHECKPOINT_VERSION = 2
"""1: recordings as loud as their files. 2: recordings at one level."""
_METADATA_KEY = "small_dataset_audio_checkpoint"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says of itself.

    Parameters
    ----------
    version : int
    corpus_hash : str
        Content hash of the corpus it was trained on.
    vae : VAEConfig
    training : TrainingConfig
    keep_audio : bool
        Whether the model shall hold the corpus audio: a resumed training must not store what it was told not to.
    licence : str
        Of the recordings.
    step, progress, elapsed_s, best_held_out, best_progress, annealing_steps_left, history
        See :class:`~small_dataset_audio.training.loop.TrainingState`.
    """

    version: int
    corpus_hash: str
    vae: VAEConfig
    training: TrainingConfig
    keep_audio: bool
    licence: str
    step: int
    progress: float
    elapsed_s: float
    best_held_out: float | None
    best_progress: float
    annealing_steps_left: int | None
    history: tuple[LossPoint, ...]


def save_checkpoint(
    path: Path,
    state: TrainingState,
    config: TrainingConfig,
    corpus_hash: str,
    *,
    keep_audio: bool = True,
    licence: str = "unspecified",
) -> None:
    """Write `state` to `path`, atomically: the older checkpoint stays whole until the new one is.

    Parameters
    ----------
    path : Path
    state : TrainingState
    config, corpus_hash, keep_audio, licence
        See :class:`CheckpointHeader`.

    Raises
    ------
    OutputError
        The file cannot be written; the older one is untouched.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in state.model.state_dict().items():
        tensors[f"model.{name}"] = value
        tensors[f"average.{name}"] = state.average[name]
    for name, parameter in state.model.named_parameters():
        moments = state.optimizer.state.get(parameter, {})  # empty before the first step
        tensors |= {f"optimizer.{moment}.{name}": moments[moment] for moment in _MOMENTS if moments}
    header = CheckpointHeader(
        version=CHECKPOINT_VERSION,
        corpus_hash=corpus_hash,
        vae=state.model.config,
        training=config,
        keep_audio=keep_audio,
        licence=licence,
        step=state.step,
        progress=state.progress,
        elapsed_s=state.elapsed_s,
        best_held_out=state.best_held_out,
        best_progress=state.best_progress,
        annealing_steps_left=state.annealing_steps_left,
        history=tuple(state.history),
    )
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # Not safetensors' own save_file: a full disk would be its error, without an errno.
    write_bytes(path, save(contiguous, metadata={_METADATA_KEY: dump_json(asdict(header))}))


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
    try:
        with open_weights(path, "pt", max_header_bytes=LIBRARY_HEADER_BYTES) as file:
            header = _parse_header(path, file.metadata())
            if name := misfit(file, {f"model.{own}": value for own, value in outline(header.vae).items()}):
                raise CheckpointError(f"{path}: tensor {name} is missing, misshapen or not finite; train again")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; train without --resume") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); remove it and train again") from error

    model = empty_model(header.vae)
    _fill(path, model.state_dict(), tensors, "model")
    model.to(device)
    state = new_state(model, header.training)
    _fill(path, state.average, tensors, "average")
    for name, parameter in model.named_parameters():
        if header.step == 0:
            continue
        moments = {moment: torch.zeros_like(parameter) for moment in _MOMENTS}
        for moment, value in moments.items():
            _fill(path, {name: value}, tensors, f"optimizer.{moment}")
        state.optimizer.state[parameter] = {"step": torch.tensor(float(header.step)), **moments}
    state.step, state.progress, state.elapsed_s = header.step, header.progress, header.elapsed_s
    state.best_held_out, state.best_progress = header.best_held_out, header.best_progress
    state.annealing_steps_left, state.history = header.annealing_steps_left, list(header.history)
    return state, header


def _parse_header(path: Path, metadata: dict[str, str] | None) -> CheckpointHeader:
    if not metadata or _METADATA_KEY not in metadata:
        raise CheckpointError(f"{path} is no training checkpoint; give the model's own folder")
    try:
        raw = msgspec.json.decode(metadata[_METADATA_KEY], type=dict[str, Any])
        if raw.get("version") != CHECKPOINT_VERSION:
            version = one_line(str(raw.get("version")))
            raise CheckpointError(
                f"{path} has checkpoint version {version}; this release reads {CHECKPOINT_VERSION}: go on with the "
                "release that made it, or train again without --resume"
            )
        header = msgspec.convert(raw, CheckpointHeader)
        header.vae.validate()
        header.training.validate()
        _check_position(header)
    except (msgspec.MsgspecError, RecursionError, InvalidConfigError) as error:
        reason = one_line(str(error))
        raise CheckpointError(f"{path} has a damaged header ({reason}); remove it and train again") from error
    return header


def _check_position(header: CheckpointHeader) -> None:
    """Raise :class:`InvalidConfigError` where no training can have come to such a place."""
    steps_left = header.annealing_steps_left or 0
    for name, value, most in (
        ("step", header.step, 2**53),  # the optimiser counts in floating point
        ("progress", header.progress, 1.0),
        ("best_progress", header.best_progress, 1.0),
        ("elapsed_s", header.elapsed_s, 1e9),
        ("annealing_steps_left", max(steps_left, 0), 2**53),
    ):
        if not 0 <= value <= most:
            raise InvalidConfigError(f"{name} is {value}; it must be 0 to {most}")


def _fill(path: Path, targets: dict[str, Tensor], tensors: dict[str, Tensor], prefix: str) -> None:
    """Copy tensors into their places, refusing what is missing, misshapen or not finite."""
    for name, target in targets.items():
        value = tensors.get(f"{prefix}.{name}")
        if value is None or value.shape != target.shape or not torch.isfinite(value).all():
            raise CheckpointError(f"{path}: tensor {prefix}.{name} is missing, misshapen or not finite; train again")
        with torch.no_grad():
            target.copy_(value)
