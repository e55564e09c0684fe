from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from edges import noise
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.constants import SAMPLE_RATE, STEP_SAMPLES
from small_dataset_audio.errors import InvalidConfigError, ModelDamagedError
from small_dataset_audio.models import ConvVAE, DensityConfig, LatentDensity, VAEConfig, fit_density, latent_path
from small_dataset_audio.models import density as density_module
from small_dataset_audio.models.density import _EXCLUDED_STEPS, LEAD_STEPS, TAIL_STEPS, StandardNormal


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def wandering_paths(lengths: tuple[int, ...], dim: int = 4, seed: int = 0) -> list[np.ndarray]:
    """Recordings as random walks through latent space; no two steps are alike."""
    draws = rng(seed)
    return [np.cumsum(draws.normal(0, 0.3, (length, dim)), axis=0).astype(np.float32) for length in lengths]


def with_silence(paths: list[np.ndarray], before: int, after: int, seed: int = 1) -> list[np.ndarray]:
    """The same between stretches of near silence, all in one place: a cluster where every jump is easy."""
    draws = rng(seed)

    def silence(steps: int, dim: int) -> np.ndarray:
        return draws.normal(0, 0.01, (steps, dim)).astype(np.float32)

    return [np.concatenate([silence(before, p.shape[1]), p, silence(after, p.shape[1])]) for p in paths]


def places(density: LatentDensity, num_steps: int, seed: int = 0) -> np.ndarray:
    """Which steps of the corpus a walk visits, read from the trajectory itself; no two steps may be alike."""
    number_of = {latent.tobytes(): number for number, latent in enumerate(density.latents)}
    assert len(number_of) == len(density.latents)
    return np.array([number_of[step.tobytes()] for step in density.walk(num_steps, rng(seed)).T])


def parallel_roads(distances: np.ndarray, **config: float) -> LatentDensity:
    """Two recordings side by side: step i of one is the only neighbour of step i of the other, `distances[i]` away."""
    length = len(distances)
    numbers = np.arange(2 * length)
    return LatentDensity(
        latents=numbers[:, None].astype(np.float32),
        path_lengths=np.array([length, length]),
        neighbours=((numbers + length) % (2 * length))[:, None],
        neighbour_distances=np.tile(distances, 2)[:, None].astype(np.float32),
        config=DensityConfig(num_neighbours=1, **config),
    )


# ---- neighbours


@pytest.mark.parametrize("num_neighbours", [1, 5, 8])
@pytest.mark.parametrize("lengths", [(200,), (60, 1, 40, 33), (7, 9, 4, 8, 12)])
def test_neighbours_are_what_a_search_through_all_pairs_finds(lengths: tuple[int, ...], num_neighbours: int):
    paths = wandering_paths(lengths)
    density = fit_density(paths, DensityConfig(num_neighbours=num_neighbours))
    latents = np.concatenate(paths).astype(np.float64)
    recording = np.repeat(np.arange(len(lengths)), lengths)
    for step in range(len(latents)):
        far_enough = [
            other
            for other in range(len(latents))
            if recording[other] != recording[step] or abs(other - step) > _EXCLUDED_STEPS
        ]
        expected = sorted(far_enough, key=lambda other: float(np.linalg.norm(latents[other] - latents[step])))
        expected = expected[:num_neighbours]
        found = density.neighbours[step][: len(expected)]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(
            density.neighbour_distances[step][: len(expected)],
            np.linalg.norm(latents[found] - latents[step], axis=1),
            rtol=1e-5,
        )


@pytest.mark.parametrize("distances_at_once", [1, 1000, 30_000])
def test_neighbours_are_the_same_however_many_distances_are_found_at_once(
    distances_at_once: int, monkeypatch: pytest.MonkeyPatch
):
    paths = wandering_paths((60, 1, 40, 99))
    at_once = fit_density(paths)
    monkeypatch.setattr(density_module, "_DISTANCES_AT_ONCE", distances_at_once)
    in_blocks = fit_density(paths)
    np.testing.assert_array_equal(in_blocks.neighbours, at_once.neighbours)
    np.testing.assert_array_equal(in_blocks.neighbour_distances, at_once.neighbour_distances)


def test_neighbours_are_found_among_steps_that_hardly_differ_and_lie_far_from_zero():
    # As in a fade to silence. A search in float32 could not tell these apart.
    paths = [(path * 1e-5 + 3.0).astype(np.float32) for path in wandering_paths((90, 80))]
    density = fit_density(paths, DensityConfig(num_neighbours=4))
    latents = np.concatenate(paths).astype(np.float64)
    distances = np.linalg.norm(latents[:, None] - latents, axis=2)
    for number, row in enumerate(distances):
        begin, end = (0, 90) if number < 90 else (90, 170)
        row[max(number - _EXCLUDED_STEPS, begin) : min(number + _EXCLUDED_STEPS + 1, end)] = np.inf
    np.testing.assert_allclose(density.neighbour_distances, np.sort(distances, axis=1)[:, :4], rtol=1e-5)


@pytest.mark.parametrize("length", [1, 5, _EXCLUDED_STEPS + 1])
def test_a_step_with_no_other_far_enough_stands_in_for_its_neighbours_and_is_never_jumped_to(length: int):
    density = fit_density(wandering_paths((length,)), DensityConfig(num_neighbours=8, jump_scale=100.0))
    np.testing.assert_array_equal(density.neighbours, np.tile(np.arange(length)[:, None], (1, 8)))
    visited = places(density, 300)
    np.testing.assert_array_equal(np.diff(visited) % length, 1 % length)


def test_a_density_shows_its_settings_and_not_thousands_of_numbers():
    density = fit_density(wandering_paths((40,)))
    assert repr(density) == f"LatentDensity(config={density.config!r})"


def test_the_latents_and_lengths_are_stored_as_they_came():
    paths = wandering_paths((5, 1, 9))
    density = fit_density(paths)
    np.testing.assert_array_equal(density.latents, np.concatenate(paths))
    np.testing.assert_array_equal(density.path_lengths, [5, 1, 9])
    assert density.latent_dim == 4
    assert density.latents.dtype == density.neighbour_distances.dtype == np.float32


# ---- the walk


def assert_every_step_is_explained(density: LatentDensity, visited: np.ndarray) -> int:
    """Each step goes on, or leaves an end for a start, or jumps to a neighbour of one of these; returns the jumps."""
    starts = np.cumsum(density.path_lengths) - density.path_lengths
    last_steps = set((np.cumsum(density.path_lengths) - 1).tolist())
    jumps = 0
    for before, after in zip(visited[:-1].tolist(), visited[1:].tolist(), strict=True):
        due = set(starts.tolist()) if before in last_steps else {before + 1}
        if after not in due:
            jumps += 1
            assert any(after in density.neighbours[step] for step in due), (before, after)
    return jumps


@pytest.mark.parametrize("min_run_steps", [1, 2, 5])
def test_a_walk_follows_a_recording_unless_it_jumps_to_what_resembles_the_next_step(min_run_steps: int):
    paths = with_silence(wandering_paths((40, 25, 60, 1, 33)), 2, 3)
    density = fit_density(paths, DensityConfig(min_run_steps=min_run_steps, jump_scale=1.5))
    assert assert_every_step_is_explained(density, places(density, 3000)) > 30


@pytest.mark.parametrize("min_run_steps", [1, 2, 3, 7])
def test_between_two_jumps_there_are_at_least_as_many_steps_as_asked_for(min_run_steps: int):
    density = parallel_roads(np.ones(5000), jump_scale=2.0, min_run_steps=min_run_steps)
    visited = places(density, 4000)
    at_an_end = (visited[:-1] + 1) % 5000 == 0  # going on from there is no jump
    jumps = np.flatnonzero((np.diff(visited) != 1) & ~at_an_end)
    assert len(jumps) > 100
    assert np.diff(jumps).min() >= min_run_steps


@pytest.mark.parametrize("jump_scale", [0.5, 0.7, 1.0, 2.0])
def test_jumps_are_as_likely_as_the_formula_says(jump_scale: float):
    # Every distance is the median; every second one of the rest is twice it.
    distances = np.where(np.arange(40_000) % 3 == 2, 2.0, 1.0)
    density = parallel_roads(distances, jump_scale=jump_scale, min_run_steps=1)
    visited = places(density, 20_000)
    due = (visited[:-1] + 1) % 40_000
    jumped = np.diff(visited) != 1
    for distance in (1.0, 2.0):
        tried = jumped[distances[due] == distance]
        expected = np.exp(-((distance / jump_scale) ** 2))
        assert tried.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / len(tried)) + 1e-6)


def test_silence_that_most_steps_share_does_not_set_the_scale_of_jumps():
    distances = np.where(np.arange(20_000) % 10 < 7, 0.0, 3.0)
    density = parallel_roads(distances, jump_scale=1.0, min_run_steps=1)
    visited = places(density, 10_000)
    tried = (np.diff(visited) != 1)[distances[(visited[:-1] + 1) % 20_000] > 0]
    assert tried.mean() == pytest.approx(np.exp(-1.0), abs=4 * np.sqrt(0.25 / len(tried)))


def test_where_few_steps_have_neighbours_these_set_the_scale_of_jumps():
    # A straight line, barely longer than what is excluded: most steps have no neighbour, the others one 1.0 away.
    line = np.linspace(0, 1 + 4 / (_EXCLUDED_STEPS + 1), _EXCLUDED_STEPS + 5)
    density = fit_density([line[:, None].astype(np.float32)], DensityConfig(num_neighbours=1, min_run_steps=1))
    visited = places(density, 20_000)
    due = (visited[:-1] + 1) % len(line)
    tried = (visited[1:] != due)[(due < 4) | (due > _EXCLUDED_STEPS)]
    expected = np.exp(-((1 / density.config.jump_scale) ** 2))
    assert tried.mean() == pytest.approx(expected, abs=0.05 * expected + 4 * np.sqrt(expected / len(tried)))


def test_without_a_jump_scale_only_twins_are_jumped_between():
    distances = np.where(np.arange(2000) % 4 == 0, 0.0, 1e-3)
    visited = places(parallel_roads(distances, jump_scale=0.0, min_run_steps=1), 900)
    jumped = np.diff(visited) != 1
    np.testing.assert_array_equal(jumped, distances[(visited[:-1] + 1) % 2000] == 0.0)


def test_a_jump_that_could_not_go_back_is_not_taken():
    # Step 30 has step 5 for a neighbour, but step 5 has others.
    numbers = np.arange(40)
    neighbours = np.full((40, 1), 5)
    neighbours[5] = 20
    density = LatentDensity(
        latents=numbers[:, None].astype(np.float32),
        path_lengths=np.array([20, 20]),
        neighbours=neighbours,
        neighbour_distances=np.zeros((40, 1), np.float32),
        config=DensityConfig(num_neighbours=1, min_run_steps=1),
    )
    visited = places(density, 2000)
    jumps = {(a, b) for a, b in zip(visited[:-1].tolist(), visited[1:].tolist(), strict=True) if b != a + 1}
    # 5 and 20 are neighbours of each other, and what is due before a jump may be either start.
    assert jumps <= {(19, 0), (19, 20), (39, 0), (39, 20), (4, 20), (39, 5), (19, 5)}
    assert (4, 20) in jumps


SHIPPED = DensityConfig().jump_scale


@pytest.mark.parametrize(("min_run_steps", "jump_scale"), [(1, 0.7), (2, 0.7), (5, 0.7), (2, SHIPPED), (5, SHIPPED)])
@pytest.mark.parametrize("silent_steps", [(0, 0), (2, 3), (2, 12)])
def test_a_long_walk_spends_its_time_as_the_corpus_does(
    min_run_steps: int, jump_scale: float, silent_steps: tuple[int, int]
):
    lengths = tuple(int(length) for length in rng(9).integers(20, 60, 12))
    density = fit_density(
        with_silence(wandering_paths(lengths), *silent_steps),
        DensityConfig(min_run_steps=min_run_steps, jump_scale=jump_scale),
    )
    num_steps = 100_000
    visits = np.bincount(places(density, num_steps, seed=1), minlength=len(density.latents))
    expected = num_steps / len(density.latents)
    # Chi-square over its degrees of freedom is about 1 for independent visits. Walks that skip from what cannot be
    # jumped back to reach 60, walks that never leave a start 6.
    assert ((visits - expected) ** 2 / expected).sum() / (len(visits) - 1) < 2.0
    assert visits.min() > 0.5 * expected
    assert visits.max() < 1.5 * expected


def test_half_of_all_walks_begin_where_a_recording_does_and_the_rest_with_a_second_of_it_to_come():
    density = fit_density(wandering_paths((300,)))
    firsts = np.array([places(density, 100, seed)[0] for seed in range(1000)])
    assert stats.binomtest(int((firsts == 0).sum()), 1000, 0.5 + 0.5 / 277).pvalue > 1e-3
    assert firsts.max() == 300 - 24


@pytest.mark.parametrize("num_steps", [1, 3, 200])
def test_no_walk_begins_and_no_anchor_lies_in_the_silence_around_a_recording(num_steps: int):
    paths = with_silence(wandering_paths((40, 1, 90)), 2, 1)
    density = replace(fit_density(paths), config=DensityConfig(lead_steps=2, tail_steps=1))
    silent = {0, 1, 42, 43, 44, 46, 47, 48, 139}
    firsts = {int(places(density, num_steps, seed)[0]) for seed in range(300)}
    assert firsts.isdisjoint(silent)
    assert {2, 45, 49} <= firsts
    anchors = density.draw_anchors(2000, np.random.default_rng(0))
    drawn = {int(np.flatnonzero((density.latents == anchor).all(axis=1))[0]) for anchor in anchors}
    assert drawn.isdisjoint(silent)
    assert len(drawn) == len(density.latents) - len(silent)


def test_a_walk_longer_than_its_first_recording_begins_with_its_attack():
    density = fit_density(wandering_paths((5, 8, 3)))
    firsts = {int(places(density, 40, seed)[0]) for seed in range(100)}
    assert firsts == {0, 5, 13}


def test_longer_recordings_are_begun_more_often():
    density = fit_density(wandering_paths((300, 100)))
    began_in_first = sum(places(density, 1, seed)[0] < 300 for seed in range(1000))
    assert stats.binomtest(began_in_first, 1000, 0.75).pvalue > 1e-3


@pytest.mark.parametrize("lengths", [(1,), (2,), (1, 1), (1, 1, 1, 1, 1), (13,), (14,), (20,), (26,), (3, 1, 1)])
@pytest.mark.parametrize("mix", [0.0, 0.7])
def test_the_smallest_corpora_can_be_walked(lengths: tuple[int, ...], mix: float):
    density = fit_density(wandering_paths(lengths), DensityConfig(mix=mix, min_run_steps=1))
    walked = density.walk(200, rng())
    assert walked.shape == (4, 200)
    assert np.isfinite(walked).all()
    if mix == 0.0:
        assert_every_step_is_explained(density, places(density, 200))
        assert set(places(density, 2000).tolist()) == set(range(sum(lengths)))


def test_one_recording_without_any_neighbour_is_played_again_and_again():
    visited = places(fit_density(wandering_paths((10,)), DensityConfig(min_run_steps=1)), 95)
    np.testing.assert_array_equal(visited, (visited[0] + np.arange(95)) % 10)


@pytest.mark.parametrize("num_steps", [5, 100])
def test_a_corpus_of_one_latent_repeated_can_be_walked(num_steps: int):
    density = fit_density([np.full((num_steps, 3), 0.5, np.float32), np.full((num_steps, 3), 0.5, np.float32)])
    np.testing.assert_array_equal(density.walk(50, rng()), np.full((3, 50), 0.5))


def test_the_same_recording_twice_can_be_walked():
    path = wandering_paths((50,))[0]
    density = fit_density([path, path], DensityConfig(min_run_steps=1))
    walked = density.walk(500, rng())
    assert {step.tobytes() for step in walked.T} <= {step.tobytes() for step in path}
    assert density.neighbour_distances[:, 0].max() == 0.0


@pytest.mark.parametrize("mix", [0.2, 1.0])
def test_a_mixed_step_lies_between_a_step_and_one_of_its_neighbours(mix: float):
    density = fit_density(wandering_paths((30, 40, 20)), DensityConfig(mix=mix, num_neighbours=4))
    ends = density.latents[density.neighbours].astype(np.float64)
    begins = density.latents[:, None].astype(np.float64)
    towards = ends - begins
    mixed_at_all = 0
    for point in density.walk(300, rng()).T.astype(np.float64):
        share = ((point - begins) * towards).sum(-1) / (towards**2).sum(-1)
        away = np.linalg.norm(begins + share[..., None] * towards - point, axis=-1)
        on_segment = (away < 1e-5) & (share > -1e-5) & (share < mix + 1e-5)
        assert on_segment.any()
        mixed_at_all += share[on_segment].max() > 0.1 * mix
    assert mixed_at_all > 150


def test_without_mixing_every_step_is_of_the_corpus():
    density = fit_density(wandering_paths((30, 40)), DensityConfig(mix=0.0))
    known = {latent.tobytes() for latent in density.latents}
    assert {step.tobytes() for step in density.walk(500, rng()).T} <= known


@given(num_steps=st.integers(1, 60), seed=st.integers(0, 2**63), mix=st.sampled_from([0.0, 0.5]))
@settings(deadline=None, max_examples=50)
def test_a_walk_has_the_shape_promised_and_the_same_generator_gives_the_same_walk(
    num_steps: int, seed: int, mix: float
):
    density = fit_density(wandering_paths((9, 14)), DensityConfig(mix=mix))
    walked = density.walk(num_steps, rng(seed))
    assert walked.shape == (4, num_steps)
    assert walked.dtype == np.float32
    assert walked.flags.c_contiguous
    np.testing.assert_array_equal(walked, density.walk(num_steps, rng(seed)))


@given(
    paths=st.lists(
        arrays(np.float32, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-5, 5, width=16)),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=60)
def test_any_latents_give_a_walk_within_their_bounds(paths: list[np.ndarray]):
    latents = np.concatenate(paths)
    density = fit_density(paths, DensityConfig(mix=0.5, min_run_steps=1))
    walked = density.walk(40, rng()).T
    assert (walked >= latents.min(axis=0) - 1e-5).all()
    assert (walked <= latents.max(axis=0) + 1e-5).all()


def test_another_seed_is_another_walk():
    density = fit_density(wandering_paths((60, 80)))
    assert not np.array_equal(density.walk(100, rng(1)), density.walk(100, rng(2)))


def test_no_global_random_state_is_read_or_changed():
    density = fit_density(wandering_paths((60, 80)))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - shows that it is left alone
    density.walk(100, rng(1))
    density.draw_anchors(100, rng(1))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002 - as above


# ---- anchors


def test_anchors_are_steps_of_the_corpus_each_as_likely():
    density = fit_density(wandering_paths((13, 2, 25)))
    anchors = density.draw_anchors(20_000, rng())
    assert anchors.shape == (20_000, 4)
    assert anchors.dtype == np.float32
    number_of = {latent.tobytes(): number for number, latent in enumerate(density.latents)}
    counts = np.bincount([number_of[anchor.tobytes()] for anchor in anchors], minlength=40)
    assert stats.chisquare(counts).pvalue > 1e-3
    np.testing.assert_array_equal(anchors, density.draw_anchors(20_000, rng()))


def test_without_a_density_of_its_own_a_model_draws_from_the_standard_normal():
    normal = StandardNormal(3)
    anchors = normal.draw_anchors(5000, rng())
    assert anchors.shape == (5000, 3)
    assert stats.kstest(anchors.ravel(), "norm").pvalue > 1e-3


def test_a_walk_without_a_density_holds_each_draw_for_about_a_second():
    for num_steps in (1, 7, 100):
        walked = StandardNormal(3).walk(num_steps, rng())
        assert walked.shape == (3, num_steps)
        assert walked.dtype == np.float32
        held_steps = np.diff(np.flatnonzero(np.any(np.diff(walked, axis=1, prepend=np.inf), axis=0)))
        held_s = held_steps * STEP_SAMPLES / SAMPLE_RATE
        assert len(held_steps) == num_steps // 24
        assert ((held_s > 0.8) & (held_s < 1.3)).all()


# ---- encoding a recording


def test_a_latent_path_is_the_encoding_of_the_recording_between_silences():
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_fft=512, hop_length=128, n_mels=16))
    model = ConvVAE(VAEConfig(n_mels=16, latent_dim=5, width=8, frames_per_step=4))
    audio = noise(5000)
    path = latent_path(model, spectrogram, audio)

    silence = np.zeros(4 * 128, np.float32)
    padded = np.concatenate([silence] * LEAD_STEPS + [audio] + [silence] * TAIL_STEPS)
    with torch.no_grad():
        mean, _ = model.encode(spectrogram.waveform_to_mel(torch.from_numpy(padded)))
    np.testing.assert_array_equal(path, mean[0].T.numpy())
    assert path.dtype == np.float32
    assert path.shape == (model.num_steps(spectrogram.num_frames(len(padded))), 5)


def test_a_long_recording_is_encoded_as_in_one_pass():
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_fft=512, hop_length=128, n_mels=16))
    model = ConvVAE(VAEConfig(n_mels=16, latent_dim=5, width=8, frames_per_step=4))
    audio = noise(1300 * 4 * 128)
    padded = np.pad(audio, (LEAD_STEPS * 4 * 128, TAIL_STEPS * 4 * 128))
    with torch.no_grad():
        mean, _ = model.encode(spectrogram.waveform_to_mel(torch.from_numpy(padded)))
    np.testing.assert_allclose(latent_path(model, spectrogram, audio), mean[0].T, atol=1e-5, rtol=1e-5)


def test_a_recording_of_one_sample_has_a_latent_path():
    spectrogram = AudioSpectrogram(SpectrogramConfig(n_fft=512, hop_length=128, n_mels=16))
    path = latent_path(ConvVAE(VAEConfig(n_mels=16, width=8)), spectrogram, np.ones(1, np.float32))
    assert len(path) >= LEAD_STEPS + TAIL_STEPS
    assert np.isfinite(fit_density([path]).walk(20, rng())).all()


# ---- what is refused


def test_no_recordings_are_refused():
    with pytest.raises(InvalidConfigError, match="paths is empty"):
        fit_density([])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_neighbours", 0),
        ("num_neighbours", 65),
        ("jump_scale", -0.1),
        ("jump_scale", float("nan")),
        ("jump_scale", float("inf")),
        ("min_run_steps", 0),
        ("min_run_steps", 10_001),
        ("mix", -0.1),
        ("mix", 1.1),
        ("mix", float("nan")),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be "):
        fit_density(wandering_paths((5,)), DensityConfig(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latents", np.zeros((0, 2), np.float32)),
        ("latents", np.zeros(6, np.float32)),
        ("latents", np.float32(1.0) * np.ones(())),
        ("latents", np.full((6, 2), np.nan, np.float32)),
        ("path_lengths", np.array([3, 2])),
        ("path_lengths", np.array([3, 0, 3])),
        ("path_lengths", np.array([8, -2])),
        ("path_lengths", np.array([[6]])),
        ("neighbours", np.zeros((5, 1), np.int64)),
        ("neighbours", np.full((6, 1), 6)),
        ("neighbours", np.full((6, 1), -1)),
        ("neighbours", np.zeros(6, np.int64)),
        ("neighbours", np.zeros((6, 0), np.int64)),
        ("neighbour_distances", np.zeros((6, 2), np.float32)),
        ("neighbour_distances", np.full((6, 1), np.inf, np.float32)),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(field: str, value: np.ndarray):
    fitting = {
        "latents": np.zeros((6, 2), np.float32),
        "path_lengths": np.array([4, 2]),
        "neighbours": np.zeros((6, 1), np.int64),
        "neighbour_distances": np.zeros((6, 1), np.float32),
    }
    LatentDensity(**fitting)
    with pytest.raises(ModelDamagedError, match="train the model again"):
        LatentDensity(**{**fitting, field: value})
