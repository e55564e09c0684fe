"""Hits, found in sounds whose attacks are known because they were put there."""

from __future__ import annotations

import numpy as np
import pytest

from edges import USABLE, noise, sine
from small_dataset_audio.controls.hits import find_hits

MS = 48


def stroke(frequency_hz: float, duration_s: float, decay_s: float, seed: int = 0) -> np.ndarray:
    """A decaying tone with a noisy attack, loudest at once."""
    time_s = np.arange(round(48_000 * duration_s)) / 48_000
    tone = np.cos(2 * np.pi * frequency_hz * time_s) * np.exp(-time_s / decay_s)
    return (0.6 * tone + 0.4 * noise(len(time_s), seed) * np.exp(-time_s / 0.01)).astype(np.float32)


def placed(sounds: dict[int, np.ndarray], duration_ms: int) -> np.ndarray:
    """Sounds at so many milliseconds."""
    take = np.zeros(duration_ms * MS, np.float32)
    for at_ms, sound in sounds.items():
        part = take[at_ms * MS :][: len(sound)]
        part += sound[: len(part)]
    return take


@pytest.mark.parametrize("frequency_hz", [45.0, 110.0, 440.0, 3_000.0])
@pytest.mark.parametrize("at_ms", [0, 3, 500, 1_234])
def test_a_hit_begins_just_before_its_attack_and_ends_where_it_has_died_away(frequency_hz: float, at_ms: int):
    decay_s = 0.08
    (hit,) = find_hits(placed({at_ms: stroke(frequency_hz, 2.0, decay_s)}, 3_500)).by_onset
    assert at_ms - 10 <= hit.first / MS <= at_ms
    gone_ms = at_ms + 1000 * decay_s * np.log(10) * 50 / 20  # 50 dB down
    assert hit.end / MS == pytest.approx(gone_ms, abs=40)
    assert (hit.fade_in_ms, hit.fade_out_ms) == (1.0, 5.0)


def test_a_stroke_that_follows_ends_the_one_before_it():
    take = placed({100: stroke(300.0, 1.0, 0.1, 1), 500: stroke(500.0, 1.0, 0.1, 2)}, 1_800)
    first, second = find_hits(take).by_onset
    assert 490 <= first.end / MS <= 500
    assert 490 <= second.first / MS <= 500
    assert first.fade_out_ms == 40.0


def test_what_rings_on_under_the_next_attack_makes_that_no_clean_hit():
    take = placed({0: stroke(200.0, 4.0, 3.0, 1), 1_500: stroke(500.0, 1.0, 0.1, 2)}, 4_000)
    assert [hit.first for hit in find_hits(take).by_onset if hit.first > 1_000 * MS] == []


def test_a_soft_sound_right_before_a_loud_one_is_not_its_beginning():
    take = placed({200: 0.2 * stroke(150.0, 0.3, 0.5, 1), 330: stroke(500.0, 1.0, 0.1, 2)}, 1_500)
    for hit in find_hits(take).by_onset:
        part = np.abs(take[hit.first : hit.end])
        assert int((part > 0.7 * part.max()).argmax()) <= 40 * MS


@pytest.mark.parametrize("level", [1.0, 0.001])
def test_a_steady_sound_holds_nothing_that_begins(level: float):
    for take in (level * noise(96_000), level * sine(220.0, 96_000)):
        inner = take * np.minimum(1.0, np.arange(96_000, dtype=np.float32) / 48_000)
        assert find_hits(inner.astype(np.float32)).by_onset == ()


def test_what_is_faint_is_no_hit():
    assert find_hits(placed({100: 0.01 * stroke(300.0, 1.0, 0.1)}, 1_500)).by_onset == ()


def test_swells_are_cut_from_dip_to_dip():
    time_s = np.arange(48_000 * 8) / 48_000
    swelling = (0.5 * sine(220.0, len(time_s)) * np.sin(np.pi * time_s / 2.0) ** 2).astype(np.float32)
    hits = find_hits(swelling).by_rise
    assert len(hits) == 4
    for number, hit in enumerate(hits):
        assert 2_000 * number <= hit.first / MS <= 2_000 * number + 300
        assert hit.end / MS == pytest.approx(2_000 * (number + 1), abs=60)


@pytest.mark.parametrize("name", USABLE)
def test_no_edge_is_a_fault_and_hits_lie_inside(name: str):
    for take in (USABLE[name], np.tile(USABLE[name], 20)):
        found = find_hits(take)
        for hit in (*found.by_onset, *found.by_rise):
            assert 0 <= hit.first < hit.end <= len(take)
