"""How well a loop hides where it begins again.

Two figures, each a percentile of what happens everywhere else in the same take: the step from its last sample to its first one
among all steps from a sample to the next, and the spectral flux across the seam among that of all other moments (flux: by how
much the bins of a spectrum rise from one moment to the next; C. Duxbury, M. Sandler and M. Davies, DAFx 2002). A seam that is a
place like any other has any percentile; a click has 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.inference.looping import wrapped
from small_dataset_audio.inference.pieces import Piece, Stream

FRAME: Final = 1024
HOP: Final = 512
_FEWEST_MOMENTS: Final = 20  # of fewer, no percentile can be said


@dataclass(frozen=True)
class SeamScore:
    """Where the seam stands among all other places of a loop.

    Parameters
    ----------
    step_percentile : float [0 to 100]
        Share of the steps from a sample to the next that are smaller than the one over the seam.
    flux_percentile : float or None [0 to 100]
        Share of the moments whose spectral flux is smaller than that over the seam; None of a loop too short for that.
    """

    step_percentile: float
    flux_percentile: float | None

    def to_json(self) -> dict[str, Any]:
        """Both as a sidecar has them."""
        return asdict(self)


def score_seam(loop: Stream) -> SeamScore:
    """Measure a loop, going through it three times.

    Parameters
    ----------
    loop : Stream [any sample rate]
        One period.
    """
    first = next(iter(loop.pieces()))[:, :1]
    last = next(iter(wrapped(loop, 1, 0)))[:, :1]
    seam = float(np.abs(first - last).max())
    smaller = sum(int((steps < seam).sum()) for steps in _steps(loop))
    flux = np.concatenate([np.zeros(0), *_flux(loop)])
    inner = flux[1:]
    return SeamScore(
        step_percentile=100.0 * smaller / max(loop.num_samples - 1, 1),
        flux_percentile=100.0 * float((inner < flux[0]).mean()) if len(inner) >= _FEWEST_MOMENTS else None,
    )


def _steps(loop: Stream) -> Iterator[NDArray[np.float32]]:
    """Steps from each sample to the next, of the channel that steps furthest."""
    before: Piece | None = None
    for piece in loop.pieces():
        joined = piece if before is None else np.concatenate([before, piece], axis=1)
        yield np.abs(np.diff(joined, axis=1)).max(axis=0)
        before = piece[:, -1:]


def _flux(loop: Stream) -> Iterator[NDArray[np.float64]]:
    """Spectral flux at sample 0 and at every hop after it: of a frame around there, from the one a hop before it."""
    window = np.hanning(FRAME + 1)[:FRAME]
    rest: Piece | None = None
    for piece in wrapped(loop, FRAME // 2 + HOP, FRAME // 2):
        joined = piece if rest is None else np.concatenate([rest, piece], axis=1)
        count = (joined.shape[1] - FRAME) // HOP + 1 if joined.shape[1] >= FRAME else 0
        if count < 2:
            rest = joined
            continue
        frames = np.lib.stride_tricks.sliding_window_view(joined, FRAME, axis=1)[:, ::HOP][:, :count]
        magnitude = np.abs(np.fft.rfft(frames * window, axis=2)).sum(axis=0)
        yield np.maximum(np.diff(magnitude, axis=0), 0.0).sum(axis=1)
        rest = joined[:, (count - 1) * HOP :]
