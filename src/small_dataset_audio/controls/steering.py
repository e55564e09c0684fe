"""A latent density whose walks do what controls ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.controls.material import Material, material_of
from small_dataset_audio.controls.planner import Effort, Goal, plan_take
from small_dataset_audio.controls.sliders import LOUDNESS, NAMES, SLIDER_END, Controls, value_at
from small_dataset_audio.controls.weave import weave
from small_dataset_audio.models.analysis import Analysis
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import LatentDensity, detune
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.walk import Walk

_POINTS: Final = 101
"""At which a curve is looked at, over a take: every hundredth."""

_OWN_WEIGHT: Final = 15.0  # of what a slider says: nine others pull it to the middle

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Wish:
    """What a take shall measure once it is rendered; its goal says what its plan shall sum up to.

    Parameters
    ----------
    means : ndarray [shape=(controls,), units of each]
    spread : ndarray [shape=(controls,), units of each, over 0]
        By how much takes differ.
    weights : ndarray [shape=(controls,), 0 or more]
        0 where nothing is known of what takes measure.
    is_own : ndarray [shape=(controls,), bool]
        What sliders say; all else is only not to go along.
    """

    means: _Array = field(repr=False)
    spread: _Array = field(repr=False)
    weights: _Array = field(repr=False)
    is_own: NDArray[np.bool_] = field(repr=False)

    def missed(self, measured: _Array) -> _Array:
        """By how many deviations a take measures more [shape=(controls,)]; 0 where it measures nothing, or nothing counts."""
        apart = (measured - self.means) / self.spread
        return np.where(np.isfinite(apart) & (self.weights > 0.0), apart, 0.0)


@dataclass(frozen=True)
class SteeredDensity:
    """The density of a model, its walks planned towards a goal.

    Parameters
    ----------
    density : LatentDensity
    material : Material
    goal : Goal
    step_samples : int
    heard_steps : int, optional
        Steps of a walk that a take is made of; a walk may go on after its end, and what it plays there is not measured.
    wish : Wish, optional
        Without one, nothing is known of what takes measure once they are rendered.
    effort : Effort
    """

    density: LatentDensity
    material: Material = field(repr=False)
    goal: Goal
    step_samples: int
    heard_steps: int | None = None
    wish: Wish | None = None
    effort: Effort = field(default_factory=Effort)

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,  # noqa: ARG002 - protocol; what a plan plays follows from its goal
    ) -> Walk:
        """Plan a trajectory of `num_steps` steps; of `style` the temperature and the detuning count."""
        style = style or WalkStyle()
        style.validate()
        # To be like something from moment to moment, a take must be free to change over often enough.
        material = self.material if self.goal.likeness is None else self.material.cut_for(num_steps)
        plan = plan_take(
            material, self.goal, num_steps, self.step_samples, generator, self.effort, heard_steps=self.heard_steps
        )
        rows, levels = weave(plan, self.material, num_steps)
        return Walk(
            table=self.density.latents,
            rows=rows,
            path_lengths=self.density.path_lengths,
            lead_steps=self.density.config.lead_steps,
            displacement=self.density.drift(num_steps, style, generator),
            levels=levels,
            detuning=detune(rows, self.material.path_ends, style.detune, generator) if style.detune else None,
        )

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents as the density does [shape=(num_anchors, latent_dim)]: they have no time to be steered in."""
        return self.density.draw_anchors(num_anchors, generator)


def steer(
    density: LatentDensity,
    analysis: Analysis,
    controls: Controls,
    step_samples: int,
    material: Material | None = None,
) -> SteeredDensity:
    """Make a density whose walks do what `controls` say.

    Parameters
    ----------
    density : LatentDensity
    analysis : Analysis
        Of the same model.
    controls : Controls
        Checked ones.
    step_samples : int
    material : Material, optional
        Of `density`, where it was made already.
    """
    goal = goal_of(analysis, controls)
    wish = wish_of(analysis, controls, goal.weights)
    material = material or material_of(density, analysis.sums)
    return SteeredDensity(density, material, goal, step_samples, wish=wish)


def wish_of(analysis: Analysis, controls: Controls, weights: _Array) -> Wish:
    """Say what a take shall measure: what its sliders say, and of all else what takes measure that nothing is asked of.

    A plan leans, to find sounds at all; what was found is not to lean further than it must. Loudness is a matter of gain, and
    no matter here.
    """
    means = np.array([float(slider_to_units(analysis, number, np.zeros(1))[0]) for number in range(len(NAMES))])
    weights = weights.copy()
    for name, setting in controls.items():
        number = NAMES.index(name)
        values = np.array([value_at(setting, float(share)) for share in _shares(controls)])
        means[number] = slider_to_units(analysis, number, values).mean()
        weights[number] *= _OWN_WEIGHT
    is_own = np.array([name in controls for name in NAMES])
    is_known = (np.ptp(analysis.measured, axis=1) > 0.0) & (np.array(NAMES) != LOUDNESS)
    return Wish(means, analysis.spread.astype(np.float64), np.where(is_known, weights, 0.0), is_own & is_known)


def goal_of(analysis: Analysis, controls: Controls) -> Goal:
    """Say what a take shall measure, as the planner estimates it.

    A slider goes evenly through what rendered takes measured; what had to be asked for that was found by the analysis.
    """
    played = {name: setting for name, setting in controls.items() if name != LOUDNESS}
    shares = _shares(played)
    targets = np.tile(analysis.neutral.astype(np.float64), (len(shares), 1))
    rows = [NAMES.index(name) for name in played]
    for number, setting in zip(rows, played.values(), strict=True):
        values = np.array([value_at(setting, float(share)) for share in shares])
        lean = analysis.leans[number].astype(np.float64)
        lean[[other for other in rows if other != number]] = 0.0  # those go where they are asked to go
        targets += asked_for(analysis, number, values)[:, None] * lean * analysis.spread
    weights = analysis.weights[rows].astype(np.float64).max(axis=0) if rows else np.ones(len(NAMES))
    if rows:  # what is steered counts as it does for its own control, however others hold it
        weights[rows] = analysis.weights[rows, rows]
    return Goal(targets, analysis.spread.astype(np.float64), weights)


def level_of(analysis: Analysis, controls: Controls) -> _Array | None:
    """Say how loud a take shall be, evenly over it [shape=(points,), LUFS]; None where loudness is no live control.

    A take that is steered in anything else is as loud as those that are not steered: so what is heard of a slider is what it
    says, and not the level.
    """
    number = NAMES.index(LOUDNESS)
    if not analysis.is_live[number]:
        return None
    setting = controls.get(LOUDNESS, 0.0)
    values = np.array([value_at(setting, float(share)) for share in _shares({LOUDNESS: setting})])
    return slider_to_units(analysis, number, values)


def _shares(controls: Controls) -> _Array:
    """Places of a take at which settings are looked at: one where all are the same all along."""
    is_curve = any(not isinstance(setting, float) for setting in controls.values())
    return np.linspace(0.0, 1.0, _POINTS) if is_curve else np.zeros(1)


def asked_for(analysis: Analysis, number: int, values: _Array) -> _Array:
    """Say what to ask for, in deviations, so that control `number` does what `values` on its slider say."""
    asked, measured = analysis.asked[number].astype(np.float64), analysis.measured[number].astype(np.float64)
    wanted = slider_to_units(analysis, number, values)
    # Where takes measured the same for two asks, the curve is flat: the middle of it does.
    distinct, first, counts = np.unique(measured, return_index=True, return_counts=True)
    asks = [asked[at : at + count].mean() for at, count in zip(first, counts, strict=True)]
    return np.asarray(np.interp(wanted, distinct, asks), dtype=np.float64)


def slider_to_units(analysis: Analysis, number: int, values: _Array) -> _Array:
    """Bring values of a slider into its unit: 0 is what takes measure that nothing is asked of, the ends are the range's."""
    asked, measured = analysis.asked[number].astype(np.float64), analysis.measured[number].astype(np.float64)
    neutral = float(np.interp(0.0, asked, measured))
    ends = (float(measured[0]), neutral, float(measured[-1]))
    return np.asarray(np.interp(values, (-SLIDER_END, 0.0, SLIDER_END), ends), dtype=np.float64)
