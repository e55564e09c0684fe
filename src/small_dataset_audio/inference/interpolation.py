"""Spherical interpolation between latents (K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985)."""

from __future__ import annotations

import torch
from torch import Tensor

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


def _perpendicular(unit: Tensor) -> Tensor:
    """Some direction at a right angle: the axis the vector has least of, made orthogonal to it."""
    axis = torch.nn.functional.one_hot(unit.abs().argmin(dim=-1), unit.shape[-1]).to(unit.dtype)
    return axis - (axis * unit).sum(dim=-1, keepdim=True) * unit
