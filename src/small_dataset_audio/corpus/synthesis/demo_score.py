"""The score of the demo corpus: sixteen clips in A minor pentatonic, for string, bar and tube.

One scale and three instruments make one sound world; soft and hard, single notes and phrases, long tails and dry strokes
make it a world with something to learn. Clips last 2 to 7 s, 65 s in all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from small_dataset_audio.corpus.synthesis.players import BarPlayer, Player, StringPlayer, TubePlayer


@dataclass(frozen=True)
class Note:
    """One note: when, what, how hard, how long.

    Attributes
    ----------
    onset_s : float [s from the start of the clip]
    pitches : tuple of str
        Note name in lower case with its octave; a tube slurs several.
    strength : float [0.01 to 1]
    length_s : float or None [s]
        None lets it ring to the end of the clip.
    """

    onset_s: float
    pitches: tuple[str, ...]
    strength: float
    length_s: float | None = None


@dataclass(frozen=True)
class Clip:
    """One file of the corpus."""

    name: str
    duration_s: float
    player: Player
    notes: tuple[Note, ...]

    @property
    def strength(self) -> float:
        """Of the hardest note."""
        return max(note.strength for note in self.notes)


def _note(pitches: str, strength: float, *, onset_s: float = 0.0, length_s: float | None = None) -> Note:
    return Note(onset_s, tuple(pitches.split()), strength, length_s)


def _line(
    pitches: str, step_s: float, strengths: tuple[float, ...], *, length_s: float | None = None
) -> tuple[Note, ...]:
    """Even steps; ``-`` is a rest; the strengths are gone through over and over."""
    return tuple(
        _note(pitch, strengths[i % len(strengths)], onset_s=i * step_s, length_s=length_s)
        for i, pitch in enumerate(pitches.split())
        if pitch != "-"
    )


def _roll(pitch: str, strokes_per_s: float, duration_s: float, softest: float, hardest: float) -> tuple[Note, ...]:
    """Strokes that swell to the middle and fade again."""
    count = round(strokes_per_s * duration_s)
    return tuple(
        _note(
            pitch,
            softest + (hardest - softest) * math.sin(math.pi * (i + 0.5) / count) ** 2,
            onset_s=i / strokes_per_s,
        )
        for i in range(count)
    )


_FINGER = StringPlayer(pick_position=0.27, decay_s=4.5, treble_damping=0.03, pick_noise=0.2)
_PICK = StringPlayer(pick_position=0.15, decay_s=5.0, treble_damping=0.012, pick_noise=0.35)
_BRIDGE = StringPlayer(pick_position=0.06, decay_s=5.0, treble_damping=0.006, pick_noise=0.4)
_MUTED = StringPlayer(pick_position=0.12, decay_s=0.5, treble_damping=0.03, pick_noise=0.5)
_YARN = BarPlayer(hardness=0.15, strike_position=0.45, decay_s=3.0)
_RUBBER = BarPlayer(hardness=0.5, strike_position=0.38, decay_s=2.6)
_BRASS = BarPlayer(hardness=0.9, strike_position=0.12, decay_s=2.4)
_STEADY = TubePlayer(swell=0.35, release_s=0.25)
_SWELLING = TubePlayer(attack_s=0.15, release_s=0.4, swell=1.0, vibrato_cents=14.0)
_TONGUED = TubePlayer(attack_s=0.02, release_s=0.08, swell=0.1, vibrato_cents=4.0)
_BREATHY = TubePlayer(attack_s=0.12, release_s=0.35, swell=0.5, breath_noise=0.12, vibrato_cents=6.0)

DEMO_SCORE: Final[tuple[Clip, ...]] = (
    Clip("string_a3_soft", 3.5, _FINGER, (_note("a3", 0.25),)),
    Clip("string_e4_hard", 3.5, _PICK, (_note("e4", 0.95),)),
    Clip("string_d3_bridge", 4.0, _BRIDGE, (_note("d3", 0.7),)),
    Clip(
        "string_arpeggio_am",
        7.0,
        _PICK,
        _line("a2 e3 a3 c4 e4 a4 g4 e4 d4 c4 a3 e3 a2", 0.38, (0.75, 0.45, 0.55)),
    ),
    Clip("string_phrase_c4", 5.5, _FINGER, _line("c4 d4 - g4 e4 - d4 c4 a3", 0.42, (0.5, 0.65, 0.8, 0.6))),
    Clip(
        "string_muted_pattern",
        3.0,
        _MUTED,
        _line("a3 a3 - c4 a3 - g3 a3 d4 - a3 -", 0.21, (0.8, 0.4, 0.6, 0.7)),
    ),
    Clip("bar_a5_hard", 2.5, _BRASS, (_note("a5", 0.9),)),
    Clip("bar_d5_soft", 3.0, _YARN, (_note("d5", 0.3),)),
    Clip("bar_roll_e5", 4.5, _RUBBER, _roll("e5", 11.0, 3.0, 0.12, 0.8)),
    Clip(
        "bar_arpeggio_c5",
        4.5,
        _RUBBER,
        _line("c5 e5 g5 a5 c6 - a5 g5 e5 d5 c5", 0.27, (0.7, 0.4, 0.5, 0.6)),
    ),
    Clip("bar_g4_echoes", 3.0, _YARN, _line("g4 - g4 - g4", 0.33, (0.85, 0.1, 0.5, 0.1, 0.25))),
    Clip("tube_d4_long", 5.0, _STEADY, (_note("d4", 0.6, length_s=4.7),)),
    Clip("tube_a3_swell", 4.5, _SWELLING, (_note("a3", 0.9, length_s=4.2),)),
    Clip("tube_g4_short", 2.0, _TONGUED, _line("g4 g4 - g4", 0.3, (0.7, 0.45, 0.5, 0.9), length_s=0.24)),
    Clip(
        "tube_phrase_e4",
        6.3,
        _STEADY,
        (
            _note("e4 g4 a4", 0.6, length_s=2.1),
            _note("g4 e4 d4 c4", 0.7, onset_s=2.4, length_s=2.2),
            _note("d4", 0.45, onset_s=4.8, length_s=1.4),
        ),
    ),
    Clip("tube_c4_breathy", 3.5, _BREATHY, (_note("c4", 0.3, length_s=3.2),)),
)
"""The clips, in the order of their rendering."""
