"""A map of the corpus: each of its moments at two coordinates, alike ones close together.

The two directions in which half a second of latents varies most (principal components; I. Jolliffe, "Principal Component
Analysis", 2002), each brought to -10 to 10. It follows from the latents that every model stores, the same way every time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.centroids import centroids_of
from small_dataset_audio.controls.map_places import MAP_END, clamped
from small_dataset_audio.controls.targets import NearTarget, target_of
from small_dataset_audio.models.density import LatentDensity

_AROUND_STEPS: Final = 6  # a quarter of a second to either side
_SILENT_SHARE: Final = 0.1  # of the way from silence to the loudest is silence
_LOUDEST_SHARE: Final = 0.95
_NEAREST_STEPS: Final = 48  # two seconds of sound about a place
_POINTS: Final = 8

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class LatentMap:
    """Made by :func:`map_of`.

    Parameters
    ----------
    steps : ndarray [shape=(places,), int64]
        Of the latent density: those that are no silence.
    places : ndarray [shape=(places, 2), -10 to 10]
        Where each lies.
    recordings : ndarray [shape=(places,), int64]
        Which recording each is from.
    explained : tuple of float [0 to 1]
        Share of the variance that each axis shows.
    """

    steps: NDArray[np.int64] = field(repr=False)
    places: _Array = field(repr=False)
    recordings: NDArray[np.int64] = field(repr=False)
    explained: tuple[float, float]


def map_of(density: LatentDensity) -> LatentMap:
    """Lay the corpus out on a plane.

    Parameters
    ----------
    density : LatentDensity

    Returns
    -------
    LatentMap
    """
    latents = density.latents.astype(np.float64)
    steps = _sounding_steps(density, latents)
    around = _means_around(latents, density.path_lengths)[steps]
    centred = around - around.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    axes = axes[:, ::-1][:, :2]
    # An axis has no direction of its own: its largest part shows to the right, or up.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0.0, -1.0, 1.0)
    places = np.zeros((len(steps), 2))
    places[:, : axes.shape[1]] = centred @ axes
    low, high = places.min(axis=0), places.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    total = max(float(variances.sum()), 1e-12)
    shares = [max(float(variance), 0.0) / total for variance in variances[::-1][:2]]
    return LatentMap(
        steps=steps,
        places=(places - (low + high) / 2.0) * (2.0 * MAP_END / extent),
        recordings=np.searchsorted(np.cumsum(density.path_lengths), steps, side="right"),
        explained=(shares[0], shares[1] if len(shares) > 1 else 0.0),
    )


def target_at(density: LatentDensity, latent_map: LatentMap, x: float, y: float) -> NearTarget:
    """Make a target of what lies around a place on the map.

    Parameters
    ----------
    density : LatentDensity
    latent_map : LatentMap
        Of the same density.
    x, y : float [-10 to 10; beyond, the edge is meant]

    Raises
    ------
    InvalidConfigError
        A coordinate that is not finite.
    """
    x, y = clamped(x, y)
    away = np.square(latent_map.places - (x, y)).sum(axis=1)
    nearest = latent_map.steps[np.argsort(away, kind="stable")[:_NEAREST_STEPS]]
    points, shares = centroids_of(density.latents[nearest], _POINTS, np.random.default_rng(0))
    return target_of(f"{x:g},{y:g}", points.tolist(), shares.tolist())


def _sounding_steps(density: LatentDensity, latents: _Array) -> NDArray[np.int64]:
    """Steps that are far from how recordings begin, which is in silence where they have lead steps; all, where none is."""
    starts = np.cumsum(density.path_lengths) - density.path_lengths
    sounding = np.sqrt(np.square(latents - latents[starts].mean(axis=0)).sum(axis=1))
    steps = np.flatnonzero(sounding > _SILENT_SHARE * np.quantile(sounding, _LOUDEST_SHARE))
    return steps if len(steps) else np.arange(len(latents))


def _means_around(latents: _Array, lengths: NDArray[np.int64]) -> _Array:
    """Mean of each step and those about it in its recording."""
    totals = np.concatenate([np.zeros((1, latents.shape[1])), np.cumsum(latents, axis=0)])
    ends = np.repeat(np.cumsum(lengths), lengths)
    here = np.arange(len(latents))
    first = np.maximum(here - _AROUND_STEPS, ends - np.repeat(lengths, lengths))
    last = np.minimum(here + _AROUND_STEPS + 1, ends)
    means: _Array = (totals[last] - totals[first]) / (last - first)[:, None]
    return means
