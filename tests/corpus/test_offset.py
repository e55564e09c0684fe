from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from badfiles import tone
from small_dataset_audio.corpus import offset as offset_module
from small_dataset_audio.corpus.offset import remove_offset, steady_offset


def float32(audio: np.ndarray) -> np.ndarray:
    return audio.astype(np.float32)


@pytest.mark.parametrize("offset", [0.002, -0.03, 0.4])
def test_an_offset_under_a_sound_is_found(offset):
    assert abs(steady_offset(float32(tone(2.0, hz=120) + offset)) - offset) < 1e-4


def test_an_offset_that_a_fade_takes_away_is_found_all_the_same():
    fade = np.interp(np.arange(96_000), [0, 72_000, 96_000], [1, 1, 0])
    assert abs(steady_offset(float32((tone(2.0, hz=120) - 0.03) * fade)) + 0.03) < 0.002


def test_an_offset_under_60_db_is_left_alone():
    assert steady_offset(float32(tone(2.0, hz=120) + 0.0009)) == 0.0


def test_the_mean_of_a_kick_drum_is_no_offset():
    # A sine that falls from 150 to 45 Hz under a quick decay: its mean is -53 dBFS, all of it sound.
    seconds = np.arange(24_000) / 48_000
    phase = 2 * np.pi * (45 * seconds + 105 * 0.03 * (1 - np.exp(-seconds / 0.03)))
    kick = float32(np.sin(phase) * np.exp(-seconds / 0.08))
    assert abs(kick.mean()) > 0.002
    assert steady_offset(kick) == 0.0


def test_a_recording_too_short_to_tell_has_none():
    assert steady_offset(np.full(9_599, 0.1, np.float32)) == 0.0
    assert steady_offset(np.full(9_600, 0.1, np.float32)) == pytest.approx(0.1)


@pytest.mark.parametrize(("hz", "loss_db"), [(30, 0.11), (60, 0.01), (1000, 0.01)])
def test_what_can_be_heard_passes_unchanged_in_level_and_phase(hz, loss_db):
    sound = tone(4.0, hz=hz)
    filtered = remove_offset(float32(sound + 0.05), 0.05)[48_000:-48_000]
    gain = np.dot(filtered, sound[48_000:-48_000]) / np.dot(sound[48_000:-48_000], sound[48_000:-48_000])
    assert -loss_db < 20 * np.log10(gain) < 0.01
    np.testing.assert_allclose(filtered, gain * sound[48_000:-48_000], atol=1e-3)


@pytest.mark.parametrize("offset", [0.05, -0.3])
def test_a_constant_is_taken_out_from_its_first_sample_on(offset):
    filtered = remove_offset(np.full(48_000, offset, np.float32), offset)
    assert np.abs(filtered).max() < 1e-6


def test_a_recording_faded_in_from_zero_does_not_begin_with_a_thump():
    fade = np.interp(np.arange(96_000), [0, 9_600], [0, 1])
    filtered = remove_offset(float32(0.05 * fade), 0.05)
    assert np.abs(filtered[:480]).max() < 0.005


def test_filtering_in_blocks_equals_filtering_at_once(monkeypatch):
    audio = float32(np.random.default_rng(5).uniform(-0.5, 0.5, 50_000) + 0.1)
    at_once = remove_offset(audio, 0.1)
    monkeypatch.setattr(offset_module, "_BLOCK_SAMPLES", 777)
    np.testing.assert_allclose(remove_offset(audio, 0.1), at_once, atol=1e-7)


def test_away_from_the_edges_it_is_scipys_own_zero_phase_filter():
    audio = float32(np.random.default_rng(5).uniform(-0.5, 0.5, 144_000) + 0.1)
    sections = signal.butter(2, 10, btype="highpass", fs=48_000, output="sos")
    expected = signal.sosfiltfilt(sections, audio.astype(np.float64))
    np.testing.assert_allclose(remove_offset(audio, 0.1)[48_000:-48_000], expected[48_000:-48_000], atol=1e-5)


def test_the_array_handed_in_is_left_as_it_was():
    audio = np.full(48_000, 0.1, np.float32)
    remove_offset(audio, 0.1)
    assert (audio == np.float32(0.1)).all()
