"""Onset strength, loudness and silence, and the playing of the corpus that they are held against."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from measures.clips import Clip
from measures.loudness import SILENCE_DB, levels_db, loudness_distance_db, silent_share
from measures.onsets import onset_distance_db, onset_strengths
from measures.programme import STRETCHES, play

RATE_HZ = 48_000


def noise(seed: int, duration_s: float) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * RATE_HZ), dtype=np.float32)


def strokes(every_s: float, duration_s: float = 8.0) -> Clip:
    """Bursts of noise that decay by 60 dB in 0.1 s."""
    period = round(every_s * RATE_HZ)
    time = np.arange(round(duration_s * RATE_HZ)) % period
    fall = 10.0 ** (-3.0 * time / (0.1 * RATE_HZ))
    return Clip("strokes", (noise(1, duration_s) * fall).astype(np.float32), RATE_HZ)


def steady(level: float, duration_s: float = 2.0) -> Clip:
    """A square wave: the root mean square of every window is its level."""
    wave = np.where(np.arange(round(duration_s * RATE_HZ)) // 24 % 2, level, -level)
    return Clip("steady", wave.astype(np.float32), RATE_HZ)


# --- Onsets ----------------------------------------------------------------------------------------------------------


def test_a_click_in_silence_rises_by_the_whole_range_in_one_frame_and_nowhere_else() -> None:
    samples = np.zeros(RATE_HZ, dtype=np.float32)
    samples[20 * 512 + 256] = 1.0
    strengths = onset_strengths([Clip("click", samples, RATE_HZ)])
    rising = np.flatnonzero(strengths > 1.0)
    assert 18 <= rising.min() <= rising.max() <= 22
    assert strengths.sum() == pytest.approx(60.0, abs=1.0), "from the floor 60 dB down to the loudest, in every band"


def test_a_steady_tone_and_silence_have_no_onsets() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 480.0 * np.arange(RATE_HZ) / RATE_HZ)
    strengths = onset_strengths([Clip("tone", tone.astype(np.float32), RATE_HZ)])
    assert np.abs(strengths[4:-4]).max() < 0.01


def test_onset_strength_does_not_depend_on_level() -> None:
    loud = strokes(0.5)
    quiet = Clip("quiet", np.float32(0.003) * loud.samples, RATE_HZ)
    np.testing.assert_allclose(onset_strengths([quiet]), onset_strengths([loud]), atol=1e-3)


def test_twice_as_many_strokes_are_twice_as_much_rising() -> None:
    few, many = (onset_strengths([strokes(every_s)]) for every_s in (1.0, 0.5))
    assert many.mean() == pytest.approx(2 * few.mean(), rel=0.1)
    assert onset_distance_db(few, many) == pytest.approx(many.mean() - few.mean(), rel=0.2)


def test_takes_without_attacks_are_farther_from_strokes_than_strokes_in_other_places() -> None:
    corpus = onset_strengths([strokes(0.5)])
    shifted = Clip("shifted", np.roll(strokes(0.5).samples, 9_999), RATE_HZ)
    hiss = Clip("hiss", noise(3, 8.0), RATE_HZ)
    assert onset_distance_db(corpus, onset_strengths([shifted])) < 0.1
    assert onset_distance_db(corpus, onset_strengths([hiss])) > 0.5


# --- Loudness and silence --------------------------------------------------------------------------------------------


def test_a_step_of_12_db_reads_as_two_levels_12_db_apart() -> None:
    step = np.concatenate([steady(0.8).samples, steady(0.2).samples])
    levels = levels_db([Clip("step", step, RATE_HZ)])
    assert np.unique(levels.round(2))[[0, -1]].tolist() == [pytest.approx(-12.04, abs=0.01), 0.0]
    assert np.mean(levels < -12.0) == pytest.approx(0.5, abs=0.02)


@given(gain=st.floats(1e-3, 1e3))
def test_normalising_a_take_changes_no_level(gain: float) -> None:
    clip = strokes(0.5, 1.0)
    scaled = Clip("scaled", np.float32(gain) * clip.samples, RATE_HZ)
    np.testing.assert_allclose(levels_db([scaled]), levels_db([clip]), atol=1e-3)


def test_the_distance_of_two_levels_is_their_difference() -> None:
    loud = np.concatenate([steady(1.0, 0.1).samples, steady(0.5).samples])
    quiet = np.concatenate([steady(1.0, 0.1).samples, steady(0.05).samples])
    levels = [levels_db([Clip("a", samples, RATE_HZ)]) for samples in (loud, quiet)]
    assert loudness_distance_db(*levels) == pytest.approx(20.0, rel=0.1)
    assert loudness_distance_db(levels[0], levels[0]) == 0.0


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75])
def test_the_silent_share_is_that_of_the_time(share: float) -> None:
    samples = steady(0.5, 8.0).samples.copy()
    samples[: round(share * len(samples))] *= 1e-4
    assert silent_share(levels_db([Clip("a", samples, RATE_HZ)])) == pytest.approx(share, abs=0.01)


def test_what_is_59_db_down_is_quiet_and_what_is_61_db_down_is_silent() -> None:
    for down_db, silent in ((59.0, 0.0), (61.0, 0.5)):
        samples = np.concatenate([steady(0.5).samples, steady(0.5 * 10 ** (-down_db / 20)).samples])
        levels = levels_db([Clip("a", samples, RATE_HZ)])
        assert silent_share(levels) == pytest.approx(silent, abs=0.02)
        assert levels.min() >= SILENCE_DB


def test_a_clip_shorter_than_a_window_has_one_level() -> None:
    assert levels_db([Clip("short", noise(1, 0.01), RATE_HZ)]).tolist() == [0.0]


# --- The corpus, played ----------------------------------------------------------------------------------------------


def numbered() -> list[Clip]:
    """Recordings of 0.1, 0.2 and 0.4 s, each at a constant level of its own number."""
    return [Clip(str(n), np.full(4800 * 2**n, n + 1.0, np.float32), RATE_HZ) for n in range(3)]


def test_the_corpus_is_played_in_stretches_as_long_as_a_take() -> None:
    stretches = play(numbered(), 1.5, np.random.default_rng(0))
    assert len(stretches) == STRETCHES
    assert {len(stretch.samples) for stretch in stretches} == {72_000}


def test_every_recording_is_played_whole_and_has_its_own_share_of_the_time() -> None:
    row = np.concatenate([stretch.samples for stretch in play(numbered(), 0.7, np.random.default_rng(0))])
    assert [float(np.mean(row == n)) for n in (1, 2, 3)] == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    borders = np.flatnonzero(np.diff(row)) + 1
    runs = np.split(row, borders)
    assert all(len(run) % (4800 * 2 ** int(run[0] - 1)) == 0 for run in runs[:-1])


def test_orders_change_from_round_to_round_and_follow_the_seed() -> None:
    rows = [
        np.concatenate([s.samples for s in play(numbered(), 0.7, np.random.default_rng(seed))]) for seed in (0, 0, 1)
    ]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    rounds = {row.tobytes() for row in rows[0].reshape(STRETCHES, -1)}
    assert len(rounds) > 3


def test_stretches_of_digital_silence_are_left_out() -> None:
    corpus = [Clip("silence", np.concatenate([np.zeros(RATE_HZ * 9, np.float32), noise(1, 1.0)]), RATE_HZ)]
    stretches = play(corpus, 1.0, np.random.default_rng(0))
    assert len(stretches) == STRETCHES / 10


def test_a_faithful_take_is_nearer_to_the_corpus_played_than_to_its_separate_recordings() -> None:
    soft = Clip("soft", np.float32(0.1) * strokes(0.5, 3.0).samples, RATE_HZ)
    corpus = [strokes(0.7, 4.0), soft, Clip("hum", steady(0.05, 3.0).samples, RATE_HZ)]
    faithful = play(corpus, 10.0, np.random.default_rng(1))[:12]
    played = play(corpus, 10.0, np.random.default_rng(0))
    for distance, measure in ((onset_distance_db, onset_strengths), (loudness_distance_db, levels_db)):
        takes = measure(faithful)
        assert distance(measure(played), takes) < 0.3 * distance(measure(corpus), takes)
