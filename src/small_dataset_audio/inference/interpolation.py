"""Spherical interpolation between latents (K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LatentPath: TypeAlias = Callable[[int, int], NDArray[np.float32]]
"""Latents from one step up to another [shape=(latent_dim, steps)]; fewer where the path ends."""

_OPPOSITE_SINE = 1e-4  # under it, what is left of the direction of an arc is mostly float32 rounding


def slerp(v0: Tensor, v1: Tensor, t: float | Tensor, dot_threshold: float = 0.9995) -> Tensor:
    """Interpolate along the arc between two vectors.

    The direction moves at constant angular speed, the magnitude linearly. Nearly parallel vectors, and a zero vector, are
    interpolated linearly; for opposite vectors, which have no shortest arc, the arc goes through a fixed perpendicular.

    Parameters
    ----------
    v0, v1 : Tensor [shape=(..., dim)]
    t : float or Tensor [0 to 1; shape=() or broadcastable to (..., 1)]
    dot_threshold : float
        Cosine from which on two directions count as parallel.

    Returns
    -------
    Tensor [shape=(..., dim)]
    """
    v0, v1 = torch.as_tensor(v0), torch.as_tensor(v1)
    share = torch.as_tensor(t, dtype=v0.dtype, device=v0.device)
    norm0, norm1 = v0.norm(dim=-1, keepdim=True), v1.norm(dim=-1, keepdim=True)
    straight = (1 - share) * v0 + share * v1
    tiny = torch.finfo(v0.dtype).tiny
    unit0, unit1 = v0 / norm0.clamp_min(tiny), v1 / norm1.clamp_min(tiny)
    cosine = (unit0 * unit1).sum(dim=-1, keepdim=True).clamp(-1.0, 1.0)

    tangent = unit1 - cosine * unit0
    sine = tangent.norm(dim=-1, keepdim=True)
    is_opposite = (cosine < 0) & (sine < _OPPOSITE_SINE)
    tangent = torch.where(is_opposite, _perpendicular(unit0), tangent)
    tangent = tangent / tangent.norm(dim=-1, keepdim=True).clamp_min(tiny)
    angle = torch.atan2(sine, cosine) * share  # unlike acos, exact to rounding at both ends
    magnitude = (1 - share) * norm0 + share * norm1
    arc = magnitude * (torch.cos(angle) * unit0 + torch.sin(angle) * tangent)

    is_straight = (cosine > dot_threshold) | (norm0 <= tiny) | (norm1 <= tiny)
    return torch.where(is_straight, straight, arc)


def anchor_path(anchors: Tensor, steps_between: int, num_steps: int) -> LatentPath:
    """Lay a path through all anchors, arc after arc; it is computed where it is looked at.

    Parameters
    ----------
    anchors : Tensor [shape=(two or more, latent_dim)]
    steps_between : int
        Points of an arc; between them the path is straight.
    num_steps : int
        From the first anchor to the last.

    Returns
    -------
    LatentPath
    """
    num_arcs = len(anchors) - 1

    def point(index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Points of the arcs [shape=(points, latent_dim)]; the last one is the last anchor itself."""
        arc = np.minimum(index // steps_between, num_arcs - 1)
        share = torch.from_numpy(index - arc * steps_between).to(anchors.dtype)[:, None] / steps_between
        points: NDArray[np.float32] = slerp(anchors[arc], anchors[arc + 1], share).numpy()
        points[index == num_arcs * steps_between] = anchors[-1].numpy()
        return points

    def path(first: int, last: int) -> NDArray[np.float32]:
        end = float(num_arcs * steps_between)
        positions = np.linspace(0.0, end, num_steps)[first:last]
        left = np.minimum(positions.astype(np.int64), num_arcs * steps_between - 1)
        share = (positions - left)[:, None]
        return np.ascontiguousarray(((1 - share) * point(left) + share * point(left + 1)).T, dtype=np.float32)

    return path


def closed_path(anchors: Tensor, steps_between: int, period_steps: float) -> LatentPath:
    """Lay a path through all anchors and back to the first one, over and over.

    Parameters
    ----------
    anchors : Tensor [shape=(one or more, latent_dim)]
    steps_between : int
        As for :func:`anchor_path`.
    period_steps : float [over 0]
        Steps from the first anchor to its return; need not be whole.

    Returns
    -------
    LatentPath
    """
    points = torch.cat([anchors, anchors[:1]])
    # Points of the arcs are what is interpolated between, so the path over them is that of `anchor_path`.
    num_points = (len(points) - 1) * steps_between
    arcs = anchor_path(points, steps_between, num_points + 1)(0, num_points + 1)

    def path(first: int, last: int) -> NDArray[np.float32]:
        positions = np.arange(first, last) * (num_points / period_steps) % num_points
        left = np.minimum(positions.astype(np.int64), num_points - 1)
        share = positions - left
        return np.ascontiguousarray((1 - share) * arcs[:, left] + share * arcs[:, left + 1], dtype=np.float32)

    return path


def _perpendicular(unit: Tensor) -> Tensor:
    """Some direction at a right angle: the axis the vector has least of, made orthogonal to it."""
    axis = torch.nn.functional.one_hot(unit.abs().argmin(dim=-1), unit.shape[-1]).to(unit.dtype)
    return axis - (axis * unit).sum(dim=-1, keepdim=True) * unit
