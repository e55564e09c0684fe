"""The map of a model's corpus, and places on it that takes can be near to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.controls.latent_map import LatentMap, map_of, target_at
from small_dataset_audio.controls.map_places import clamped
from small_dataset_audio.controls.targets import MOST_TARGETS, NearTarget
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.models.density import LatentDensity
from small_dataset_audio.plots import plot_map

_MOST_POINTS: Final = 4000
"""In a JSON; of a larger corpus, every so many steps."""


@dataclass(frozen=True)
class CorpusMap:
    """The map of a model's recordings.

    Parameters
    ----------
    model_name : str
    recordings : tuple of str
        Their names, in the order of the density's paths.
    density : LatentDensity
    latent_map : LatentMap
    step_s : float [s]
        Length of a step.
    """

    model_name: str
    recordings: tuple[str, ...]
    density: LatentDensity = field(repr=False)
    latent_map: LatentMap = field(repr=False)
    step_s: float

    def to_json(self) -> dict[str, Any]:
        """Give the map as JSON has it: of each recording, moments as seconds, x and y."""
        places = self.latent_map
        every = -(-len(places.steps) // _MOST_POINTS)
        starts = np.cumsum(self.density.path_lengths) - self.density.path_lengths + self.density.config.lead_steps
        points: list[list[list[float]]] = [[] for _ in self.recordings]
        for step, (x, y), recording in zip(
            places.steps[::every].tolist(),
            places.places[::every].tolist(),
            places.recordings[::every].tolist(),
            strict=True,
        ):
            time_s = max(step - int(starts[recording]), 0) * self.step_s
            points[recording].append([round(time_s, 3), round(x, 3), round(y, 3)])
        return {
            "model": self.model_name,
            "explained": [round(share, 4) for share in places.explained],
            "recordings": [{"name": name, "points": own} for name, own in zip(self.recordings, points, strict=True)],
        }


def explore(model: str, *, library: Library | None = None) -> CorpusMap:
    """Lay the recordings of a model out on a plane.

    Parameters
    ----------
    model : str
        Name or folder.
    library : Library, optional

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError
    """
    bundle = load_bundle((library or Library()).find(model))
    step_samples = bundle.model.config.frames_per_step * bundle.spectrogram.config.hop_length
    return CorpusMap(
        bundle.metadata.name,
        tuple(clip.name for clip in bundle.metadata.corpus.clips),
        bundle.density,
        map_of(bundle.density),
        step_samples / SAMPLE_RATE,
    )


def draw_map(corpus_map: CorpusMap, path: Path) -> Path:
    """Draw a map as a PNG.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    make_output_folder(path.parent)
    title = f"{corpus_map.model_name}: its sounds"
    return plot_map(corpus_map.latent_map, corpus_map.recordings, path, title=title)


def near_places(pipeline: GenerationPipeline, places: Sequence[tuple[float, float]]) -> tuple[NearTarget, ...]:
    """Make targets of places on the map, to be gone through one after the other.

    Parameters
    ----------
    pipeline : GenerationPipeline
        Of a saved model.
    places : sequence of (x, y) [1 to 16; beyond -10 to 10, the edge is meant]

    Raises
    ------
    InvalidConfigError
        None or too many places, a coordinate that is not finite, or a pipeline without recordings' latents.
    """
    if not 1 <= len(places) <= MOST_TARGETS:
        raise InvalidConfigError(f"path has {len(places)} places; give 1 to {MOST_TARGETS}")
    density = pipeline.density
    if not isinstance(density, LatentDensity):
        raise InvalidConfigError("path asks for places on a map; this pipeline draws from no recordings' latents")
    latent_map = map_of(density)
    return tuple(target_at(density, latent_map, x, y) for x, y in places)


def places_off_the_map(places: Sequence[tuple[float, float]]) -> list[str]:
    """Say of each place that lies beyond the map, what is done instead."""
    return [
        f"{x:g},{y:g} is off the map, which goes from -10 to 10; {edge[0]:g},{edge[1]:g} at its edge is meant instead"
        for x, y in places
        if (edge := clamped(x, y)) != (x, y)
    ]
