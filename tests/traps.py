"""The enemy's own tool: files that run a program when they are unpickled, to show that here they never are."""

from __future__ import annotations

import io
import pickle  # noqa: TID251 - what is refused has to be made first
from pathlib import Path
from typing import Any

import torch


class Trap:
    """An object whose unpickling makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def pickled_trap(trace: Path) -> bytes:
    """A pickle that makes the file `trace`."""
    return pickle.dumps(Trap(trace), protocol=4)


def torch_trap(trace: Path) -> bytes:
    """The same as ``torch.save`` writes it."""
    file = io.BytesIO()
    torch.save({"weights": Trap(trace)}, file)  # noqa: TID251 - what is refused has to be made first
    return file.getvalue()


def spring(contents: bytes) -> None:
    """Walk into a trap, which proves that it works."""
    if contents.startswith(b"PK"):
        torch.load(io.BytesIO(contents), weights_only=False)  # noqa: TID251 - shows that the trap works
    else:
        pickle.loads(contents)  # noqa: S301 - shows that the trap works
