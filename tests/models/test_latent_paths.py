"""From recordings to a latent density: paths, neighbours, partners."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edges import noise
from models.latents import rng, wandering_paths
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models import ConvVAE, DensityConfig, VAEConfig, fit_density, latent_path
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.latent_paths import _EXCLUDED_STEPS, _PARTNER_STEPS, LEAD_STEPS, TAIL_STEPS


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
    density = fit_density(wandering_paths((length,)), DensityConfig(num_neighbours=8))
    np.testing.assert_array_equal(density.neighbours, np.tile(np.arange(length)[:, None], (1, 8)))
    visited = density.walk(300, rng(), WalkStyle(jump_scale=100.0)).rows[0]
    np.testing.assert_array_equal(np.diff(visited) % length, 1 % length)


def test_the_latents_and_lengths_are_stored_as_they_came():
    paths = wandering_paths((5, 1, 9))
    density = fit_density(paths)
    np.testing.assert_array_equal(density.latents, np.concatenate(paths))
    np.testing.assert_array_equal(density.path_lengths, [5, 1, 9])
    assert density.latent_dim == 4
    assert density.latents.dtype == density.neighbour_distances.dtype == np.float32


def brute_partners(paths: list[np.ndarray], step: int, count: int) -> list[int]:
    """Places from which on six steps, the last of a recording held, differ least from those of `step`."""
    unfolded = []
    for number, path in enumerate(paths):
        for here in range(len(path)):
            ahead = [path[min(here + i, len(path) - 1)] for i in range(6)]
            unfolded.append((number, here, np.concatenate(ahead).astype(np.float64)))
    own_number, own_here, own = unfolded[step]
    allowed = [
        (float(np.linalg.norm(development - own)), place)
        for place, (number, here, development) in enumerate(unfolded)
        if number != own_number or abs(here - own_here) > _EXCLUDED_STEPS
    ]
    return [place for _, place in sorted(allowed)[:count]]


@pytest.mark.parametrize("num_partners", [1, 2, 5])
@pytest.mark.parametrize("lengths", [(90,), (60, 1, 40, 33), (7, 9, 4, 8, 12)])
def test_partners_develop_alike_for_six_steps(lengths: tuple[int, ...], num_partners: int):
    assert _PARTNER_STEPS == 6
    paths = wandering_paths(lengths)
    density = fit_density(paths, DensityConfig(num_partners=num_partners))
    for step in range(sum(lengths)):
        expected = brute_partners(paths, step, num_partners)
        np.testing.assert_array_equal(density.partners[step][: len(expected)], expected)
        assert (density.partners[step][len(expected) :] == step).all()


def test_a_partner_goes_where_the_sound_goes_and_not_where_it_only_is():
    # Step 0 of the first recording has a twin in the second, which develops otherwise; the third stays a little beside it.
    line = np.arange(8, dtype=np.float32)
    paths = [np.stack([line, line], axis=1), np.stack([line, -3 * line], axis=1), np.stack([line, line + 0.5], axis=1)]
    density = fit_density(paths, DensityConfig(num_neighbours=1, num_partners=1))
    assert density.neighbours[0, 0] == 8
    assert density.partners[0, 0] == 16


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
    assert np.isfinite(fit_density([path]).walk(20, rng()).latents(0, 20)).all()


def test_no_recordings_are_refused():
    with pytest.raises(InvalidConfigError, match="paths is empty"):
        fit_density([])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_neighbours", 0),
        ("num_neighbours", 65),
        ("num_partners", 0),
        ("num_partners", 65),
        ("min_run_steps", 0),
        ("min_run_steps", 10_001),
        ("recording_weight", -0.1),
        ("recording_weight", 1.1),
        ("recording_weight", float("nan")),
        ("lead_steps", -1),
        ("lead_steps", 65),
        ("tail_steps", -1),
        ("tail_steps", 65),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be "):
        fit_density(wandering_paths((5,)), DensityConfig(**{field: value}))
