"""Which processor does the work."""

from __future__ import annotations

import torch

from small_dataset_audio.constants import DEVICES as DEVICES
from small_dataset_audio.errors import InvalidConfigError


def resolve_device(name: str = "auto") -> torch.device:
    """Choose a device: ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    InvalidConfigError
        An unknown name, or a device that this machine does not have.
    """
    if name not in DEVICES:
        raise InvalidConfigError(f"device is {name!r}; it must be one of {', '.join(DEVICES)}")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name]:
        raise InvalidConfigError(f"device is {name!r}, which this machine or this torch build lacks; use --device auto")
    return torch.device(name)
