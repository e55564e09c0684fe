"""Whether the disk has room for a training, asked before anything is done that would be lost."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torch import Tensor

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus import Corpus
from small_dataset_audio.errors import OutputError
from small_dataset_audio.library import HOME_VARIABLE
from small_dataset_audio.training.checkpoint import checkpoint_bytes

_MANY_STEPS: Final = 10_000  # whose losses there is to be room for, where nobody knows how many there will be


def require_room(
    folder: Path, corpus: Corpus, weights: Mapping[str, Tensor], max_steps: int | None, *, keep_audio: bool
) -> None:
    """Refuse a disk that could not take two checkpoints, one in place and one in the making, and the model.

    Parameters
    ----------
    folder : Path
        Of the model; it exists.
    corpus : Corpus
    weights : mapping of str to Tensor
        Of the model; may be on the ``meta`` device.
    max_steps : int or None
    keep_audio : bool

    Raises
    ------
    OutputError
        The message says how many bytes are needed.
    """
    needed_bytes = 2 * checkpoint_bytes(weights, max_steps or _MANY_STEPS)
    if keep_audio:
        channels = 2 if corpus.sides else 1
        needed_bytes += round(corpus.duration_s * SAMPLE_RATE) * channels * 3  # 24 bits, if FLAC saves nothing
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise OutputError(
            f"{folder} has no room for this training: up to {needed_bytes} bytes are needed, {free_bytes} are free; "
            f"free some space, or have the library elsewhere by {HOME_VARIABLE}"
        )
