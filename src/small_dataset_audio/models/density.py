"""The latent density: where in latent space the corpus lies, and how it moves there.

Fifty chunks do not fill a normal distribution, and draws from N(0, I) decode to noise. What is stored instead is the
corpus's own latent paths, and a draw is a *walk* over them: go along a recording step by step, and jump where another
recording's next step resembles the one that would come. This is the idea of video textures (A. Schoedl, R. Szeliski,
D. Salesin and I. Essa, SIGGRAPH 2000) and audio textures (L. Lu, L. Wenyin and H.-J. Zhang, IEEE TSAP 2004), moved into
the latent space of an autoencoder, where a step may also be *mixed* with one of its neighbours: sounds between recordings.

A walk keeps what single draws lose: attack, decay, pause and level over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.errors import InvalidConfigError, ModelDamagedError
from small_dataset_audio.models.config import DensityConfig
from small_dataset_audio.models.vae import ConvVAE

LEAD_STEPS = 2
"""Silent steps before each recording (85 ms): an attack is walked into, and survives a crossfade over the lead."""

TAIL_STEPS = 1
"""Silent steps after each recording."""

_EXCLUDED_STEPS = 12  # half a second
_NEVER = (
    1e9  # distance of a step that stands in for a missing neighbour: finite, as a model file must be, and never jumped
)
_TWIN = 1e-6  # up to this distance two steps are the same one, such as digital silence, but for rounding
_GROUP = 64  # columns of distances whose least are compared first; at least as many as `num_neighbours` may be
_DISTANCES_AT_ONCE = 2**23  # float64: 64 MB
_HELD_STEPS = 24  # one second
_ENOUGH_STEPS = 24  # of a recording, behind a place where a walk may begin


class Density(Protocol):
    """What generation needs of a latent density."""

    def walk(self, num_steps: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw a trajectory [shape=(latent_dim, num_steps)]."""
        ...

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents [shape=(num_anchors, latent_dim)]."""
        ...


@dataclass(frozen=True)
class StandardNormal:
    """N(0, I), each draw held still for a while: the density of a model that has none of its own yet."""

    latent_dim: int

    def walk(self, num_steps: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw latents and hold each for about a second [shape=(latent_dim, num_steps)]."""
        anchors = self.draw_anchors(-(-num_steps // _HELD_STEPS), generator)
        return np.repeat(anchors.T, _HELD_STEPS, axis=1)[:, :num_steps]

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents [shape=(num_anchors, latent_dim)]."""
        return generator.standard_normal((num_anchors, self.latent_dim), dtype=np.float32)


@dataclass(frozen=True)
class LatentDensity:
    """The corpus's latent paths, end to end, and the neighbours of each step.

    A walk spends its time as the corpus does: going on is a permutation of the steps (the last of a recording leads to the
    first of any other), and a jump is as likely as the jump back. Both leave the uniform distribution over all steps as it
    is, so a walk is not caught where jumps are easy, such as the quiet tails that all recordings share.

    Parameters
    ----------
    latents : ndarray [shape=(steps, latent_dim), float32]
    path_lengths : ndarray [shape=(paths,), int64, steps of each recording, in the order of `latents`]
    neighbours : ndarray [shape=(steps, num_neighbours), int64, nearest first; the step itself where there are fewer]
    neighbour_distances : ndarray [shape=(steps, num_neighbours), float32]
    config : DensityConfig

    Raises
    ------
    ModelDamagedError
        The arrays do not fit one another, or hold non-finite numbers.
    """

    latents: NDArray[np.float32] = field(repr=False)
    path_lengths: NDArray[np.int64] = field(repr=False)
    neighbours: NDArray[np.int64] = field(repr=False)
    neighbour_distances: NDArray[np.float32] = field(repr=False)
    config: DensityConfig = field(default_factory=DensityConfig)

    def __post_init__(self) -> None:
        steps = self.latents.shape[0] if self.latents.ndim == 2 else 0
        consistent = (
            steps > 0
            and self.path_lengths.ndim == 1
            and bool(((self.path_lengths > 0) & (self.path_lengths <= steps)).all())
            and int(self.path_lengths.sum()) == steps
            and self.neighbours.ndim == 2
            and len(self.neighbours) == steps
            and self.neighbours.shape[1] > 0
            and self.neighbours.shape == self.neighbour_distances.shape
            and bool(((self.neighbours >= 0) & (self.neighbours < steps)).all())
        )
        if not consistent:
            raise ModelDamagedError("the latent density's arrays do not fit one another; train the model again")
        if not (np.isfinite(self.latents).all() and np.isfinite(self.neighbour_distances).all()):
            raise ModelDamagedError("the latent density holds non-finite numbers; train the model again")

    @property
    def latent_dim(self) -> int:
        """Numbers in each latent vector."""
        return int(self.latents.shape[1])

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents of the corpus, each step of its recordings as likely as any other.

        Returns
        -------
        ndarray [shape=(num_anchors, latent_dim), float32]
        """
        sounding = np.flatnonzero(self._is_sounding())
        return self.latents[sounding[generator.integers(len(sounding), size=num_anchors)]]

    def _is_sounding(self) -> NDArray[np.bool_]:
        """Which steps lie inside recordings, not in the silence around them; all, where that would leave none."""
        ends = np.repeat(np.cumsum(self.path_lengths), self.path_lengths)
        lengths = np.repeat(self.path_lengths, self.path_lengths)
        here = np.arange(len(self.latents))
        inside = (here >= ends - lengths + self.config.lead_steps) & (here < ends - self.config.tail_steps)
        return inside if inside.any() else np.ones(len(self.latents), dtype=np.bool_)

    def walk(self, num_steps: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw a trajectory: a walk over the corpus's own paths.

        Parameters
        ----------
        num_steps : int [1 or more]
        generator : numpy.random.Generator

        Returns
        -------
        ndarray [shape=(latent_dim, num_steps), float32]
        """
        visited = self._walk_indices(num_steps, generator)
        trajectory = self.latents[visited]
        if self.config.mix > 0.0:
            trajectory = self._mix_with_neighbours(visited, generator)
        return np.ascontiguousarray(trajectory.T)

    def _walk_indices(self, num_steps: int, generator: np.random.Generator) -> NDArray[np.int64]:
        scale = self._jump_distance()
        ends = np.cumsum(self.path_lengths)
        starts = ends - self.path_lengths
        last_steps = set((ends - 1).tolist())
        num_candidates = self.neighbours.shape[1]

        visited = np.empty(num_steps, dtype=np.int64)
        position = self._first_step(num_steps, starts, generator)
        # Whether a jump is tried must not depend on where the walk is, or it would linger where jumps are rare or easy.
        phase = int(generator.integers(self.config.min_run_steps))
        for step in range(num_steps):
            visited[step] = position
            # A start may be jumped to, so it must be jumped from as well.
            position = int(starts[generator.integers(len(starts))]) if position in last_steps else position + 1
            if (step + phase) % self.config.min_run_steps == 0:
                rank = generator.integers(num_candidates)
                candidate, distance = (
                    int(self.neighbours[position, rank]),
                    float(self.neighbour_distances[position, rank]),
                )
                accepted = generator.random() < np.exp(-((distance / scale) ** 2))
                # Only mutual neighbours: the way back is then as likely.
                if accepted and position in self.neighbours[candidate]:
                    position = candidate
        return visited

    def _jump_distance(self) -> float:
        nearest = self.neighbour_distances[:, 0]
        # Twins say nothing of how far sounds lie apart: in many sample packs most steps are digital silence.
        known = nearest[(nearest > _TWIN) & (nearest < _NEVER)]
        return max(self.config.jump_scale * float(np.median(known)), 1e-12) if known.size else 1e-12

    def _first_step(self, num_steps: int, starts: NDArray[np.int64], generator: np.random.Generator) -> int:
        """Draw where a walk begins: a recording by its length, then its beginning, or any place with enough behind it.

        Half of all walks begin where a recording does, and all those that would begin in a short one, so that attacks
        are heard; the silence before it is left out.
        """
        path = int(generator.choice(len(starts), p=self.path_lengths / self.path_lengths.sum()))
        first = min(self.config.lead_steps, int(self.path_lengths[path]) - 1)
        latest = int(self.path_lengths[path]) - self.config.tail_steps - min(num_steps, _ENOUGH_STEPS)
        anywhere = generator.random() < 0.5
        return int(starts[path]) + (int(generator.integers(first, max(latest, first) + 1)) if anywhere else first)

    def _mix_with_neighbours(self, visited: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.float32]:
        """Move each step a share of the way to a neighbour; share and neighbour change slowly, over about 8 steps."""
        knots = generator.random(len(visited) // 8 + 2)
        share = np.interp(np.arange(len(visited)) / 8, np.arange(len(knots)), knots)[:, None] * self.config.mix
        rank = np.repeat(generator.integers(self.neighbours.shape[1], size=len(visited) // 8 + 1), 8)[: len(visited)]
        partners = self.latents[self.neighbours[visited, rank]]
        return ((1.0 - share) * self.latents[visited] + share * partners).astype(np.float32)


def fit_density(paths: Sequence[NDArray[np.float32]], config: DensityConfig | None = None) -> LatentDensity:
    """Store the corpus's latent paths and find the neighbours of each step.

    Parameters
    ----------
    paths : sequence of ndarray [shape=(steps, latent_dim), float32, one for each recording]
    config : DensityConfig, optional

    Returns
    -------
    LatentDensity

    Raises
    ------
    InvalidConfigError
        No path, or a field of `config` outside its range.
    """
    config = config or DensityConfig()
    config.validate()
    if not paths:
        raise InvalidConfigError("paths is empty; a density needs the latents of at least one recording")
    latents = np.concatenate(paths).astype(np.float32)
    lengths = np.array([len(path) for path in paths], dtype=np.int64)
    distances, neighbours = _find_neighbours(latents, lengths, config.num_neighbours)
    return LatentDensity(
        latents=latents,
        path_lengths=lengths,
        neighbours=neighbours,
        neighbour_distances=distances,
        config=config,
    )


def latent_path(model: ConvVAE, spectrogram: AudioSpectrogram, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode one recording, with the silence around it that a walk goes through.

    Parameters
    ----------
    model : ConvVAE
    spectrogram : AudioSpectrogram
        On the model's device.
    audio : ndarray [shape=(samples,), float32, 48 kHz]

    Returns
    -------
    ndarray [shape=(steps, latent_dim), float32]
    """
    step_samples = model.config.frames_per_step * spectrogram.config.hop_length
    padded = np.pad(audio, (LEAD_STEPS * step_samples, TAIL_STEPS * step_samples))
    with torch.inference_mode():
        mel = spectrogram.waveform_to_mel(torch.from_numpy(padded).to(spectrogram.window.device))
        mean = model.encode_recording(mel)
    path: NDArray[np.float32] = mean[0].T.cpu().numpy()
    return path


def _find_neighbours(
    latents: NDArray[np.float32], lengths: NDArray[np.int64], num_neighbours: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Nearest steps of each step, leaving out those close by in its own recording.

    A step resembles the one before and the one after it most of all; jumps there would only stutter. Where fewer than
    `num_neighbours` are left, a step is its own neighbour at a distance that is never jumped over.
    """
    points = torch.from_numpy(latents).double()
    padding = -len(points) % _GROUP
    # |y|^2 - 2 x y orders as the distance from x does, and is one product: that of [x, 1] and [-2 y, |y|^2].
    queries = torch.cat([points, torch.ones(len(points), 1, dtype=points.dtype)], dim=1)
    squared_norms = points.square().sum(dim=1, keepdim=True)
    table = torch.cat(
        [F.pad(-2.0 * points, (0, 0, 0, padding)), F.pad(squared_norms, (0, 0, 0, padding), value=np.inf)], 1
    )
    path_ends = np.repeat(np.cumsum(lengths), lengths)
    first, last = torch.from_numpy(path_ends - np.repeat(lengths, lengths)), torch.from_numpy(path_ends - 1)
    reach = torch.arange(-_EXCLUDED_STEPS, _EXCLUDED_STEPS + 1)

    block_steps = max(_DISTANCES_AT_ONCE // len(table), 1)
    products = torch.empty(min(block_steps, len(points)), len(table), dtype=points.dtype)
    distances = torch.empty(len(points), num_neighbours)
    neighbours = torch.empty(len(points), num_neighbours, dtype=torch.int64)
    for start in range(0, len(points), block_steps):
        here = torch.arange(start, min(start + block_steps, len(points)))[:, None]
        keys = torch.mm(queries[here[:, 0]], table.T, out=products[: len(here)])
        keys.scatter_(1, (here + reach).clamp(first[here], last[here]), np.inf)
        lowest, found = _lowest(keys, num_neighbours)
        found = torch.where(lowest < np.inf, found, here)
        exact = (points[found] - points[here]).norm(dim=2)
        exact, order = torch.where(lowest < np.inf, exact, _NEVER).sort(dim=1, stable=True)
        distances[here[:, 0]], neighbours[here[:, 0]] = exact.float(), found.gather(1, order)
    return distances.numpy(), neighbours.numpy()


def _lowest(keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find the `count` lowest of each row and their places; several times faster than ``topk`` on whole rows.

    They lie in the `count` groups of columns with the lowest minima: any other group holds nothing lower than these do.
    """
    groups = keys.view(len(keys), -1, _GROUP).amin(dim=2)
    best_groups = groups.topk(min(count, groups.shape[1]), dim=1, largest=False).indices
    columns = (best_groups[:, :, None] * _GROUP + torch.arange(_GROUP)).flatten(1)
    lowest, ranks = keys.gather(1, columns).topk(count, dim=1, largest=False)
    return lowest, columns.gather(1, ranks)
