"""What a sidecar says of model and machine, so that a re-render can tell what differs where bits do."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from small_dataset_audio._version import __version__
from small_dataset_audio.inference.pieces import Stream, stream_of

_LIBRARIES = ("torch", "numpy", "scipy", "soxr", "librosa", "soundfile")


_RENDERING: Final = 1
"""Raised with whatever makes the same settings and seed another sound, inside a release too."""


def describe_environment(device: torch.device | str) -> dict[str, Any]:
    """Versions and hardware that bits depend on."""
    return {
        "sda": __version__,
        "rendering": _RENDERING,
        **{name: version(name) for name in _LIBRARIES},
        "libsndfile": soundfile.__libsndfile_version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "device": str(device),
        "threads": torch.get_num_threads(),
    }


def audio_sha256(audio: NDArray[np.float32]) -> str:
    """Hex SHA-256 of the samples as float32, before the export's bit depth: one channel after the other."""
    return stream_sha256(stream_of(np.atleast_2d(audio)))


def stream_sha256(stream: Stream) -> str:
    """Do the same for a stream, which is gone through once for each channel."""
    digest = hashlib.sha256()
    for channel in range(stream.channels):
        for piece in stream.pieces():
            digest.update(np.ascontiguousarray(piece[channel], dtype="<f4").data)
    return digest.hexdigest()
