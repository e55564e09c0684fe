"""Where in the recordings a walk is, how loud each voice is there, and what is heard when it is played."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edges import USABLE, noise, sine
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.audio.blend import louder_of
from small_dataset_audio.constants import FRAMES_PER_STEP, HOP_LENGTH, N_FFT, STEP_SAMPLES
from small_dataset_audio.models import ConvVAE, VAEConfig, fit_density, latent_path
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.latent_paths import LEAD_STEPS, TAIL_STEPS
from small_dataset_audio.models.vocoder import GriffinLimVocoder, MosaicVocoder
from small_dataset_audio.models.vocoder.corpus_path import CorpusPath, place_in_corpus
from small_dataset_audio.models.vocoder.corpus_source import TUNING_UNIT, CorpusSource, Run
from small_dataset_audio.models.vocoder.protocol import PlayingVocoder
from small_dataset_audio.models.walk import Walk

SPECTROGRAM = AudioSpectrogram()
LEAD_SAMPLES = LEAD_STEPS * STEP_SAMPLES


def steps_of(clip: np.ndarray) -> int:
    """Steps of a recording's path: the silence before and after it included, begun steps in full."""
    samples = len(clip) + (LEAD_STEPS + TAIL_STEPS) * STEP_SAMPLES
    return -(-SPECTROGRAM.num_frames(samples) // FRAMES_PER_STEP)


def walk_over(clips: list[np.ndarray], rows: list[list[int]] | np.ndarray) -> Walk:
    lengths = np.array([steps_of(clip) for clip in clips])
    return Walk(np.zeros((lengths.sum(), 1), np.float32), np.atleast_2d(rows), lengths, lead_steps=LEAD_STEPS)


def played(clips: list[np.ndarray], walk: Walk, num_samples: int, match_db: float = 6.0) -> np.ndarray:
    vocoder = MosaicVocoder(SPECTROGRAM, clips)
    path = vocoder.place(walk, FRAMES_PER_STEP, match_db)
    return vocoder.play(path, 0, walk.rows.shape[1], num_samples)


def placed(clips: list[np.ndarray], walk: Walk, match_db: float = 6.0) -> CorpusPath:
    return place_in_corpus(
        walk, CorpusSource(clips, HOP_LENGTH, 3), HOP_LENGTH, FRAMES_PER_STEP, match_db, lambda _: 20.0
    )


def between_silences(clip: np.ndarray) -> np.ndarray:
    """A recording as its path goes through it."""
    total = steps_of(clip) * STEP_SAMPLES
    return np.pad(clip, (LEAD_SAMPLES, total - LEAD_SAMPLES - len(clip)))


# ---- one voice


@pytest.mark.parametrize("length", [1, 511, 512, 513, 2047, 2048, 30_001])
def test_a_recording_gone_along_is_that_recording_sample_for_sample(length: int):
    clips = [noise(3000, 1), noise(length, 2), noise(700, 3)]
    first = steps_of(clips[0])
    rows = np.arange(first, first + steps_of(clips[1]))
    heard = played(clips, walk_over(clips, rows), len(rows) * STEP_SAMPLES)
    np.testing.assert_array_equal(heard, between_silences(clips[1]))


@pytest.mark.parametrize("clip", USABLE.values(), ids=USABLE.keys())
def test_a_usable_edge_is_played_as_it_is(clip: np.ndarray):
    rows = np.arange(steps_of(clip))
    np.testing.assert_array_equal(
        played([clip], walk_over([clip], rows), len(rows) * STEP_SAMPLES), between_silences(clip)
    )


def test_the_steps_of_a_latent_path_are_those_places():
    # What the density stores, and what is played, must agree on where a step is.
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_mels=16))
    model = ConvVAE(VAEConfig(n_mels=16, latent_dim=2, width=8))
    for length in (1, 512, 2048, 9_999):
        clip = noise(length)
        assert len(latent_path(model, spectrogram, clip)) == steps_of(clip)


def test_recordings_one_after_another_are_these_recordings():
    clips = [noise(3000, 1), noise(100, 2), noise(7000, 3)]
    ends = np.cumsum([steps_of(clip) for clip in clips])
    order = (2, 0, 1, 2)
    rows = np.concatenate([np.arange(ends[i] - steps_of(clips[i]), ends[i]) for i in order])
    heard = played(clips, walk_over(clips, rows), len(rows) * STEP_SAMPLES)
    # Joins lie in the silence between them.
    np.testing.assert_array_equal(heard, np.concatenate([between_silences(clips[i]) for i in order]))


def test_a_walk_begun_inside_a_recording_begins_with_that_sample():
    clips = [noise(3000, 1), noise(60_000, 2)]
    first = steps_of(clips[0]) + LEAD_STEPS + 5
    heard = played(clips, walk_over(clips, np.arange(first, first + 6)), 6 * STEP_SAMPLES)
    np.testing.assert_array_equal(heard, clips[1][5 * STEP_SAMPLES :][: 6 * STEP_SAMPLES])


def test_after_a_jump_the_other_recording_is_heard_from_there_on():
    clips = [noise(60_000, 1), 0.3 * noise(60_000, 2)]
    second = steps_of(clips[0]) + LEAD_STEPS + 8
    rows = [*range(LEAD_STEPS, LEAD_STEPS + 8), *range(second, second + 8)]
    heard = played(clips, walk_over(clips, rows), 16 * STEP_SAMPLES)
    jump, reach = 8 * STEP_SAMPLES - HOP_LENGTH // 2, 3 * HOP_LENGTH // 2
    np.testing.assert_array_equal(heard[: jump - reach], clips[0][: jump - reach])
    after = heard[jump + reach :]
    lags = np.correlate(clips[1][jump + reach - HOP_LENGTH :][: len(after) + 2 * HOP_LENGTH], after, mode="valid")
    lag = int(lags.argmax()) - HOP_LENGTH
    assert abs(lag) <= HOP_LENGTH // 2
    np.testing.assert_array_equal(after, clips[1][jump + reach + lag :][: len(after)])


# ---- several voices: how loud


def loudnesses(clips: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Sum of squares of every step, read from the recordings between their silences."""
    strips = [between_silences(clip).astype(np.float64).reshape(-1, STEP_SAMPLES) for clip in clips]
    return (np.concatenate(strips) ** 2).sum(axis=1)[rows]


def runs_in(voice: np.ndarray) -> list[slice]:
    begins = [0, *(np.flatnonzero(np.diff(voice) != 1) + 1).tolist(), len(voice)]
    return [slice(begin, end) for begin, end in itertools.pairwise(begins)]


LOUD = [noise(50_000, 1), 0.5 * noise(70_000, 2), 0.03 * noise(40_000, 3), np.zeros(9000, np.float32)]
NUM_STEPS = sum(steps_of(clip) for clip in LOUD)


@given(seed=st.integers(0, 1000), voices=st.integers(1, 4), match_db=st.sampled_from([0.0, 3.0, 6.0, 60.0]))
@settings(deadline=None, max_examples=60)
def test_each_run_of_a_further_voice_is_as_loud_as_the_first_voice_meanwhile_within_the_limit(
    seed: int, voices: int, match_db: float
):
    rng = np.random.default_rng(seed)
    cuts = [np.sort(rng.choice(np.arange(1, 40), 6, replace=False)) for _ in range(voices)]
    lengths = [np.diff([0, *cut, 40]) for cut in cuts]
    rows = np.stack(
        [np.concatenate([rng.integers(NUM_STEPS - n) + np.arange(n) for n in own_lengths]) for own_lengths in lengths]
    )
    path = placed(LOUD, walk_over(LOUD, rows), match_db)
    power = loudnesses(LOUD, rows)
    limit = 10 ** (match_db / 20)
    assert (path.gains[0] == 1.0).all()
    assert path.gains.dtype == np.float32
    for voice in range(1, voices):
        for run in runs_in(rows[voice]):
            gains = path.gains[voice, run]
            assert (gains == gains[0]).all()
            wanted, own = power[0, run].sum(), power[voice, run].sum()
            if min(wanted, own) > 1e-6:
                assert gains[0] == pytest.approx(np.clip(np.sqrt(wanted / own), 1 / limit, limit), rel=1e-4)
            assert 1 / limit * (1 - 1e-6) <= gains[0] <= limit * (1 + 1e-6)


def test_beside_silence_a_voice_is_lowered_and_in_silence_raised_by_the_limit_and_no_more():
    loud = list(range(LEAD_STEPS, LEAD_STEPS + 4))
    quiet = [NUM_STEPS - steps_of(LOUD[3]) + step for step in loud]
    gains = placed(LOUD, walk_over(LOUD, [quiet, loud, quiet]), 6.0).gains
    np.testing.assert_allclose(gains[1], 10 ** (-6 / 20), rtol=1e-6)
    np.testing.assert_allclose(gains[2], 1.0, rtol=1e-6)
    gains = placed(LOUD, walk_over(LOUD, [loud, quiet]), 6.0).gains
    np.testing.assert_allclose(gains[1], 10 ** (6 / 20), rtol=1e-6)


def test_a_voice_that_is_the_first_is_played_at_its_level_and_changes_nothing():
    rows = np.array([*range(2, 12), *range(30, 40)])
    walk = walk_over(LOUD, [rows, rows])
    assert (placed(LOUD, walk).gains == 1.0).all()
    alone = played(LOUD, walk_over(LOUD, rows), 20 * STEP_SAMPLES)
    np.testing.assert_allclose(played(LOUD, walk, 20 * STEP_SAMPLES), alone, atol=1e-5)


def test_where_a_voice_rests_it_is_silent_and_the_first_is_heard_as_it_is():
    first = np.arange(LEAD_STEPS, LEAD_STEPS + 16)
    second = np.concatenate([first[:8], steps_of(LOUD[0]) + first[8:]])
    is_heard = np.stack([first >= 0, first >= LEAD_STEPS + 8])
    walk = replace(walk_over(LOUD, [first, second]), is_heard=is_heard)
    gains = placed(LOUD, walk).gains
    assert (gains[0] == 1.0).all()
    assert (gains[1, :8] == 0.0).all()
    assert gains[1, 8:] == pytest.approx(2.0, rel=0.03)
    heard = played(LOUD, walk, 16 * STEP_SAMPLES)
    resting = 8 * STEP_SAMPLES - N_FFT - 2 * HOP_LENGTH
    np.testing.assert_allclose(heard[:resting], LOUD[0][:resting], atol=1e-5)
    assert np.abs(heard - LOUD[0][: len(heard)])[resting + 2 * N_FFT :].max() > 0.1


def test_voices_together_are_the_louder_of_each_alone_at_its_gain():
    first = np.arange(LEAD_STEPS, LEAD_STEPS + 12)
    second = steps_of(LOUD[0]) + first
    walk = walk_over(LOUD, [first, second])
    gain = placed(LOUD, walk).gains[1, 0]
    assert gain == pytest.approx(2.0, rel=0.02)  # 6 dB: half as loud
    one, other = LOUD[0][: 12 * STEP_SAMPLES], gain * LOUD[1][: 12 * STEP_SAMPLES]
    heard = played(LOUD, walk, 12 * STEP_SAMPLES)
    np.testing.assert_allclose(heard, louder_of([one, other], SPECTROGRAM.window), atol=1e-6)


@pytest.mark.parametrize("frames_per_step", [1, 2, 4, 8])
def test_a_path_unfolds_into_runs_of_frames_that_follow_one_another_within_a_step(frames_per_step: int):
    rng = np.random.default_rng(0)
    frames, gains = 20 * rng.permutation(60).reshape(3, 20), rng.uniform(0.5, 2, (3, 20)).astype(np.float32)
    lags = rng.integers(-99, 99, (3, 20))
    tunings = rng.integers(-9, 9, (3, 20))
    path = CorpusPath(frames, gains, lags, tunings, frames_per_step)
    for voice in range(3):
        expected = [
            Run(
                step * frames_per_step,
                frames[voice, 4 + step],
                frames_per_step,
                gains[voice, 4 + step],
                lags[voice, 4 + step],
                tunings[voice, 4 + step],
            )
            for step in range(7)
        ]
        assert path.runs(voice, 4, 11) == expected
    assert len(path.runs(0, 18, 30)) == 2


def test_a_voice_that_rests_all_the_time_has_nothing_to_play():
    frames = np.arange(12).reshape(2, 6)
    gains = np.array([[1] * 6, [0, 0, 0, 0, 1, 1]], dtype=np.float32)
    path = CorpusPath(frames, gains, np.zeros((2, 6), dtype=np.int64), np.zeros((2, 6), dtype=np.int64), 1)
    assert path.runs(1, 0, 4) == []
    assert [run.gain for run in path.runs(1, 2, 6)] == [0.0, 1.0]


def test_a_path_shows_its_settings_and_not_thousands_of_numbers():
    assert repr(placed(LOUD, walk_over(LOUD, [[3, 4]]))) == f"CorpusPath(frames_per_step={FRAMES_PER_STEP})"


# ---- tuning


def test_each_run_is_tuned_by_what_its_recording_bears():
    clips = [noise(60_000, 1), noise(60_000, 2)]
    second = steps_of(clips[0]) + LEAD_STEPS
    rows = np.array([[*range(LEAD_STEPS, LEAD_STEPS + 6), *range(second, second + 6)]])
    detuning = np.repeat(np.array([[-0.5, 1.0]], np.float32), 6, axis=1)
    walk = replace(walk_over(clips, rows), detuning=detuning)
    path = place_in_corpus(
        walk, CorpusSource(clips, HOP_LENGTH, 3), HOP_LENGTH, FRAMES_PER_STEP, 6.0, [20.0, 40.0].__getitem__
    )
    for steps, cents in ((slice(0, 6), -10.0), (slice(6, 12), 40.0)):
        assert path.tunings[0, steps] / TUNING_UNIT == pytest.approx(2 ** (cents / 1200) - 1, abs=0.5 / TUNING_UNIT)
    assert not placed(clips, walk_over(clips, rows)).tunings.any()


def test_a_tuned_walk_played_in_pieces_is_the_walk_played_at_once():
    clips = [sine(frequency_hz, 90_000) + 0.1 * noise(90_000, int(frequency_hz)) for frequency_hz in (110.3, 197.1)]
    rows = np.array([[*range(3, 33), *range(steps_of(clips[0]) + 5, steps_of(clips[0]) + 35)]])
    detuning = np.repeat(np.array([[0.7, -1.0]], np.float32), 30, axis=1)
    walk = replace(walk_over(clips, rows), detuning=detuning)
    vocoder = MosaicVocoder(SPECTROGRAM, clips)
    path = vocoder.place(walk, FRAMES_PER_STEP, 6.0)
    assert path.tunings.all()
    whole = vocoder.play(path, 0, 60, 60 * STEP_SAMPLES)
    for first, last in ((0, 17), (5, 28), (22, 60), (40, 50)):
        piece = vocoder.play(path, first, last, (last - first) * STEP_SAMPLES)
        kept = len(piece) - (0 if last == 60 else 2 * HOP_LENGTH)
        np.testing.assert_allclose(piece[:kept], whole[first * STEP_SAMPLES :][:kept], atol=2e-5)


# ---- in pieces


@pytest.mark.parametrize("voices", [1, 2, 3])
def test_a_walk_played_in_pieces_is_the_walk_played_at_once_away_from_the_seams(voices: int):
    clips = [
        sine(frequency_hz, 90_000) + 0.1 * noise(90_000, int(frequency_hz)) for frequency_hz in (110.3, 197.1, 261.7)
    ]
    rng = np.random.default_rng(0)
    starts = rng.integers(LEAD_STEPS + 3, 25, (voices, 12)) + steps_of(clips[0]) * rng.integers(0, 3, (voices, 12))
    rows = (starts[..., None] + np.arange(5)).reshape(voices, -1)
    vocoder = MosaicVocoder(SPECTROGRAM, clips)
    path = vocoder.place(walk_over(clips, rows), FRAMES_PER_STEP, 6.0)
    assert np.abs(path.lags).max() > 50  # runs are shifted, and a piece that begins inside one must know by how much
    whole = vocoder.play(path, 0, 60, 60 * STEP_SAMPLES)
    seam = N_FFT + 2 * HOP_LENGTH  # a join may begin two hops before it; what differs there is heard within a window
    for first, last in ((0, 17), (3, 30), (22, 60), (41, 44)):
        piece = vocoder.play(path, first, last, (last - first) * STEP_SAMPLES)
        begin, end = 0 if first == 0 else seam, len(piece) - (0 if last == 60 else seam)
        begin_in_whole = first * STEP_SAMPLES
        np.testing.assert_allclose(piece[begin:end], whole[begin_in_whole + begin : begin_in_whole + end], atol=2e-5)


@pytest.mark.parametrize("num_samples", [0, 1, 511, 2048, 10_001])
def test_so_many_samples_are_played_as_asked_for(num_samples: int):
    walk = walk_over(LOUD, [np.arange(3, 9), np.arange(20, 26)])
    heard = played(LOUD, walk, num_samples)
    assert heard.shape == (num_samples,)
    assert heard.dtype == np.float32


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("voices", [1, 2, 8])
def test_walks_drawn_over_edges_are_played_finite_and_hardly_louder_than_what_they_are_made_of(
    voices: int, temperature: float
):
    clips = [clip for name, clip in USABLE.items() if name != "over full scale"]
    paths = [noise(steps_of(clip) * 2, seed).reshape(-1, 2) for seed, clip in enumerate(clips)]
    density = fit_density(paths)
    walk = density.walk(200, np.random.default_rng(0), WalkStyle(voices=voices, temperature=temperature))
    walk = walk_over(clips, walk.rows)
    heard = played(clips, walk, 200 * STEP_SAMPLES)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() > 0.0


def test_silence_is_played_as_silence():
    clips = [np.zeros(9000, np.float32), np.zeros(1, np.float32)]
    rows = np.arange(sum(steps_of(clip) for clip in clips))
    assert not played(clips, walk_over(clips, [rows, rows[::-1], rows]), len(rows) * STEP_SAMPLES).any()


def test_the_mosaic_plays_walks_and_griffin_lim_does_not():
    assert isinstance(MosaicVocoder(SPECTROGRAM, [sine(440.0, 3000)]), PlayingVocoder)
    assert not isinstance(GriffinLimVocoder(SPECTROGRAM), PlayingVocoder)


def test_playing_searches_for_nothing(monkeypatch: pytest.MonkeyPatch):
    def no_search(*_: object) -> torch.Tensor:
        raise RuntimeError

    monkeypatch.setattr(SPECTROGRAM, "waveform_to_mel", no_search)
    assert played(LOUD, walk_over(LOUD, [np.arange(3, 9)]), 6 * STEP_SAMPLES).any()
