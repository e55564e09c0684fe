"""Players: what stands between a score and an instrument.

A player holds an instrument in one way (plucked near the bridge, struck with yarn, blown with much air) and plays single
notes on it. As no two strokes of a hand are alike, each note comes out a little different in strength, place and pitch;
what it draws, it draws from the generator it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from small_dataset_audio.corpus.synthesis.blown_tube import blow_tube
from small_dataset_audio.corpus.synthesis.plucked_string import pluck_string
from small_dataset_audio.corpus.synthesis.struck_bar import strike_bar

_STRENGTH_SPREAD = 0.08  # standard deviation, relative
_PLACE_SPREAD = 0.06  # standard deviation, relative
_FRET_SPREAD_CENTS = 1.5


class Player(Protocol):
    """Plays one note, or several slurred into one."""

    def play(
        self, pitches_hz: Sequence[float], length_s: float, strength: float, generator: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return `length_s` of audio, peak about `strength`."""


@dataclass(frozen=True)
class StringPlayer:
    """Plucks; the fields are those of :func:`pluck_string`."""

    pick_position: float = 0.2
    decay_s: float = 4.0
    treble_damping: float = 0.02
    pick_noise: float = 0.3

    def play(
        self, pitches_hz: Sequence[float], length_s: float, strength: float, generator: np.random.Generator
    ) -> NDArray[np.float32]:
        """Pluck one string; shorter strings die sooner."""
        (pitch_hz,) = pitches_hz
        return pluck_string(
            pitch_hz * 2.0 ** (_FRET_SPREAD_CENTS * generator.standard_normal() / 1200.0),
            length_s,
            strength=_vary_strength(strength, generator),
            pick_position=_vary_place(self.pick_position, generator),
            decay_s=self.decay_s * (220.0 / pitch_hz) ** 0.4,
            treble_damping=self.treble_damping,
            pick_noise=self.pick_noise,
            generator=generator,
        )


@dataclass(frozen=True)
class BarPlayer:
    """Strikes; the fields are those of :func:`strike_bar`."""

    hardness: float = 0.5
    strike_position: float = 0.4
    decay_s: float = 2.5

    def play(
        self, pitches_hz: Sequence[float], length_s: float, strength: float, generator: np.random.Generator
    ) -> NDArray[np.float32]:
        """Strike one bar; a bar's pitch is cast in metal, shorter bars die sooner."""
        (pitch_hz,) = pitches_hz
        return strike_bar(
            pitch_hz,
            length_s,
            strength=_vary_strength(strength, generator),
            hardness=self.hardness,
            strike_position=_vary_place(self.strike_position, generator),
            decay_s=self.decay_s * (660.0 / pitch_hz) ** 0.5,
        )


@dataclass(frozen=True)
class TubePlayer:
    """Blows; the fields are those of :func:`blow_tube`."""

    attack_s: float = 0.05
    release_s: float = 0.15
    swell: float = 0.3
    breath_noise: float = 0.03
    vibrato_cents: float = 9.0
    vibrato_rate_hz: float = 4.8

    def play(
        self, pitches_hz: Sequence[float], length_s: float, strength: float, generator: np.random.Generator
    ) -> NDArray[np.float32]:
        """Blow one breath."""
        return blow_tube(
            pitches_hz,
            length_s,
            strength=_vary_strength(strength, generator),
            attack_s=self.attack_s,
            release_s=self.release_s,
            swell=self.swell,
            breath_noise=self.breath_noise,
            vibrato_cents=self.vibrato_cents,
            vibrato_rate_hz=self.vibrato_rate_hz * float(generator.uniform(0.92, 1.08)),
            generator=generator,
        )


def _vary_strength(strength: float, generator: np.random.Generator) -> float:
    return float(np.clip(strength * (1.0 + _STRENGTH_SPREAD * generator.standard_normal()), 0.01, 1.0))


def _vary_place(place: float, generator: np.random.Generator) -> float:
    return float(np.clip(place * (1.0 + _PLACE_SPREAD * generator.standard_normal()), 0.02, 0.5))
