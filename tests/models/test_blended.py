"""Two models as one: at either end the one, between them one sound with the power of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from small_dataset_audio.models.blended import BlendedAutoencoder, BlendedDensity, blend_mels, level_gains
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import StandardNormal
from small_dataset_audio.models.draws import SpreadDraws
from tiny import narrow_model

FLOOR = -5.0
weights = st.floats(0.0, 1.0)
mels = st.integers(0, 2**32 - 1).map(
    lambda seed: torch.from_numpy(np.random.default_rng(seed).uniform(FLOOR, 0.0, (1, 1, 16, 5)).astype(np.float32))
)


def power(mel: torch.Tensor) -> torch.Tensor:
    return (10.0 ** (2.0 * mel.double())).sum(dim=-2)


@given(mels, mels)
def test_at_both_ends_a_blend_is_the_one_exactly(first: torch.Tensor, second: torch.Tensor):
    torch.testing.assert_close(blend_mels(first, second, 0.0), first, rtol=0, atol=1e-6)
    torch.testing.assert_close(blend_mels(first, second, 1.0), second, rtol=0, atol=1e-6)


@given(mels, mels, weights)
def test_the_power_of_each_moment_is_the_weighted_sum_of_both(first: torch.Tensor, second: torch.Tensor, weight: float):
    expected = (1.0 - weight) * power(first) + weight * power(second)
    torch.testing.assert_close(power(blend_mels(first, second, weight)), expected, rtol=1e-4, atol=0)


@given(mels, mels, weights)
def test_it_does_not_matter_which_is_called_the_first(first: torch.Tensor, second: torch.Tensor, weight: float):
    swapped = blend_mels(second, first, 1.0 - weight)
    torch.testing.assert_close(blend_mels(first, second, weight), swapped, rtol=0, atol=1e-4)


@given(mels, weights)
def test_a_sound_blended_with_itself_is_itself(mel: torch.Tensor, weight: float):
    torch.testing.assert_close(blend_mels(mel, mel, weight), mel, rtol=0, atol=1e-5)


@given(mels, st.floats(0.01, 0.99))
def test_beside_a_pause_the_other_sounds_as_it_does_alone(mel: torch.Tensor, weight: float):
    """Its spectrum keeps its shape, where a plain mean of logarithms would fill its gaps with the floor of the pause."""
    loud = mel.clone()
    loud[..., 3, :] = 0.0
    blended = blend_mels(loud, torch.full_like(mel, FLOOR), weight)
    expected = loud + 0.5 * np.log10(1.0 - weight)
    torch.testing.assert_close(blended, expected, rtol=0, atol=1e-3)


def test_between_two_equal_powers_each_band_lies_between_those_of_both():
    first, second = torch.full((1, 1, 4, 1), -2.0), torch.full((1, 1, 4, 1), -2.0)
    first[0, 0, 0], second[0, 0, 3] = -1.0, -1.0
    blended = blend_mels(first, second, 0.5)[0, 0, :, 0]
    assert blended[0] == pytest.approx(float(blended[3]))
    assert -2.0 < float(blended[0]) < -1.0
    assert float(blended[1]) > -2.0  # louder there, since the power of the peaks went somewhere


# --- the models ---

FIRST, SECOND = narrow_model(seed=1, latent_dim=4), narrow_model(seed=2, latent_dim=6)


def test_each_half_of_the_latents_is_decoded_by_its_own_model():
    z = torch.randn(2, 10, 7, generator=torch.Generator().manual_seed(0))
    blended = BlendedAutoencoder(FIRST, SECOND, 0.3, gains=(0.1, -0.2))
    assert blended.latent_dim == blended.config.latent_dim == 10
    with torch.inference_mode():
        expected = blend_mels(FIRST.decode(z[:, :4]) + 0.1, SECOND.decode(z[:, 4:]) - 0.2, 0.3)
        torch.testing.assert_close(blended.decode(z), expected)
        mean, variance = blended.encode(expected[:1])
        assert mean.shape == variance.shape == (1, 10, 7)
        torch.testing.assert_close(mean[:, 4:], SECOND.encode(expected[:1])[0])


@pytest.mark.parametrize("voices", [1, 2])
def test_each_walks_as_it_would_alone(voices: int):
    first, second = StandardNormal(4), StandardNormal(6)
    style = WalkStyle(voices=voices)
    walk = BlendedDensity(first, second).walk(50, np.random.default_rng(3), style, SpreadDraws(3))
    latents = walk.latents(10, 40)
    assert not walk.can_be_played
    for density, half in ((first, latents[:, :4]), (second, latents[:, 4:])):
        alone = density.walk(50, np.random.default_rng(3), style, SpreadDraws(3)).latents(10, 40)
        np.testing.assert_array_equal(half, alone)


def test_anchors_are_those_of_each_alone():
    anchors = BlendedDensity(StandardNormal(4), StandardNormal(6)).draw_anchors(5, np.random.default_rng(3))
    np.testing.assert_array_equal(anchors[:, 4:], StandardNormal(6).draw_anchors(5, np.random.default_rng(3)))


def test_levels_meet_between_the_two():
    device = torch.device("cpu")
    loud, quiet = (narrow_model(seed=1, mel_mean=mean) for mean in (-2.0, -3.0))
    pairs = [(model, StandardNormal(model.latent_dim)) for model in (loud, quiet)]
    gains = level_gains(*pairs, 0.25, device)
    assert gains[0] == pytest.approx(-0.25, abs=1e-4)
    assert gains[1] == pytest.approx(0.75, abs=1e-4)
