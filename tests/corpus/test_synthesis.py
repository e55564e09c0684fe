"""The three instruments against the physics they stand for, and the demo corpus against what a musician would accept."""

from __future__ import annotations

import hashlib
import math
import re

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.signal import fftconvolve

from small_dataset_audio.corpus.synthesis import (
    FREE_BAR_RATIOS,
    blow_tube,
    blown_tube,
    pluck_string,
    strike_bar,
    struck_bar,
    write_demo_corpus,
)
from small_dataset_audio.corpus.synthesis.demo_corpus import render_clip
from small_dataset_audio.corpus.synthesis.demo_score import DEMO_SCORE
from small_dataset_audio.errors import InvalidConfigError, OutputError

RATE = 48_000
A_MINOR_PENTATONIC = {"a", "c", "d", "e", "g"}
NOTE_HZ = {"c": -9, "d": -7, "e": -5, "g": -2, "a": 0}


def generator(seed=0):
    return np.random.default_rng(seed)


def pluck(pitch_hz, duration_s=1.0, *, seed=0, **settings):
    return pluck_string(pitch_hz, duration_s, generator=generator(seed), **settings)


def blow(pitch_hz, duration_s=1.0, *, seed=0, **settings):
    return blow_tube(pitch_hz, duration_s, generator=generator(seed), **settings)


def hz_of(name):
    """`a4` -> 440.0, written out here so that the score's own reading of names is not its own judge."""
    return 440.0 * 2.0 ** (NOTE_HZ[name[0]] / 12 + int(name[1]) - 4)


def spectral_peak(audio, near_hz, search=0.03):
    """Frequency and magnitude of the highest peak within `search` of `near_hz`: FFT, then a parabola in log magnitude."""
    size = 1 << 19
    windowed = audio.astype(float) * np.hanning(audio.size)
    bins = np.abs(np.fft.rfft(windowed, size))
    low, high = (round(near_hz * (1 + side * search) * size / RATE) for side in (-1, 1))
    i = low + int(np.argmax(bins[low : high + 1]))
    before, here, after = np.log(bins[i - 1 : i + 2] + 1e-300)
    return (i + 0.5 * (before - after) / (before - 2 * here + after)) * RATE / size, bins[i]


def level_db(audio, near_hz, search=0.01):
    return 20 * math.log10(spectral_peak(audio, near_hz, search)[1])


def cents(measured_hz, asked_hz):
    return 1200 * math.log2(measured_hz / asked_hz)


def centroid_hz(audio):
    power = np.abs(np.fft.rfft(audio.astype(float))) ** 2
    return float(np.sum(power * np.fft.rfftfreq(audio.size, 1 / RATE)) / np.sum(power))


def partial(audio, frequency_hz, width_s=0.05):
    """One partial as a complex signal at 0 Hz: shifted down, then averaged with a Hann window of `width_s`."""
    shift = np.exp(-2j * np.pi * frequency_hz * np.arange(audio.size) / RATE)
    window = np.hanning(round(width_s * RATE))
    return fftconvolve(audio * shift, window / window.sum(), mode="valid")


def time_to_fall_60_db(audio, frequency_hz, width_s=0.05):
    """From a straight line through the partial's level between 3 and 40 dB under its highest."""
    envelope_db = 20 * np.log10(np.abs(partial(audio, frequency_hz, width_s)) + 1e-12)
    falling = envelope_db[int(np.argmax(envelope_db)) :] - envelope_db.max()
    first, last = int(np.argmax(falling < -3)), int(np.argmax(falling < -40))
    assert last > first, "the partial does not fall by 40 dB in this note"
    slope_db = np.polyfit(np.arange(first, last) / RATE, falling[first:last], 1)[0]
    return -60 / slope_db


# The plucked string


@pytest.mark.parametrize("pitch_hz", [41.2, 82.4, 110.0, 220.5, 440.0, 987.77, 1975.5])
@pytest.mark.parametrize("treble_damping", [0.0, 0.02, 0.3])
def test_a_string_sounds_within_5_cents_of_the_pitch_asked(pitch_hz, treble_damping):
    note = pluck(pitch_hz, 2.0, treble_damping=treble_damping)
    assert abs(cents(spectral_peak(note, pitch_hz)[0], pitch_hz)) < 5


def test_a_string_has_harmonics_at_whole_multiples():
    note = pluck(220.0, 2.0, pick_position=0.13, strength=1.0)
    for k in range(2, 11):
        assert abs(cents(spectral_peak(note, 220.0 * k)[0], 220.0 * k)) < 5


@pytest.mark.parametrize("missing", [2, 3, 4, 5])
@pytest.mark.parametrize("pick_noise", [0.0, 1.0])
def test_a_pluck_at_one_kth_of_the_string_silences_every_kth_harmonic(missing, pick_noise):
    note = pluck(146.8, 2.0, pick_position=1 / missing, pick_noise=pick_noise, treble_damping=0.0)
    for k in (missing, 2 * missing):
        neighbours_db = max(level_db(note, 146.8 * (k - 1)), level_db(note, 146.8 * (k + 1)))
        assert level_db(note, 146.8 * k) < neighbours_db - 20


@pytest.mark.parametrize("decay_s", [0.6, 1.5, 3.0])
def test_the_fundamental_of_a_string_decays_in_the_time_asked(decay_s):
    note = pluck(196.0, 1.2 * decay_s, decay_s=decay_s)
    assert time_to_fall_60_db(note, 196.0) == pytest.approx(decay_s, rel=0.1)


def test_the_harmonics_of_a_string_decay_faster_with_the_square_of_their_number():
    note = pluck(196.0, 3.0, decay_s=3.0, treble_damping=0.04, pick_position=0.13, strength=1.0)
    for k in (3, 6, 9):
        asked_s = 3.0 / (1 + 0.04 * (k**2 - 1))
        assert time_to_fall_60_db(note, 196.0 * k) == pytest.approx(asked_s, rel=0.1)


def test_without_treble_damping_all_harmonics_of_a_string_decay_alike():
    note = pluck(196.0, 2.0, decay_s=1.5, treble_damping=0.0, pick_position=0.13)
    for k in (1, 5, 12):
        assert time_to_fall_60_db(note, 196.0 * k) == pytest.approx(1.5, rel=0.1)


def test_an_ideal_pluck_draws_nothing_from_its_generator():
    np.testing.assert_array_equal(pluck(220.0, seed=1, pick_noise=0.0), pluck(220.0, seed=2, pick_noise=0.0))


@given(
    pitch_hz=st.floats(40, 2000),
    duration_s=st.floats(0.01, 0.3),
    strength=st.floats(0.01, 1),
    pick_position=st.floats(0.02, 0.5),
    decay_s=st.floats(0.02, 60),
    treble_damping=st.floats(0, 0.9),
    pick_noise=st.floats(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_every_allowed_pluck_is_finite_as_long_as_asked_and_as_strong_as_asked(duration_s, strength, **pluck_settings):
    note = pluck_string(duration_s=duration_s, strength=strength, generator=generator(), **pluck_settings)
    assert note.dtype == np.float32
    assert note.shape == (round(duration_s * RATE),)
    assert np.max(np.abs(note)) == pytest.approx(strength, rel=1e-6)


# The struck bar


def test_the_roots_of_the_bar_solve_the_equation_of_its_free_ends():
    for root in struck_bar._ROOTS:
        assert math.cos(root) == pytest.approx(1 / math.cosh(root), abs=1e-8)


def test_the_ratios_of_a_free_bar_are_those_of_the_textbook():
    assert FREE_BAR_RATIOS[:4] == pytest.approx((1.0, 2.756, 5.404, 8.933), abs=1e-3)


@pytest.mark.parametrize("ratios", [FREE_BAR_RATIOS, (1.0, 4.0, 10.0)])
def test_the_partials_of_a_bar_lie_at_the_ratios_asked(ratios):
    note = strike_bar(523.25, 2.0, ratios=ratios, hardness=1.0, strike_position=0.03, damping_power=0.0)
    strongest_db = max(level_db(note, 523.25 * ratio) for ratio in ratios)
    for ratio in ratios:
        assert abs(cents(spectral_peak(note, 523.25 * ratio)[0], 523.25 * ratio)) < 1
        assert level_db(note, 523.25 * ratio) > strongest_db - 60


def test_each_mode_of_a_bar_decays_in_its_own_time():
    note = strike_bar(440.0, 3.0, decay_s=2.0, damping_power=0.7, hardness=1.0, strike_position=0.03)
    for ratio in FREE_BAR_RATIOS:
        measured_s = time_to_fall_60_db(note, 440.0 * ratio, width_s=0.02)
        assert measured_s == pytest.approx(2.0 / ratio**0.7, rel=0.1)


def test_a_stroke_in_the_middle_of_a_bar_leaves_the_even_modes_silent():
    note = strike_bar(300.0, 1.0, strike_position=0.5, hardness=1.0)
    for silent, sounding in ((1, 0), (3, 2), (5, 4)):
        difference_db = level_db(note, 300 * FREE_BAR_RATIOS[sounding]) - level_db(note, 300 * FREE_BAR_RATIOS[silent])
        assert difference_db > 25


def test_a_stroke_where_a_bar_is_held_leaves_the_first_mode_silent():
    held, free = (strike_bar(300.0, 1.0, strike_position=place, hardness=1.0) for place in (0.2242, 0.5))
    assert level_db(held, 300.0) < level_db(free, 300.0) - 40


@pytest.mark.parametrize("mode", range(6))
def test_the_shape_of_a_mode_is_the_textbooks_and_its_end_is_1(mode):
    root = struck_bar._ROOTS[mode]
    sigma = (math.cosh(root) - math.cos(root)) / (math.sinh(root) - math.sin(root))
    assert struck_bar._mode_shape(mode, 0.0) == pytest.approx(1.0)
    for x in (0.1, 0.3, 0.45):
        textbook = math.cosh(root * x) + math.cos(root * x) - sigma * (math.sinh(root * x) + math.sin(root * x))
        assert struck_bar._mode_shape(mode, x) == pytest.approx(textbook / 2, abs=1e-5)


def test_a_harder_mallet_makes_a_bar_brighter():
    soft, medium, hard = (strike_bar(440.0, 1.0, hardness=hardness) for hardness in (0.0, 0.5, 1.0))
    assert centroid_hz(soft) < centroid_hz(medium) < centroid_hz(hard)


def test_modes_over_20_khz_are_left_out_and_do_not_fold_back():
    note = strike_bar(3000.0, 0.5, hardness=1.0, strike_position=0.05)  # 8.9 * 3 kHz would fold to 21.2 kHz
    folded_hz = RATE - 3000.0 * FREE_BAR_RATIOS[3]
    assert level_db(note, folded_hz) < level_db(note, 3000.0) - 60


# The blown tube


@pytest.mark.parametrize("pitch_hz", [61.0, 110.0, 146.8, 220.0, 293.7, 440.0, 659.3, 880.0, 1190.0])
@pytest.mark.parametrize("strength", [0.05, 0.5, 1.0])
def test_a_tube_settles_on_its_pitch_and_not_on_an_overtone(pitch_hz, strength):
    settled = blow(pitch_hz, 1.0, strength=strength, vibrato_cents=0.0)[RATE // 2 : RATE * 4 // 5]
    measured_hz, fundamental = spectral_peak(settled, pitch_hz)
    assert abs(cents(measured_hz, pitch_hz)) < 10
    assert fundamental > spectral_peak(settled, 3 * pitch_hz)[1]


@pytest.mark.parametrize("pitch_hz", [146.8, 293.7, 587.3])
def test_a_tube_closed_by_a_reed_has_weak_even_harmonics(pitch_hz):
    settled = blow(pitch_hz, 1.0, breath_noise=0.0, vibrato_cents=0.0)[RATE // 2 : RATE * 4 // 5]
    first, second, third, fourth, fifth = (level_db(settled, pitch_hz * k) for k in range(1, 6))
    assert second < min(first, third) - 8
    assert fourth < min(third, fifth) - 5


def test_a_tube_is_a_tone_and_not_noise():
    settled = blow(220.0, 1.5, vibrato_cents=0.0)[RATE // 2 : RATE]
    power = np.abs(np.fft.rfft(settled * np.hanning(settled.size))) ** 2
    distance_hz = np.abs((np.fft.rfftfreq(settled.size, 1 / RATE) + 110.0) % 220.0 - 110.0)
    assert power[distance_hz < 12].sum() > 100 * power[distance_hz >= 12].sum()


@pytest.mark.parametrize("pressure", [0.30, 0.45])
def test_a_tube_speaks_only_above_a_third_of_the_closing_pressure(pressure):
    rise = np.minimum(np.arange(RATE) / 2400, 1.0)
    settled = blown_tube._oscillate(pressure * rise, np.full(RATE, 300.0), 0.5)[-RATE // 5 :]
    assert (np.std(settled) > 0.05) == (pressure > 0.37)


def test_the_blocks_of_a_tube_equal_a_tube_computed_sample_by_sample():
    size, pitch_hz = 1500, 310.0
    mouth = 0.6 * np.minimum(np.arange(size) / 300, 1.0)
    round_trip = np.full(size, RATE / (2 * pitch_hz))
    walls = blown_tube._wall_taps(round_trip)
    delay = round_trip[0] - walls.size // 2
    whole, x = int(delay), delay % 1.0
    nodes = np.array([-1.0, 0.0, 1.0, 2.0])
    lagrange = [np.prod([(x - n) / (m - n) for n in nodes if n != m]) for m in nodes]
    kernel = np.concatenate([np.zeros(whole - 1), np.convolve(lagrange, walls)])  # reed to end and back

    def flow(across):
        return 0.0 if across >= 1 else 0.5 * (1 - across) * math.copysign(abs(across) ** 0.5, across)

    outgoing = np.zeros(size)
    for n in range(size):
        past = outgoing[max(0, n - kernel.size + 1) : n + 1][::-1]
        returned = -blown_tube._REFLECTED * float(past @ kernel[: past.size])
        drive = mouth[n] - 2 * returned
        outgoing[n] = returned + flow(brentq(lambda d, drive=drive: d + flow(d) - drive, -4.0, 4.0, xtol=1e-14))
    at_end = np.convolve(outgoing, walls)[:size]
    np.testing.assert_allclose(blown_tube._oscillate(mouth, np.full(size, pitch_hz), 0.5), at_end, atol=1e-4)
    assert np.ptp(at_end) > 0.1


def test_a_slur_goes_through_its_pitches_in_one_breath():
    note = blow([220.0, 261.63, 329.63], 1.5, vibrato_cents=0.0)
    for i, pitch_hz in enumerate((220.0, 261.63, 329.63)):
        middle = note[(2 * i + 1) * RATE // 4 - RATE // 8 : (2 * i + 1) * RATE // 4 + RATE // 8]
        assert abs(cents(spectral_peak(middle, pitch_hz)[0], pitch_hz)) < 15
    sounding = note[RATE // 5 : -RATE // 5].astype(float)
    loudness = np.sqrt(np.mean(sounding[: sounding.size // 960 * 960].reshape(-1, 960) ** 2, axis=1))
    assert loudness.min() > 0.3 * loudness.max()


def test_vibrato_moves_the_pitch_as_far_and_as_fast_as_asked():
    note = blow(330.0, 4.0, vibrato_cents=40.0, vibrato_rate_hz=5.0, breath_noise=0.0)
    phase = np.unwrap(np.angle(partial(note, 330.0, width_s=0.02)))
    settled_hz = np.diff(phase[3 * RATE // 2 : 7 * RATE // 2]) * RATE / (2 * np.pi)
    deviation_cents = 1200 * np.log2(1 + settled_hz / 330.0)
    wobble = np.abs(np.fft.rfft((deviation_cents - deviation_cents.mean()) * np.hanning(deviation_cents.size)))
    rate_hz = np.argmax(wobble) * RATE / deviation_cents.size
    assert rate_hz == pytest.approx(5.0, abs=0.5)
    assert np.ptp(deviation_cents) / 2 == pytest.approx(40.0, rel=0.25)


def test_a_swell_comes_from_nothing_and_goes_back_to_nothing():
    note = np.abs(blow(220.0, 3.0, swell=1.0, strength=0.8))
    middle = note[RATE : 2 * RATE].max()
    assert middle == pytest.approx(0.8)
    assert note[: RATE // 4].max() < 0.2 * middle
    assert note[-RATE // 4 :].max() < 0.2 * middle


@given(
    pitch_hz=st.lists(st.floats(60, 1200), min_size=1, max_size=4),
    duration_s=st.floats(0.05, 0.3),
    strength=st.floats(0.01, 1),
    attack_s=st.floats(0.005, 0.02),
    release_s=st.floats(0.005, 0.02),
    swell=st.floats(0, 1),
    breath_noise=st.floats(0, 0.3),
    vibrato_cents=st.floats(0, 100),
    vibrato_rate_hz=st.floats(0, 12),
)
@settings(max_examples=50, deadline=None)
def test_every_allowed_breath_is_finite_as_long_as_asked_and_as_strong_as_asked(duration_s, strength, **blow_settings):
    note = blow_tube(duration_s=duration_s, strength=strength, generator=generator(), **blow_settings)
    assert note.dtype == np.float32
    assert note.shape == (round(duration_s * RATE),)
    assert np.max(np.abs(note)) == pytest.approx(strength, rel=1e-6)


def test_a_tube_is_silent_when_its_breath_has_ended():
    note = blow(440.0, 1.0)
    assert np.abs(note[-240:]).max() < 1e-3


# All three


@pytest.mark.parametrize(
    "play",
    [
        lambda strength: pluck(220.0, strength=strength),
        lambda strength: strike_bar(440.0, 1.0, strength=strength),
        lambda strength: blow(220.0, strength=strength, breath_noise=0.0),
    ],
    ids=["string", "bar", "tube"],
)
def test_a_stronger_note_is_brighter_and_peaks_at_its_strength(play):
    soft, medium, strong = (play(strength) for strength in (0.1, 0.5, 1.0))
    assert centroid_hz(soft) < centroid_hz(medium) < centroid_hz(strong)
    for note, strength in ((soft, 0.1), (medium, 0.5), (strong, 1.0)):
        assert note.dtype == np.float32
        assert np.abs(note).max() == pytest.approx(strength, rel=1e-6)


@pytest.mark.parametrize("play", [pluck, blow], ids=["string", "tube"])
def test_the_same_seed_plays_the_same_bits_and_another_seed_others(play):
    np.testing.assert_array_equal(play(220.0, 0.5, seed=1), play(220.0, 0.5, seed=1))
    assert not np.array_equal(play(220.0, 0.5, seed=1), play(220.0, 0.5, seed=2))


@pytest.mark.parametrize(
    ("play", "field", "value"),
    [
        (pluck, "pitch_hz", 39.0),
        (pluck, "pitch_hz", math.nan),
        (pluck, "duration_s", 0.0),
        (pluck, "duration_s", math.inf),
        (pluck, "strength", 0.0),
        (pluck, "pick_position", 0.6),
        (pluck, "decay_s", -1.0),
        (pluck, "treble_damping", 1.0),
        (pluck, "pick_noise", 1.1),
        (strike_bar, "pitch_hz", 5001.0),
        (strike_bar, "strength", 1.1),
        (strike_bar, "hardness", -0.1),
        (strike_bar, "strike_position", 0.51),
        (strike_bar, "decay_s", 0.0),
        (strike_bar, "damping_power", 3.0),
        (strike_bar, "ratios", ()),
        (strike_bar, "ratios", (1.0, -2.0)),
        (strike_bar, "ratios", (400.0,)),
        (blow, "pitch_hz", 1300.0),
        (blow, "pitch_hz", []),
        (blow, "pitch_hz", [220.0, 20.0]),
        (blow, "strength", math.nan),
        (blow, "attack_s", 0.0),
        (blow, "release_s", 0.99),
        (blow, "swell", 2.0),
        (blow, "breath_noise", 0.5),
        (blow, "vibrato_cents", 200.0),
        (blow, "vibrato_rate_hz", -1.0),
    ],
)
def test_a_setting_outside_its_range_is_refused_by_name(play, field, value):
    arguments = {"pitch_hz": 220.0, "duration_s": 1.0} | {field: value}
    with pytest.raises(InvalidConfigError, match=field):
        play(**arguments)


# The demo corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The corpus of seed 0 and what its progress callback was told."""
    calls = []
    paths = write_demo_corpus(tmp_path_factory.mktemp("demo") / "recordings", on_clip=lambda *call: calls.append(call))
    return paths, calls


@pytest.fixture(scope="module")
def clips(corpus):
    return {path.stem: sf.read(path)[0] for path in corpus[0]}


def test_the_corpus_is_sixteen_mono_files_of_48_khz_and_24_bits(corpus):
    paths, calls = corpus
    assert len({path.name for path in paths}) == 16
    assert calls == [(i + 1, 16, path.name) for i, path in enumerate(paths)]
    assert sorted(paths) == sorted(paths[0].parent.iterdir())  # no temporary is left
    for path in paths:
        info = sf.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_24")


def test_the_clips_last_2_to_8_seconds_and_about_a_minute_in_all(clips):
    lengths_s = [audio.size / RATE for audio in clips.values()]
    assert all(1.5 <= length_s <= 8 for length_s in lengths_s)
    assert 50 <= sum(lengths_s) <= 70


def test_every_clip_peaks_between_12_and_3_db_under_full_scale_and_has_no_dc(clips):
    for name, audio in clips.items():
        assert np.isfinite(audio).all(), name
        assert -12.01 <= 20 * math.log10(np.abs(audio).max()) <= -2.99, name
        assert abs(audio.mean()) < 1e-3, name  # -60 dBFS
        assert np.sqrt(np.mean(audio**2)) > 10 ** (-35 / 20), name


def test_every_clip_begins_and_ends_in_silence(clips):
    for name, audio in clips.items():
        assert np.abs(audio[:480]).max() < 1e-3, name
        assert np.abs(audio[-480:]).max() < 1e-3, name


def test_all_notes_are_of_one_pentatonic_scale_and_there_are_many_of_them():
    pitches = {pitch for clip in DEMO_SCORE for note in clip.notes for pitch in note.pitches}
    assert {pitch[0] for pitch in pitches} == A_MINOR_PENTATONIC
    assert len(pitches) >= 12
    strengths = [note.strength for clip in DEMO_SCORE for note in clip.notes]
    assert min(strengths) <= 0.25
    assert max(strengths) >= 0.9


def test_a_clip_of_one_pitch_sounds_the_pitch_in_its_name(clips):
    named = [clip for clip in DEMO_SCORE if len({pitch for note in clip.notes for pitch in note.pitches}) == 1]
    assert len(named) >= 8
    for clip in named:
        asked_hz = hz_of(re.search(r"_([a-g]\d)", clip.name)[1])
        assert abs(cents(spectral_peak(clips[clip.name], asked_hz)[0], asked_hz)) < 12, clip.name


def test_phrases_begin_on_the_pitch_in_their_name(clips):
    for name in ("string_phrase_c4", "bar_arpeggio_c5", "tube_phrase_e4"):
        asked_hz = hz_of(name[-2:])
        first_note = clips[name][RATE // 20 : RATE // 3]
        assert abs(cents(spectral_peak(first_note, asked_hz)[0], asked_hz)) < 15, name


def test_the_same_seed_writes_the_same_bytes_over_an_earlier_corpus_and_nothing_else(corpus, tmp_path):
    (tmp_path / "bar_a5_hard.wav").write_bytes(b"older")
    (tmp_path / "my own.wav").write_bytes(b"mine")
    again = write_demo_corpus(tmp_path, seed=0)
    for first, second in zip(corpus[0], again, strict=True):
        assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()
    assert (tmp_path / "my own.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("index", range(len(DEMO_SCORE)))
def test_another_seed_plays_every_clip_differently(index, clips):
    clip = DEMO_SCORE[index]
    other = render_clip(clip, np.random.default_rng([1, index]))
    assert not np.allclose(other, clips[clip.name], atol=1e-3)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_outside_its_range_is_refused_before_anything_is_written(seed, tmp_path):
    with pytest.raises(InvalidConfigError, match=f"seed is {seed}"):
        write_demo_corpus(tmp_path / "demo", seed=seed)
    assert not (tmp_path / "demo").exists()


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path):
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(OutputError, match="demo"):
        write_demo_corpus(tmp_path / "demo")
