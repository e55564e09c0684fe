from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import measure_takes
from measures import report
from measures.baselines import WalkMap, build_walk_map, shuffle, walk
from measures.clips import Clip, read_clip, read_folder
from measures.copying import RATE_HZ as COPY_RATE_HZ
from measures.copying import CopyDetector
from measures.coverage import density_coverage
from measures.embedding import EMBEDDING_SIZE, embed, log_mel, why_unavailable
from measures.kad import SCALE, kad, kad_standard_error, median_bandwidth, unbiased_mmd2
from measures.motion import motion
from measures.resemblance import ResemblanceMeter

from small_dataset_audio.errors import AudioFileError, CorpusError, InvalidAudioError

RATE_HZ = 48_000
SAMPLES = Path("/usr/share/sonic-pi/samples")

needs_embedding = pytest.mark.skipif(why_unavailable() is not None, reason=f"NOT MEASURED: {why_unavailable()}")
needs_recordings = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"NOT MEASURED: no recordings in {SAMPLES}; apt-get install sonic-pi-samples"
)


def noise(seed: int, duration_s: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return 0.1 * generator.standard_normal(round(duration_s * rate_hz), dtype=np.float32)


def noise_corpus() -> list[Clip]:
    return [
        Clip("first.wav", noise(1, 2.0), RATE_HZ),
        Clip("second.wav", noise(2, 3.0), RATE_HZ),
        Clip("short.wav", noise(3, 0.2), RATE_HZ),
    ]


def tone(frequency_hz: float, duration_s: float) -> np.ndarray:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def blocks(seed: int, count: int, dimensions: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dimensions)) + shift


# --- KAD -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(2, 2), (7, 13), (20, 5)])
def test_mmd_equals_a_double_loop_over_pairs(counts: tuple[int, int]) -> None:
    x, y = blocks(0, counts[0]), blocks(1, counts[1], shift=0.5)
    bandwidth = 1.7

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.sum((a - b) ** 2) / (2 * bandwidth**2)))

    within = [np.mean([kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j]) for s in (x, y)]
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert unbiased_mmd2(x, y, bandwidth) == pytest.approx(within[0] + within[1] - 2 * between, abs=1e-12)


def test_the_bandwidth_is_the_median_distance_of_different_blocks() -> None:
    x = blocks(0, 9)
    distances = [np.linalg.norm(x[i] - x[j]) for i in range(9) for j in range(i)]
    assert median_bandwidth(x) == pytest.approx(float(np.median(distances)))


def test_a_set_against_itself_lies_a_little_below_zero_by_the_pairs_of_each_block_with_itself() -> None:
    x = blocks(0, 100)
    gamma = 1 / (2 * median_bandwidth(x) ** 2)
    squared = ((x[:, None] - x) ** 2).sum(axis=2)
    mean_other = (np.exp(-gamma * squared).sum() - 100) / (100 * 99)
    assert kad(x, x) == pytest.approx(SCALE * 2 / 100 * (mean_other - 1))
    assert -20 < kad(x, x) < 0


def test_two_draws_of_one_distribution_average_to_zero() -> None:
    values = [kad(blocks(2 * seed, 60), blocks(2 * seed + 1, 40)) for seed in range(100)]
    standard_error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * standard_error
    assert min(values) < 0


def test_kad_grows_with_the_distance_between_the_sets() -> None:
    values = [kad(blocks(0, 80), blocks(1, 80, shift=shift)) for shift in (0.0, 0.5, 1.0, 4.0)]
    assert values == sorted(values)
    assert values[-1] > 500


def test_the_standard_error_equals_a_jackknife_that_leaves_out_each_take_in_turn() -> None:
    reference, takes = blocks(0, 30), [blocks(seed, count, shift=0.4) for seed, count in ((1, 5), (2, 9), (3, 2))]
    left_out = [kad(reference, np.concatenate([t for j, t in enumerate(takes) if j != i])) for i in range(3)]
    expected = np.sqrt(2 / 3 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert kad_standard_error(reference, takes) == pytest.approx(expected, rel=1e-9)


def test_the_standard_error_is_the_spread_between_sets_of_takes_whose_blocks_are_alike() -> None:
    reference = blocks(0, 60)

    def takes(seed: int) -> list[np.ndarray]:
        generator = np.random.default_rng(seed)
        centres = 0.7 * generator.standard_normal((12, 1, 6))
        return list(centres + 0.5 * generator.standard_normal((12, 8, 6)))

    sets = [takes(seed) for seed in range(1, 81)]
    spread = np.std([kad(reference, np.concatenate(one)) for one in sets])
    told = np.mean([kad_standard_error(reference, one) for one in sets])
    assert told == pytest.approx(spread, rel=0.3)


def test_one_take_has_no_standard_error() -> None:
    assert kad_standard_error(blocks(0, 9), [blocks(1, 9)]) is None
    assert kad_standard_error(blocks(0, 9), [blocks(1, 9), blocks(2, 1)]) is None


def test_kad_refuses_too_few_blocks_and_a_reference_without_spread() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        kad(blocks(0, 1), blocks(1, 5))
    with pytest.raises(ValueError, match="at least 2"):
        kad(blocks(0, 5), blocks(1, 1))
    with pytest.raises(ValueError, match="all alike"):
        kad(np.ones((5, 3)), blocks(1, 5, dimensions=3))


# --- density and coverage ------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), count=st.integers(7, 25), made=st.integers(1, 25), shift=st.floats(0, 2))
def test_density_and_coverage_equal_a_naive_count(seed: int, count: int, made: int, shift: float) -> None:
    reference, takes = blocks(seed, count, 3), blocks(seed + 1, made, 3, shift)
    pairs, covered = 0, 0
    for i, centre in enumerate(reference):
        radius = sorted(np.linalg.norm(centre - other) for j, other in enumerate(reference) if j != i)[4]
        inside = sum(np.linalg.norm(centre - take) <= radius for take in takes)
        pairs += inside
        covered += inside > 0
    result = density_coverage(reference, takes)
    assert result.density == pytest.approx(pairs / (5 * made))
    assert result.coverage == pytest.approx(covered / count)


def test_a_set_covers_itself_and_something_far_covers_nothing() -> None:
    reference = blocks(0, 50)
    itself = density_coverage(reference, reference)
    assert itself.coverage == 1.0
    assert itself.density == pytest.approx(6 / 5)  # each ball holds its centre and five more
    far = density_coverage(reference, reference + 100)
    assert (far.density, far.coverage) == (0.0, 0.0)


def test_crowding_on_one_block_is_dense_and_covers_little() -> None:
    reference = blocks(0, 50)
    result = density_coverage(reference, np.repeat(reference[np.abs(reference).sum(axis=1).argmin(), None], 50, axis=0))
    assert result.density > 1.5
    assert result.coverage < 0.7


def test_equal_reference_blocks_are_covered_by_an_equal_block() -> None:
    assert density_coverage(np.zeros((8, 3)), np.zeros((1, 3))).coverage == 1.0


def test_coverage_needs_more_blocks_than_neighbours() -> None:
    with pytest.raises(ValueError, match="over 5"):
        density_coverage(blocks(0, 5), blocks(1, 5))


# --- copying -------------------------------------------------------------------------------------------------------


def test_a_literal_piece_is_copied_whole_with_its_file_and_time_stamp() -> None:
    corpus = noise_corpus()
    start = round(0.7 * RATE_HZ)
    take = Clip("take", corpus[1].samples[start : start + 2 * RATE_HZ], RATE_HZ)
    found = CopyDetector(corpus).examine([take])
    assert found.share == 1.0
    assert found.longest_s == 2.0
    assert found.nearest is not None
    assert found.nearest.file == "second.wav"
    assert found.nearest.file_s - found.nearest.take_s == pytest.approx(0.7, abs=1 / COPY_RATE_HZ)
    assert found.nearest.correlation > 0.98


@pytest.mark.parametrize("gain", [0.01, 0.3, 9.0, -1.0, -0.1])
def test_a_copy_at_another_gain_or_inverted_is_a_copy_and_says_its_sign(gain: float) -> None:
    corpus = noise_corpus()
    take = Clip("take", np.float32(gain) * corpus[0].samples[12_345:60_345], RATE_HZ)
    found = CopyDetector(corpus).examine([take])
    assert found.share == 1.0
    assert found.nearest is not None
    assert np.sign(found.nearest.correlation) == np.sign(gain)


@pytest.mark.parametrize("offset", [24_000, 24_001, 24_002, 24_003])
def test_a_copy_that_starts_between_two_samples_of_the_detector_is_found(offset: int) -> None:
    corpus = noise_corpus()
    found = CopyDetector(corpus).examine([Clip("take", corpus[0].samples[offset : offset + 48_000], RATE_HZ)])
    assert found.share == 1.0


def test_a_copy_is_found_across_sample_rates() -> None:
    recording = Clip("cd.wav", noise(5, 2.0, 44_100), 44_100)
    take = Clip("take", recording.at(RATE_HZ)[7_777:60_000], RATE_HZ)
    assert CopyDetector([recording]).examine([take]).share == 1.0


def test_independent_noise_is_not_copied() -> None:
    found = CopyDetector(noise_corpus()).examine([Clip("take", noise(99, 5.0), RATE_HZ)])
    assert found.share == 0.0
    assert found.longest_s == 0.0
    assert found.nearest is not None
    assert abs(found.nearest.correlation) < 0.3


def test_no_stretch_reaches_from_one_file_into_the_next() -> None:
    corpus = noise_corpus()
    across = np.concatenate([corpus[0].samples[-12_000:], corpus[1].samples[:12_000]])
    for past_ends in (False, True):
        assert CopyDetector(corpus, past_ends=past_ends).examine([Clip("take", across, RATE_HZ)]).share == 0.0


def test_a_recording_shorter_than_a_window_is_found_in_silence() -> None:
    corpus = noise_corpus()
    stroke = np.pad(corpus[2].samples, (4_800, 9_600))
    found = CopyDetector(corpus).examine([Clip("take", stroke, RATE_HZ)])
    assert found.share == 1.0
    assert found.nearest is not None
    assert found.nearest.file == "short.wav"
    assert found.nearest.file_s == pytest.approx(-0.1, abs=1 / COPY_RATE_HZ)


def test_the_opening_of_a_longer_recording_after_silence_is_copied_only_past_ends() -> None:
    corpus = noise_corpus()
    take = Clip("take", np.pad(corpus[0].samples[:14_400], (9_600, 0)), RATE_HZ)
    assert CopyDetector(corpus).examine([take]).share == 0.0
    assert CopyDetector(corpus, past_ends=True).examine([take]).share == 1.0


def test_silent_windows_are_left_out_of_the_share() -> None:
    corpus = noise_corpus()
    half_silent = np.concatenate([corpus[0].samples[:48_000], np.zeros(96_000, np.float32)])
    found = CopyDetector(corpus).examine([Clip("take", half_silent, RATE_HZ)]).takes[0]
    assert 3 <= found.windows <= 5  # of eleven; those at the border hold a little sound


def test_the_longest_stretch_ends_where_the_take_leaves_the_recording() -> None:
    corpus = noise_corpus()
    pieces = [corpus[1].samples[:72_000], corpus[0].samples[20_000:56_000], corpus[1].samples[100_000:136_000]]
    found = CopyDetector(corpus).examine([Clip("take", np.concatenate(pieces), RATE_HZ)])
    assert found.longest_s == 1.5
    assert found.share > 0.7


def test_the_longest_stretch_of_a_repeating_sound_does_not_depend_on_which_period_matched() -> None:
    period = noise(4, 0.1)
    loop = Clip("loop.wav", np.tile(period, 40), RATE_HZ)
    found = CopyDetector([loop]).examine([Clip("take", np.tile(period, 15), RATE_HZ)])
    assert found.share == 1.0
    assert found.longest_s == 1.5


def test_the_share_counts_windows_of_all_takes_and_lists_each() -> None:
    corpus = noise_corpus()
    copied = Clip("copied", corpus[0].samples[:48_000], RATE_HZ)
    new = Clip("new", noise(50, 1.0), RATE_HZ)
    found = CopyDetector(corpus).examine([copied, new])
    assert found.share == 0.5
    assert [take.copied_windows for take in found.takes] == [3, 0]
    assert [take.take for take in found.takes] == ["copied", "new"]


def test_a_corpus_longer_than_one_fft_block_is_searched_to_its_end() -> None:
    corpus = [Clip(f"{seed}.wav", noise(seed, 6.0), RATE_HZ) for seed in range(3)]
    detector = CopyDetector(corpus)
    for clip in corpus:
        for start in (0, 3 * RATE_HZ, round(5.5 * RATE_HZ)):
            found = detector.examine([Clip("take", clip.samples[start : start + RATE_HZ // 2], RATE_HZ)])
            assert found.nearest is not None
            assert (found.nearest.file, found.share) == (clip.name, 1.0)
            assert found.nearest.file_s == pytest.approx(start / RATE_HZ, abs=1 / COPY_RATE_HZ)


def test_the_correlation_equals_a_direct_one_at_the_threshold_of_copying() -> None:
    # A copy with independent noise of equal band added: correlation 1 / sqrt(1 + r^2) by construction.
    original = noise(7, 1.0, COPY_RATE_HZ)
    for ratio in (0.2, 0.45, 0.52, 1.0):
        mixed = original + np.float32(ratio) * noise(8, 1.0, COPY_RATE_HZ)
        found = CopyDetector([Clip("a", original, COPY_RATE_HZ)]).examine([Clip("t", mixed, COPY_RATE_HZ)])
        assert found.nearest is not None
        assert found.nearest.correlation == pytest.approx(1 / np.sqrt(1 + ratio**2), abs=0.015)


# --- motion --------------------------------------------------------------------------------------------------------


def test_a_corpus_moves_as_much_as_itself() -> None:
    corpus = noise_corpus()
    assert set(motion(corpus, corpus).percentile_ratios.values()) == {1.0}


def test_motion_does_not_depend_on_level() -> None:
    corpus = noise_corpus()
    quiet = [Clip(clip.name, np.float32(0.01) * clip.samples, clip.rate_hz) for clip in corpus]
    ratio = motion(corpus, quiet).median_ratio
    assert ratio == pytest.approx(1.0, abs=1e-4)


def test_a_steady_tone_is_dead_beside_noise_and_noise_flickers_beside_it() -> None:
    corpus = noise_corpus()
    held = [Clip("tone", tone(440.0, 3.0), RATE_HZ)]
    ratio = motion(corpus, held).median_ratio
    assert ratio is not None
    assert ratio < 0.05


def test_clicks_show_in_the_99th_percentile_and_not_in_the_median() -> None:
    smooth = noise(1, 5.0) * np.float32(0.1)
    clicked = smooth.copy()
    clicked[12_000::24_000] += 5.0
    found = motion([Clip("smooth", smooth, RATE_HZ)], [Clip("clicked", clicked, RATE_HZ)])
    assert found.p99_ratio is not None
    assert found.median_ratio is not None
    assert found.p99_ratio > 2.0
    assert found.median_ratio < 1.5


def test_a_corpus_without_flux_gives_no_ratio_instead_of_infinity() -> None:
    decaying = np.exp(-np.arange(48_000) / 8_000).astype(np.float32) * tone(1_000.0, 1.0)
    found = motion([Clip("decay", decaying, RATE_HZ)], noise_corpus())
    assert found.percentile_ratios[25] is None


# --- resemblance ---------------------------------------------------------------------------------------------------


def test_a_literal_piece_resembles_the_corpus_entirely_at_any_gain() -> None:
    corpus = noise_corpus()
    piece = corpus[1].samples[20 * 512 : 20 * 512 + 96_000]
    found = ResemblanceMeter(corpus).measure([Clip("take", np.float32(0.2) * piece, RATE_HZ)])
    assert found.median_db < 0.5


def test_other_sounds_lie_farther_than_other_files_and_another_take_of_the_noise_between() -> None:
    corpus = noise_corpus()
    found = ResemblanceMeter(corpus).measure(
        [Clip("noise", noise(60, 3.0), RATE_HZ), Clip("tone", tone(300.0, 3.0), RATE_HZ)]
    )
    assert found.own_db is not None
    assert found.others_db is not None
    like, unlike = found.take_db
    assert like == pytest.approx(found.others_db, abs=1.0)
    assert unlike > 3 * found.others_db


def test_a_single_short_recording_has_neither_others_nor_itself_shifted() -> None:
    meter = ResemblanceMeter([Clip("only", noise(1, 0.3), RATE_HZ)])
    assert (meter.own_db, meter.others_db) == (None, None)


# --- baselines -----------------------------------------------------------------------------------------------------


def recordings() -> list[np.ndarray]:
    return [clip.samples for clip in noise_corpus()]


@pytest.mark.parametrize("duration_s", [0.05, 0.333, 7.77])
def test_baselines_are_exact_to_the_sample_and_follow_their_seed(duration_s: float) -> None:
    corpus = recordings()
    walk_map = build_walk_map(corpus)
    for make in (
        lambda seed: shuffle(corpus, duration_s, np.random.default_rng(seed)),
        lambda seed: walk(walk_map, duration_s, np.random.default_rng(seed)),
    ):
        assert make(0).shape == (round(duration_s * RATE_HZ),)
        assert make(0).dtype == np.float32
        assert np.array_equal(make(0), make(0))
        assert not np.array_equal(make(0), make(1))


def test_shuffle_repeats_one_second_pieces_of_the_corpus() -> None:
    corpus = noise_corpus()
    take = Clip("take", shuffle(recordings(), 10.0, np.random.default_rng(0)), RATE_HZ)
    found = CopyDetector(corpus).examine([take])
    assert 0.4 < found.share < 0.9
    assert 0.75 <= found.longest_s <= 1.25


def test_shuffle_keeps_the_level_through_its_crossfades() -> None:
    take = shuffle(recordings(), 10.0, np.random.default_rng(0))
    level = np.sqrt(np.square(take[: 960 * 500].reshape(500, 960)).mean(axis=1))
    assert level.min() > 0.08
    assert level.max() < 0.12


def test_shuffle_of_short_recordings_takes_them_whole_and_of_shorter_ones_refuses() -> None:
    take = shuffle([noise(1, 0.3)], 1.0, np.random.default_rng(0))
    assert take.shape == (RATE_HZ,)
    with pytest.raises(ValueError, match=r"shorter than 0\.1 s"):
        shuffle([noise(1, 0.05)], 1.0, np.random.default_rng(0))


def walk_map_with_distance(recording: np.ndarray, distance: float) -> WalkMap:
    frames = len(recording) // 512
    return WalkMap(
        recordings=[recording],
        first_frames=np.array([0, frames]),
        targets=np.full((frames, 1), frames // 2),
        distances=np.full((frames, 1), distance, dtype=np.float32),
    )


def test_a_walk_that_never_jumps_plays_the_recording_to_its_end_and_starts_again() -> None:
    recording = noise(1, 1.0)[: 93 * 512]
    take = walk(walk_map_with_distance(recording, np.inf), 3.0, np.random.default_rng(0))
    found = CopyDetector([Clip("a", recording, RATE_HZ)]).examine([Clip("take", take, RATE_HZ)])
    assert found.longest_s >= 0.5
    # From its first end on, the walk repeats with the recording's own period.
    second = take[96 * 512 : 96 * 512 + len(recording)]
    third = take[(96 + 93) * 512 : (96 + 93) * 512 + len(recording)][: len(take) - (96 + 93) * 512]
    assert np.allclose(second[: len(third)], third, atol=1e-6)


def test_a_walk_that_always_jumps_runs_eight_frames_and_then_repeats_them() -> None:
    recording = noise(1, 1.0)
    take = walk(walk_map_with_distance(recording, 0.0), 2.0, np.random.default_rng(3))
    period = 8 * 512
    tail = take[-6 * period :].reshape(6, period)
    assert np.allclose(tail[0], tail[1:], atol=1e-6)
    assert not np.allclose(take[-4 * 512 :], take[-8 * 512 : -4 * 512], atol=1e-3)


def test_walk_targets_are_the_most_alike_frames_elsewhere() -> None:
    passage = noise(1, 1.0)[: 90 * 512]
    walk_map = build_walk_map([passage, np.concatenate([noise(2, 1.0)[: 50 * 512], passage])])
    frames = np.arange(10, 80)
    assert np.array_equal(walk_map.targets[frames, 0], walk_map.first_frames[1] + 50 + frames)
    assert walk_map.distances[frames, 0].max() < 0.005  # float32 rounding; the jump scale is 0.1
    assert (np.abs(walk_map.targets - np.arange(len(walk_map.targets))[:, None]) > 8).all()


def test_a_corpus_of_a_few_frames_is_refused_for_walking() -> None:
    with pytest.raises(ValueError, match="too few"):
        build_walk_map([noise(1, 0.1)])


# --- clips ---------------------------------------------------------------------------------------------------------


def test_a_stereo_file_is_read_as_the_mean_of_its_channels(tmp_path: Path) -> None:
    left, right = noise(1, 0.1), noise(2, 0.1)
    sf.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE_HZ, subtype="FLOAT")
    assert np.allclose(read_clip(tmp_path / "a.wav").samples, (left + right) / 2, atol=1e-7)


def test_only_audio_files_that_match_are_read_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b_2.wav", "b_1.wav", "a_1.wav"):
        sf.write(tmp_path / name, noise(1, 0.1), RATE_HZ)
    (tmp_path / "b_3.json").write_text("{}")
    assert [clip.name for clip in read_folder(tmp_path, "b_*")] == ["b_1.wav", "b_2.wav"]


def test_unusable_input_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not audio")
    with pytest.raises(AudioFileError, match=r"text\.wav"):
        read_clip(tmp_path / "text.wav")
    with pytest.raises(CorpusError, match="no audio file"):
        read_folder(tmp_path, "*.flac")
    with pytest.raises(CorpusError, match="not a folder"):
        read_folder(tmp_path / "missing")
    with pytest.raises(InvalidAudioError, match="mix it down"):
        Clip("stereo", np.zeros((2, 10), np.float32), RATE_HZ)


# --- embedding -----------------------------------------------------------------------------------------------------


def test_the_spectrogram_of_the_embedding_does_not_depend_on_level() -> None:
    clip = Clip("a", noise(1, 1.0, 44_100), 44_100)
    louder = Clip("a", np.float32(3.0) * clip.samples, 44_100)
    assert np.allclose(log_mel(clip), log_mel(louder), atol=1e-5)
    assert log_mel(clip).shape == (1 + 44_100 // 1024, 96)


def test_the_spectrogram_of_the_embedding_equals_its_definition() -> None:
    # One frame by hand: power spectrum through HTK triangles of unit sum, log10(1 + 10000 x) over the largest.
    clip = Clip("a", noise(1, 1.0, 44_100), 44_100)
    frame = 20
    samples = clip.samples / np.abs(clip.samples).max()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    power = np.abs(np.fft.rfft(samples[frame * 1024 - 1024 : frame * 1024 + 1024] * window)) ** 2
    frequencies = np.arange(1025) * 44_100 / 2048
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 22_050 / 700), 98) / 2595) - 1)
    for band in (10, 40, 90):
        low, centre, high = edges[band : band + 3]
        weights = np.clip(
            np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre)), 0, None
        )
        expected = np.log10(1 + 10_000 * (weights / weights.sum() @ power)) / 9.457798957824707
        assert log_mel(clip)[frame, band] == pytest.approx(expected, rel=1e-3)


@needs_embedding
@pytest.mark.parametrize(("duration_s", "count"), [(0.04, 1), (1.0, 1), (1.2, 1), (1.45, 2), (10.0, 32)])
def test_blocks_are_fifty_frames_every_twelve(duration_s: float, count: int) -> None:
    embedded = embed([Clip("a", noise(1, duration_s, 44_100), 44_100)])
    assert embedded.shape == (count, EMBEDDING_SIZE)
    assert np.isfinite(embedded).all()


@needs_embedding
def test_the_network_has_its_trained_weights() -> None:
    # Tones an octave apart are nearer to each other than to noise; an untrained network's ReLUs tell less.
    low, high, hiss = embed(
        [Clip("l", tone(440, 1.2), RATE_HZ), Clip("h", tone(880, 1.2), RATE_HZ), Clip("n", noise(1, 1.2), RATE_HZ)]
    )
    assert np.linalg.norm(low - high) < np.linalg.norm(low - hiss)


@needs_embedding
@needs_recordings
@pytest.mark.real
def test_recordings_cover_themselves_and_white_noise_is_terrible() -> None:
    meter = report.SoundMeter(read_folder(SAMPLES, "tabla_[tn]*"))
    itself = meter.measure("itself", read_folder(SAMPLES, "tabla_[tn]*"))
    hiss = meter.measure("hiss", [Clip("hiss", noise(1, 5.0), RATE_HZ)])
    assert itself.kad <= 0
    assert itself.coverage == 1.0
    assert itself.copying.share == 1.0
    assert itself.motion.p99_ratio == 1.0
    assert itself.tuning.in_tune == 1.0
    assert hiss.kad > 500
    assert (hiss.density, hiss.coverage, hiss.copying.share) == (0.0, 0.0, 0.0)
    assert (hiss.tuning.in_tune, hiss.tuning.peaks_ratio) == (None, 0.0)
    assert hiss.onset_distance_db > 2 * itself.onset_distance_db
    assert hiss.loudness_distance_db > 2 * itself.loudness_distance_db


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    # The command itself is tested with a small stand-in for the network, so that it is tested everywhere.
    def mean_spectra(clips: list[Clip]) -> np.ndarray:
        return np.concatenate([log_mel(clip)[:40].reshape(-1, 4, 96).mean(axis=1) for clip in clips])

    monkeypatch.setattr(report, "embed", mean_spectra)
    app = typer.Typer()
    app.command()(measure_takes.main)
    return app


def write_folder(folder: Path, clips: list[Clip]) -> Path:
    folder.mkdir()
    for clip in clips:
        sf.write(folder / f"{clip.name}.wav", clip.samples, clip.rate_hz)
    return folder


def test_the_command_prints_a_row_for_each_folder_and_one_for_loose_files(command: typer.Typer, tmp_path: Path) -> None:
    corpus = write_folder(tmp_path / "corpus", [Clip(f"c{i}", noise(i, 2.0), RATE_HZ) for i in range(3)])
    copies = write_folder(tmp_path / "copies", [Clip("copy", noise(0, 2.0), RATE_HZ)])
    write_folder(tmp_path / "new", [Clip("new", noise(77, 2.0), RATE_HZ)])
    arguments = ["--corpus", str(corpus), str(copies), str(tmp_path / "new" / "new.wav")]
    table = CliRunner().invoke(command, arguments)
    assert table.exit_code == 0
    assert "copies (1)" in table.stdout
    assert "files (1)" in table.stdout
    as_json = CliRunner().invoke(command, [*arguments, "--json"])
    assert as_json.exit_code == 0, as_json.exception
    rows = json.loads(as_json.stdout)
    assert [row["label"] for row in rows] == ["copies", "files"]
    assert [row["copied_share"] for row in rows] == [1.0, 0.0]
    assert rows[0]["takes"][0]["nearest"]["file"] == "c0.wav"
    assert {"kad_standard_error", "onset_distance_db", "loudness_distance_db", "silent_share"} <= set(rows[0])
    assert {"in_tune_share", "in_tune_by_chance", "swing_ratio", "stable_peaks_ratio"} <= set(rows[0])


def test_the_command_names_what_is_missing_and_exits_with_one(command: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--corpus", str(tmp_path / "nowhere"), str(tmp_path)])
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
