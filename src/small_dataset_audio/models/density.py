"""The latent density: where in latent space the corpus lies, and how it moves there.

Fifty chunks do not fill a normal distribution, and draws from N(0, I) decode to noise. What is stored instead is the
corpus's own latent paths, and a draw is a *walk* over them: go along a recording step by step, and jump where another
recording's next step resembles the one that would come. This is the idea of video textures (A. Schoedl, R. Szeliski,
D. Salesin and I. Essa, SIGGRAPH 2000) and audio textures (L. Lu, L. Wenyin and H.-J. Zhang, IEEE TSAP 2004), moved into
the latent space of an autoencoder. A second voice may go along a stretch that develops alike: sounds between recordings.

A walk keeps what single draws lose: attack, decay, pause and level over time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.errors import ModelDamagedError
from small_dataset_audio.models.config import DensityConfig, WalkStyle
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.walk import Walk

NEVER = 1e9
"""Distance of a step that stands in for a missing neighbour: finite, as a model file must be, and never jumped."""

_TWIN = 1e-6  # up to this distance two steps are the same one, such as digital silence, but for rounding
_DRIFT_STEPS = 8  # from one drawn displacement to the next
_HELD_STEPS = 24  # one second
_ENOUGH_STEPS = 24  # of a recording, behind a place where a walk may begin


class Density(Protocol):
    """What generation needs of a latent density."""

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,
    ) -> Walk:
        """Draw a trajectory of `num_steps` steps."""
        ...

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents [shape=(num_anchors, latent_dim)]."""
        ...


@dataclass(frozen=True)
class StandardNormal:
    """N(0, I), each draw held still for a while: the density of a model that has none of its own yet."""

    latent_dim: int

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,  # noqa: ARG002 - protocol; there are no recordings to keep to or leave
        spread: SpreadDraws | None = None,  # noqa: ARG002 - nor any to share out
    ) -> Walk:
        """Draw latents and hold each for about a second."""
        anchors = self.draw_anchors(-(-num_steps // _HELD_STEPS), generator)
        rows = np.repeat(np.arange(len(anchors)), _HELD_STEPS)[None, :num_steps]
        return Walk(anchors, rows, np.ones(len(anchors), dtype=np.int64), is_recorded=False)

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents [shape=(num_anchors, latent_dim)]."""
        return generator.standard_normal((num_anchors, self.latent_dim), dtype=np.float32)


@dataclass(frozen=True)
class LatentDensity:
    """The corpus's latent paths, end to end, and the neighbours of each step.

    A walk spends its time as the corpus does, but for `recording_weight`: every step has a weight, the power of its
    recording's length. The end of a recording leads to the beginning of any, drawn by weight; a jump weighed by where
    it comes from is as likely as the jump back (N. Metropolis et al., J. Chem. Phys. 1953). Both leave the distribution by
    weight as it is, so a walk is not caught where jumps are easy, such as the quiet tails that all recordings share.

    Parameters
    ----------
    latents : ndarray [shape=(steps, latent_dim), float32]
    path_lengths : ndarray [shape=(paths,), int64, steps of each recording, in the order of `latents`]
    neighbours : ndarray [shape=(steps, num_neighbours), int64, nearest first; the step itself where there are fewer]
    neighbour_distances : ndarray [shape=(steps, num_neighbours), float32]
    partners : ndarray [shape=(steps, num_partners), int64, steps from which on another stretch develops alike]
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
    partners: NDArray[np.int64] = field(repr=False)
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
            and self.partners.ndim == 2
            and len(self.partners) == steps
            and self.partners.shape[1] > 0
            and bool(((self.partners >= 0) & (self.partners < steps)).all())
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

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,
    ) -> Walk:
        """Draw a trajectory: a walk over the corpus's own paths.

        Parameters
        ----------
        num_steps : int [1 or more]
        generator : numpy.random.Generator
        style : WalkStyle, optional
        spread : SpreadDraws, optional
            Says which recordings are begun, so that walks of consecutive seeds share the corpus out; `generator` does
            without it.

        Returns
        -------
        Walk

        Raises
        ------
        InvalidConfigError
            A field of `style` outside its range.
        """
        style = style or WalkStyle()
        style.validate()
        first_voice = self._walk_rows(num_steps, style, generator, spread, self._step_weights())
        ends = np.cumsum(self.path_lengths)
        first_run = _run_numbers(first_voice, ends)
        is_long = np.bincount(first_run)[first_run] > style.solo_steps
        ranks = generator.integers(self.partners.shape[1], size=num_steps)
        # Each voice takes another partner: drawn by itself, a third would often double the second.
        further = [self._accompany(first_voice, is_long, ranks + number) for number in range(style.voices - 1)]
        rows = np.stack([first_voice, *further])
        return Walk(
            table=self.latents,
            rows=rows,
            path_lengths=self.path_lengths,
            lead_steps=self.config.lead_steps,
            displacement=self.drift(num_steps, style, generator),
            is_heard=np.concatenate([np.ones((1, num_steps), dtype=np.bool_), np.tile(is_long, (len(further), 1))]),
            detuning=detune(rows, ends, style.detune, generator) if style.detune else None,
        )

    def _walk_rows(
        self,
        num_steps: int,
        style: WalkStyle,
        generator: np.random.Generator,
        spread: SpreadDraws | None,
        weight_at: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        scale = max(style.jump_scale * style.temperature * self._median_distance(), 1e-12)
        ends = np.cumsum(self.path_lengths)
        starts = ends - self.path_lengths
        last_steps = set((ends - 1).tolist())
        num_candidates = self.neighbours.shape[1]
        weights = np.add.reduceat(weight_at, starts) / self.path_lengths
        chances = np.cumsum(weights / weights.sum())

        visited = np.empty(num_steps, dtype=np.int64)
        draw_recording = generator.random if spread is None else spread.next
        position = self._first_step(num_steps, starts, weights, generator, spread)
        # Whether a jump is tried must not depend on where the walk is, or it would linger where jumps are rare or easy.
        phase = int(generator.integers(self.config.min_run_steps))
        for step in range(num_steps):
            visited[step] = position
            # A start may be jumped to, so it must be jumped from as well.
            position = int(starts[_pick(chances, draw_recording())]) if position in last_steps else position + 1
            if (step + phase) % self.config.min_run_steps == 0:
                rank = generator.integers(num_candidates)
                candidate = int(self.neighbours[position, rank])
                distance = float(self.neighbour_distances[position, rank])
                likelihood = np.exp(-((distance / scale) ** 2)) * min(1.0, weight_at[candidate] / weight_at[position])
                # Only mutual neighbours: the way back is then as likely.
                if generator.random() < likelihood and position in self.neighbours[candidate]:
                    position = candidate
        return visited

    def _step_weights(self) -> NDArray[np.float64]:
        """Say how often a walk shall be at each step [shape=(steps,), relative]."""
        return np.repeat(self.path_lengths.astype(np.float64) ** self.config.recording_weight, self.path_lengths)

    def _median_distance(self) -> float:
        """How far sounds lie apart: the median distance to a nearest neighbour."""
        nearest = self.neighbour_distances[:, 0]
        # Twins say nothing of it: in many sample packs most steps are digital silence.
        known = nearest[(nearest > _TWIN) & (nearest < NEVER)]
        return float(np.median(known)) if known.size else 0.0

    def _first_step(
        self,
        num_steps: int,
        starts: NDArray[np.int64],
        weights: NDArray[np.float64],
        generator: np.random.Generator,
        spread: SpreadDraws | None,
    ) -> int:
        """Draw where a walk begins: a recording by its share of time, then its beginning, or a place with enough behind it.

        Half of all walks begin where a recording does, and all those that would begin in a short one, so that attacks
        are heard; the silence before it is left out.
        """
        share = np.cumsum(weights * self.path_lengths / np.sum(weights * self.path_lengths))
        place = generator.random() if spread is None else spread.start()
        path = _pick(share, place)
        before = float(share[path - 1]) if path else 0.0
        first = min(self.config.lead_steps, int(self.path_lengths[path]) - 1)
        latest = int(self.path_lengths[path]) - self.config.tail_steps - min(num_steps, _ENOUGH_STEPS)
        room = max(latest - first, 0)
        # Where within the recording follows from the same number: consecutive seeds lie apart there as well.
        width = max(float(share[path]) - before, 1e-15)
        inside = min(max(int((place - before) / width * (room + 1)), 0), room)
        return int(starts[path]) + first + (inside if generator.random() < 0.5 else 0)

    def _accompany(
        self, first_voice: NDArray[np.int64], is_long: NDArray[np.bool_], ranks: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Lead a further voice: along each long run of the first a stretch that develops alike, another where that ends.

        `ranks` says which partner is taken where one is begun; over the last, it goes on from the first.
        """
        last_steps = set((np.cumsum(self.path_lengths) - 1).tolist())
        ranks = ranks % self.partners.shape[1]
        voice = first_voice.copy()
        for step in np.flatnonzero(is_long).tolist():
            position = int(first_voice[step])
            goes_on = (
                step > 0
                and position == first_voice[step - 1] + 1
                # The beginning of the next recording follows in the table, but not in sound.
                and last_steps.isdisjoint((int(first_voice[step - 1]), int(voice[step - 1])))
            )
            voice[step] = voice[step - 1] + 1 if goes_on else self.partners[position, ranks[step]]
        return voice

    def drift(self, num_steps: int, style: WalkStyle, generator: np.random.Generator) -> NDArray[np.float32] | None:
        """Displace a walk slowly, in a direction that is drawn anew every third of a second; not at all up to temperature 1."""
        if style.temperature <= 1.0:
            return None
        knots = generator.standard_normal((num_steps // _DRIFT_STEPS + 2, self.latent_dim))
        left, share = np.divmod(np.arange(num_steps) / _DRIFT_STEPS, 1.0)
        here = left.astype(np.int64)
        direction = (1.0 - share)[:, None] * knots[here] + share[:, None] * knots[here + 1]
        reach = (style.temperature - 1.0) * self._median_distance() / np.sqrt(self.latent_dim)
        displacement: NDArray[np.float32] = (reach * direction).astype(np.float32)
        return displacement


def detune(
    rows: NDArray[np.int64], ends: NDArray[np.int64], reach: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw for each run of each voice by how much it is higher or lower: at least half of `reach`, or it would be the same."""
    voices = []
    for voice in rows:
        run = _run_numbers(voice, ends)
        shares = generator.uniform(0.5, 1.0, run[-1] + 1) * generator.choice([-1.0, 1.0], run[-1] + 1)
        voices.append(reach * shares[run])
    return np.stack(voices).astype(np.float32)


def _run_numbers(rows: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the runs: steps that follow one another in a recording, which the next one's first step does not."""
    begins = (np.diff(rows) != 1) | np.isin(rows[1:], ends)
    return np.concatenate([[0], np.cumsum(begins)])


def _pick(chances: NDArray[np.float64], number: float) -> int:
    """Choose a place from cumulated probabilities by a number from 0 to 1."""
    return min(int(np.searchsorted(chances, number, side="right")), len(chances) - 1)
