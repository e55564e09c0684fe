"""The losses of all steps as one tensor: what a checkpoint holds of them.

As JSON they took some 150 bytes a step, in a header that may have no more than 100 MB: after 675,000 steps no checkpoint could
have been written. As numbers of 64 bits they take 24, come back bit for bit, and the step is the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from small_dataset_audio.training.state import LossPoint

NUM_COLUMNS: Final = 3
LOSS_BYTES: Final = NUM_COLUMNS * 8
"""For each step."""


def losses_to_tensor(history: Sequence[LossPoint]) -> Tensor:
    """Write the losses of steps 1, 2, 3 ... as rows.

    Returns
    -------
    Tensor [shape=(steps, 3), float64; reconstruction, kl, held_out]
        NaN where nothing was measured on held-out files.
    """
    table = np.empty((len(history), NUM_COLUMNS))
    table[:, 0] = np.fromiter((point.reconstruction for point in history), np.float64, len(history))
    table[:, 1] = np.fromiter((point.kl for point in history), np.float64, len(history))
    held_out = (np.nan if point.held_out is None else point.held_out for point in history)
    table[:, 2] = np.fromiter(held_out, np.float64, len(history))
    return torch.from_numpy(table)


def losses_from_tensor(table: Tensor) -> list[LossPoint]:
    """Read back what :func:`losses_to_tensor` wrote."""
    rows = table.tolist()
    return [
        LossPoint(step, reconstruction, kl, None if held_out != held_out else held_out)
        for step, (reconstruction, kl, held_out) in enumerate(rows, 1)
    ]


def are_losses(table: Tensor | None, num_steps: int) -> bool:
    """Whether a tensor out of a file can be the losses of so many steps."""
    return (
        table is not None
        and table.dtype == torch.float64
        and tuple(table.shape) == (num_steps, NUM_COLUMNS)
        and bool(torch.isfinite(table[:, :2]).all())
        and not bool(torch.isinf(table[:, 2]).any())
    )
