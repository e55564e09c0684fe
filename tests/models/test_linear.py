from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import LinearConfig, VAEConfig
from small_dataset_audio.models.linear import LinearAutoencoder, fit_linear
from small_dataset_audio.models.vae import ConvVAE

TINY = LinearConfig(n_mels=16, latent_dim=4, frames_per_step=4, bands_pooled=2)

each_step_size = pytest.mark.parametrize("frames_per_step", [1, 2, 4, 8])


def noise(frames: int, seed: int = 0, n_mels: int = TINY.n_mels, batch: int = 1) -> Tensor:
    """Log mels whose bands go up and down on their own."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 1, n_mels, frames, generator=generator) * 0.5 - 2.0


def plane(frames: int, seed: int = 0) -> Tensor:
    """Log mels of three gestures that last a patch each: every patch lies in three dimensions (and a mean)."""
    generator = torch.Generator().manual_seed(99)
    gestures = torch.randn(3, 8, 4, generator=generator, dtype=torch.float64).repeat_interleave(2, dim=1)
    amounts = torch.randn(frames // 4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    patches = torch.einsum("sk,kbf->bsf", amounts, gestures) - 2.0
    return patches.reshape(1, 1, 16, frames).float()


def fit(config: LinearConfig = TINY, frames: int = 400) -> LinearAutoencoder:
    return fit_linear([noise(frames, seed, config.n_mels) for seed in range(3)], config)[0]


# --- the face of every autoencoder ---


@pytest.mark.parametrize("kind", [ConvVAE, LinearAutoencoder])
def test_both_kinds_take_what_the_protocol_says(kind: type):
    names = [name for name, member in vars(Autoencoder).items() if inspect.isfunction(member) and name[0] != "_"]
    assert {"encode", "decode", "sample", "num_steps", "encode_recording", "autoencode"} < set(names)
    for name in set(names) - {"to", "eval", "state_dict"}:  # these are torch's own
        assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(Autoencoder, name)), name


def test_both_kinds_cut_time_into_the_same_steps():
    assert LinearConfig().frames_per_step == VAEConfig().frames_per_step
    assert LinearConfig().n_mels == VAEConfig().n_mels


@each_step_size
def test_every_number_of_frames_is_covered_by_whole_steps_and_comes_back(frames_per_step: int):
    model = fit(replace(TINY, frames_per_step=frames_per_step))
    for frames in range(1, 20):
        latents, log_variance = model.encode(noise(frames, batch=2))
        steps = int(np.ceil(frames / frames_per_step))
        assert model.num_steps(frames) == steps
        assert latents.shape == log_variance.shape == (2, TINY.latent_dim, steps)
        assert model.decode(latents).shape == (2, 1, TINY.n_mels, steps * frames_per_step)
        assert model.decode(latents, (TINY.n_mels, frames)).shape == (2, 1, TINY.n_mels, frames)
        assert model.autoencode(noise(frames, batch=2)).shape == (2, 1, TINY.n_mels, frames)


def test_a_broken_step_is_filled_by_holding_the_last_frame():
    model, mel = fit(), noise(6)
    held = torch.cat([mel, mel[..., -1:], mel[..., -1:]], dim=-1)
    torch.testing.assert_close(model.encode(mel)[0], model.encode(held)[0])


def test_one_vector_is_one_step_held():
    model = fit()
    z = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.decode(z, (16, 12)), model.decode(z[..., None].expand(-1, -1, 3)))


@pytest.mark.parametrize("shape", [(1, 5, 3), (1, 4, 0), (4,), (1, 4, 3, 1)])
def test_latents_of_another_shape_are_refused_with_their_shape(shape: tuple[int, ...]):
    with pytest.raises(InvalidConfigError, match=rf"z has shape \({shape[0]}"):
        fit().decode(torch.zeros(shape))


def test_another_number_of_bands_is_refused():
    with pytest.raises(InvalidConfigError, match="asks for 17 mel bands; this model has 16"):
        fit().decode(torch.zeros(1, 4, 2), (17, 8))
    with pytest.raises(InvalidConfigError, match="a mel has 17 bands; n_mels is 16"):
        fit_linear([noise(8, n_mels=17)], TINY)


def test_what_is_encoded_in_blocks_is_what_is_encoded_at_once():
    model, mel = fit(), noise(4 * 1100 + 3)
    torch.testing.assert_close(model.encode_recording(mel), model.encode(mel)[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(model.autoencode(mel), model(mel)[0], rtol=0, atol=1e-5)


# --- what is fitted ---


def test_patches_that_lie_in_fewer_dimensions_than_there_are_latents_come_back_whole():
    mels = [plane(200, seed) for seed in range(3)]
    model, loss = fit_linear(mels, TINY)
    assert loss < 1e-3
    for mel in mels:
        torch.testing.assert_close(model.autoencode(mel), mel, rtol=0, atol=1e-4)


def test_without_pooling_the_components_are_those_of_the_singular_value_decomposition():
    config = replace(TINY, bands_pooled=1)
    mels = [noise(400, seed) * torch.linspace(1.0, 3.0, 16)[:, None] for seed in range(3)]
    model, loss = fit_linear(mels, config)
    patches = torch.cat(
        [mel[0, 0, :, start : start + 4].reshape(1, 64) for mel in mels for start in range(0, 400, 4)]
    ).double()
    centred = patches - patches.mean(dim=0)
    _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
    torch.testing.assert_close(model.spread.double(), values[:4] / len(patches) ** 0.5, rtol=1e-4, atol=0)
    alignment = (model.analysis.double() * vectors[:4]).sum(dim=1).abs()
    torch.testing.assert_close(alignment, torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-4)
    left_out = (centred - centred @ vectors[:4].T @ vectors[:4]).square().mean().sqrt()
    assert loss == pytest.approx(float(left_out / patches.std(correction=0)), rel=1e-4)


def test_no_other_way_back_comes_closer():
    mels = [noise(400, seed) for seed in range(3)]
    model, _ = fit_linear(mels, TINY)
    mel = torch.cat(mels, dim=-1)
    best = (model.autoencode(mel) - mel).square().mean()
    for seed in range(5):
        other = LinearAutoencoder(TINY)
        other.load_state_dict(model.state_dict())
        other.synthesis += 0.01 * torch.randn(other.synthesis.shape, generator=torch.Generator().manual_seed(seed))
        assert (other.autoencode(mel) - mel).square().mean() > best


def test_the_distance_of_latents_is_the_distance_of_pooled_patches_where_nothing_is_left_out():
    model, _ = fit_linear([plane(200)], TINY)
    mel = plane(200)
    latents = model.encode(mel)[0][0].T
    pooled = mel[0, 0].reshape(8, 2, 50, 4).mean(dim=1).transpose(0, 1).flatten(1)
    distances = [(points[:, None] - points[None]).norm(dim=2) for points in (latents, pooled)]
    torch.testing.assert_close(*distances, rtol=1e-3, atol=1e-4)


def test_latents_have_no_mean_and_the_spread_that_is_stored():
    mels = [noise(400, seed) for seed in range(3)]
    model, _ = fit_linear(mels, TINY)
    latents = torch.cat([model.encode(mel)[0][0] for mel in mels], dim=1)
    torch.testing.assert_close(latents.mean(dim=1), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(latents.std(dim=1, correction=0), model.spread, rtol=1e-3, atol=0)


def test_a_corpus_of_one_level_comes_back_as_that_level():
    level = torch.full((1, 1, 16, 40), -5.0)
    model, loss = fit_linear([level], TINY)
    assert loss == pytest.approx(0.0, abs=1e-2)
    torch.testing.assert_close(model.autoencode(level), level, rtol=0, atol=1e-3)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_fewer_patches_than_latents_are_enough():
    model, loss = fit_linear([noise(8)], TINY)
    assert loss < 1.0
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_the_same_corpus_gives_the_same_bits():
    one, other = fit(), fit()
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_no_recordings_are_refused():
    with pytest.raises(InvalidConfigError, match="mels is empty"):
        fit_linear([], TINY)


def test_samples_have_the_spread_of_the_corpus():
    model, _ = fit_linear([plane(400)], TINY)
    made = model.sample(400, steps=1, generator=torch.Generator().manual_seed(0))
    assert made.shape == (400, 1, 16, 4)
    assert float(made.std()) == pytest.approx(float(plane(400).std()), rel=0.1)
    assert torch.equal(model.sample(2), model.sample(2))
    assert model.sample(2).shape == (2, 1, 16, 96)


def test_fitting_and_sampling_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    fit().sample(2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_mels", 4),
        ("n_mels", 1024),
        ("frames_per_step", 3),
        ("bands_pooled", 0),
        ("bands_pooled", 3),
        ("bands_pooled", 32),
        ("latent_dim", 0),
        ("latent_dim", 33),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(field: str, value: int):
    with pytest.raises(InvalidConfigError, match=f"{field} is {value}"):
        LinearAutoencoder(replace(TINY, **{field: value}))


def test_which_way_a_component_points_is_not_left_to_a_library():
    analysis = fit(replace(TINY, latent_dim=16)).analysis
    largest = analysis.gather(1, analysis.abs().argmax(dim=1, keepdim=True))
    assert (largest > 0).all()
