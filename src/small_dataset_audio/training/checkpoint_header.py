"""What a checkpoint says of itself: one JSON in the header of its safetensors file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from small_dataset_audio.errors import CheckpointError, InvalidConfigError
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.names import one_line
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.state import GoodPoint

CHECKPOINT_VERSION = 3
"""1: recordings as loud as their files. 2: recordings at one level. 3: their list, and what a setback goes back to."""
METADATA_KEY = "small_dataset_audio_checkpoint"


@dataclass(frozen=True)
class Recording:
    """One recording that a training began with.

    Parameters
    ----------
    name : str
        Path relative to the corpus folder, with forward slashes.
    content_hash : str
    """

    name: str
    content_hash: str


@read_from_json
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
    recordings : tuple of Recording
        What `corpus_hash` is made of, so that a change can be named.
    previews_done : int
        Of the previews that a training makes on its way.
    step, progress, elapsed_s, best_held_out, best_progress, annealing_steps_left : int or float or None
    batch_size, rate_share, setbacks, steady_steps : int or float
        See :class:`~small_dataset_audio.training.state.TrainingState`.
    good : GoodPoint or None
        What a setback goes back to; None where that is the present state.
    """

    version: int
    corpus_hash: str
    vae: VAEConfig
    training: TrainingConfig
    keep_audio: bool
    licence: str
    recordings: tuple[Recording, ...]
    previews_done: int
    step: int
    progress: float
    elapsed_s: float
    best_held_out: float | None
    best_progress: float
    annealing_steps_left: int | None
    batch_size: int
    rate_share: float
    setbacks: int
    steady_steps: int
    good: GoodPoint | None


def parse_header(path: Path, metadata: dict[str, str] | None) -> CheckpointHeader:
    """Read what safetensors holds beside the tensors.

    Raises
    ------
    CheckpointError
        None of this program, of another version, or damaged.
    """
    if not metadata or METADATA_KEY not in metadata:
        raise CheckpointError(f"{path} is no training checkpoint; give the model's own folder")
    try:
        raw = msgspec.json.decode(metadata[METADATA_KEY], type=dict[str, Any])
        if raw.get("version") != CHECKPOINT_VERSION:
            raise CheckpointError(
                f"{path} has checkpoint version {one_line(str(raw.get('version')))}; this release reads {CHECKPOINT_VERSION}: "
                "go on with the release that made it, or train again without --resume"
            )
        header = msgspec.convert(raw, CheckpointHeader)
        header.vae.validate()
        header.training.validate()
        replace(header.training, batch_size=header.batch_size).validate()
        _check_position(header)
    except (msgspec.MsgspecError, RecursionError, OverflowError, InvalidConfigError) as error:
        raise CheckpointError(
            f"{path} has a damaged header ({one_line(str(error))}); remove it and train again"
        ) from error
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
        ("rate_share", header.rate_share, 1.0),
        ("setbacks", header.setbacks, 1e9),
        ("steady_steps", header.steady_steps, header.step),
        ("good.step", 0 if header.good is None else header.good.step, header.step),
    ):
        if not 0 <= value <= most:
            raise InvalidConfigError(f"{name} is {value}; it must be 0 to {most}")
