from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from small_dataset_audio.constants import HOP_LENGTH, SAMPLE_RATE
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.decoding import decode_trajectory
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.vae import ConvVAE, empty_model

TINY = VAEConfig(n_mels=16, latent_dim=4, width=16, frames_per_step=4, mel_mean=-2.0, mel_std=0.5)

each_step_size = pytest.mark.parametrize("frames_per_step", [1, 2, 4, 8])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build(config: VAEConfig = TINY, seed: int = 0) -> ConvVAE:
    """A model that does something: the last layers of its residual blocks start at zero, here they do not."""
    model = ConvVAE(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 1 / np.sqrt(max(parameter[0].numel(), 1)) if parameter.ndim > 1 else 0.1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return model.eval()


def mel_frames(frames: int, batch: int = 1, seed: int = 0) -> Tensor:
    return draw(batch, 1, TINY.n_mels, frames, seed=seed) * 0.5 - 2.0


@each_step_size
def test_every_number_of_frames_is_covered_by_whole_steps_and_comes_back(frames_per_step: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    for frames in range(1, 41):
        mean, log_variance = model.encode(mel_frames(frames, batch=2))
        steps = int(np.ceil(frames / frames_per_step))
        assert model.num_steps(frames) == steps
        assert mean.shape == log_variance.shape == (2, TINY.latent_dim, steps)
        assert model.decode(mean).shape == (2, 1, TINY.n_mels, steps * frames_per_step)
        assert model.decode(mean, (TINY.n_mels, frames)).shape == (2, 1, TINY.n_mels, frames)


def test_by_default_a_latent_comes_every_40_to_90_ms():
    assert 0.040 <= VAEConfig().frames_per_step * HOP_LENGTH / SAMPLE_RATE <= 0.090


def test_a_broken_step_is_filled_by_holding_the_last_frame():
    model, mel = build(), mel_frames(6)
    held = torch.cat([mel, mel[..., -1:], mel[..., -1:]], dim=-1)
    for given, filled in zip(model.encode(mel), model.encode(held), strict=True):
        torch.testing.assert_close(given, filled)


def test_a_target_shape_cuts_what_is_too_long():
    model, z = build(), draw(1, 4, 9)
    torch.testing.assert_close(model.decode(z, (16, 30)), model.decode(z)[..., :30])


def test_a_target_shape_holds_the_last_step_where_the_trajectory_is_too_short():
    model, z = build(), draw(1, 4, 3)
    held = torch.cat([z, z[..., -1:].expand(-1, -1, 5)], dim=-1)
    torch.testing.assert_close(model.decode(z, (16, 29)), model.decode(held)[..., :29])


def test_latents_without_a_time_axis_are_one_step_held():
    model, z = build(), draw(3, 4)
    torch.testing.assert_close(model.decode(z), model.decode(z[..., None]))
    torch.testing.assert_close(model.decode(z, (16, 22)), model.decode(z[..., None].expand(-1, -1, 6))[..., :22])


@each_step_size
@pytest.mark.parametrize("steps", [1, 7, 255, 256, 257, 600])
def test_decoding_block_by_block_equals_decoding_in_one_pass(frames_per_step: int, steps: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    trajectory = draw(4, steps)
    frames = steps * frames_per_step - (frames_per_step - 1)
    with torch.inference_mode():
        in_one_pass = model.decode(trajectory[None], (16, frames))
    in_blocks = decode_trajectory(model, trajectory.numpy(), (16, frames), "cpu")
    torch.testing.assert_close(in_blocks, in_one_pass, atol=1e-5, rtol=1e-5)


@each_step_size
@pytest.mark.parametrize("steps", [1, 511, 512, 513, 520, 1030])
def test_a_recording_encoded_block_by_block_is_as_encoded_in_one_pass(frames_per_step: int, steps: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    for frames in {steps * frames_per_step, steps * frames_per_step - (frames_per_step - 1)}:
        mel = mel_frames(frames, batch=2)
        in_blocks = model.encode_recording(mel)
        torch.testing.assert_close(in_blocks, model.encode(mel)[0].detach(), atol=1e-5, rtol=1e-5)
        assert not in_blocks.requires_grad


@each_step_size
@pytest.mark.parametrize("steps", [511, 512, 513, 528, 1040])
def test_a_recording_autoencoded_block_by_block_is_as_in_one_pass(frames_per_step: int, steps: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    for frames in {steps * frames_per_step, steps * frames_per_step - (frames_per_step - 1)}:
        mel = mel_frames(frames)
        torch.testing.assert_close(model.autoencode(mel), model(mel)[0].detach(), atol=1e-5, rtol=1e-5)


@each_step_size
def test_a_frame_is_encoded_within_six_steps_and_no_farther(frames_per_step: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    mel = mel_frames(40 * frames_per_step)
    changed = mel.clone()
    changed[..., 20 * frames_per_step : 21 * frames_per_step] += 1.0
    touched = (model.encode(mel)[0] - model.encode(changed)[0]).abs().amax(dim=(0, 1)) > 0
    first, last = np.flatnonzero(touched.detach().numpy())[[0, -1]]
    assert 20 - 6 < first <= 20 <= last < 20 + 6


@each_step_size
def test_a_latent_is_heard_within_six_steps_and_no_farther(frames_per_step: int):
    model = build(replace(TINY, frames_per_step=frames_per_step))
    z = draw(1, 4, 40)
    changed = z.clone()
    changed[..., 20] += 1.0
    touched = (model.decode(z) - model.decode(changed)).abs().amax(dim=(0, 1, 2)) > 0
    first, last = np.flatnonzero(touched.numpy())[[0, -1]]
    assert first > (20 - 6) * frames_per_step
    assert last < (21 + 6) * frames_per_step
    assert touched[20 * frames_per_step : 21 * frames_per_step].all()


@each_step_size
def test_every_layer_is_built_in_the_constructor(frames_per_step: int):
    model = ConvVAE(replace(TINY, frames_per_step=frames_per_step))
    before = {name: value.shape for name, value in model.state_dict().items()}
    assert not any(isinstance(parameter, nn.UninitializedParameter) for parameter in model.parameters())
    model(mel_frames(13), noise=None)
    model.decode(model.encode(mel_frames(9))[0])
    model.sample(2)
    assert {name: value.shape for name, value in model.state_dict().items()} == before


def test_every_weight_takes_part_in_training():
    model, mel = build(), mel_frames(16, batch=2)
    reconstruction, mean, log_variance = model(mel, noise=draw(2, 4, 4))
    (reconstruction.abs().mean() + mean.square().mean() + log_variance.square().mean()).backward()
    without = [
        name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


def test_each_clip_of_a_batch_is_encoded_and_decoded_by_itself():
    model = build().train()  # also while training: nothing is normalised over the batch
    mel = mel_frames(24, batch=5)
    together = torch.cat(model.encode(mel), dim=1)
    alone = torch.cat([torch.cat(model.encode(row), dim=1) for row in mel.split(1)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    z = draw(5, 4, 6)
    torch.testing.assert_close(model.decode(z), torch.cat([model.decode(row) for row in z.split(1)]))


def test_encoding_takes_out_the_scale_of_the_corpus_and_decoding_puts_it_back():
    plain, scaled = build(replace(TINY, mel_mean=0.0, mel_std=1.0)), build(replace(TINY, mel_mean=-3.0, mel_std=0.25))
    mel = draw(1, 1, 16, 12)
    torch.testing.assert_close(scaled.encode(mel * 0.25 - 3.0)[0], plain.encode(mel)[0], atol=1e-5, rtol=1e-5)
    z = draw(1, 4, 3)
    torch.testing.assert_close(scaled.decode(z), plain.decode(z) * 0.25 - 3.0)


def test_without_noise_the_mean_is_decoded():
    model, mel = build(), mel_frames(10)
    reconstruction, mean, log_variance = model(mel)
    expected = model.encode(mel)
    assert torch.equal(mean, expected[0])
    assert torch.equal(log_variance, expected[1])
    assert torch.equal(reconstruction, model.decode(mean, (16, 10)))


def test_autoencoding_is_the_way_there_and_back_without_noise_and_without_gradients():
    model, mel = build(), mel_frames(11)
    rebuilt = model.autoencode(mel)
    assert torch.equal(rebuilt, model(mel)[0])
    assert rebuilt.shape == mel.shape
    assert not rebuilt.requires_grad


def test_an_empty_model_has_every_weight_and_draws_none():
    before = torch.get_rng_state()
    empty = empty_model(TINY)
    assert torch.equal(torch.get_rng_state(), before)
    filled = build()
    empty.load_state_dict(filled.state_dict())
    assert torch.equal(empty.decode(draw(1, 4, 3)), filled.decode(draw(1, 4, 3)))
    assert all(parameter.device.type == "cpu" for parameter in empty.parameters())


def test_noise_moves_the_latent_by_its_own_deviation():
    model, mel, noise = build(), mel_frames(12), draw(1, 4, 3, seed=5)
    reconstruction, mean, log_variance = model(mel, noise)
    deviation = log_variance.exp().sqrt()
    torch.testing.assert_close(reconstruction, model.decode(mean + deviation * noise, (16, 12)))
    assert not torch.allclose(reconstruction, model(mel)[0], atol=1e-3)


def test_log_variances_stay_where_training_cannot_blow_up():
    model = build()
    with torch.no_grad():
        for parameter in model.encoder[-1].parameters():
            parameter.mul_(1e6)
    _, log_variance = model.encode(mel_frames(400))
    assert log_variance.min() == -12.0
    assert log_variance.max() == 4.0


def test_a_sample_is_a_draw_held_still():
    model = build()
    made = model.sample(3, steps=20, generator=torch.Generator().manual_seed(4))
    anchors = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(made, model.decode(anchors, (16, 80)))
    middle = made[..., 28:52]  # out of reach of both ends
    torch.testing.assert_close(middle, middle[..., :4].repeat(1, 1, 1, 6), atol=1e-5, rtol=1e-5)


def test_without_a_generator_a_sample_is_always_the_same():
    model = build()
    assert torch.equal(model.sample(2), model.sample(2))
    assert not torch.equal(model.sample(2), model.sample(2, generator=torch.Generator().manual_seed(1)))


def test_no_global_random_state_is_changed_by_use():
    model = build()
    before = torch.get_rng_state()
    model(mel_frames(9))
    model.sample(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_learns_two_clips_by_heart():
    model = build(replace(TINY, width=32))
    frames = torch.arange(32)
    bands = torch.arange(16)[:, None]
    mel = torch.stack([torch.sin(frames / 3 + bands), torch.cos(frames / 5 - bands / 2)])[:, None] * 0.5 - 2.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (model(mel)[0] - mel).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.35 * losses[0]


@pytest.mark.parametrize("shape", [(1, 3, 5), (1, 5), (4,), (1, 4, 0), (1, 1, 4, 5)])
def test_latents_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(InvalidConfigError, match=r"z has shape .*; it must be \(batch, 4, steps\)") as caught:
        build().decode(torch.zeros(shape))
    assert str(shape) in str(caught.value)


def test_a_target_of_another_number_of_bands_is_refused():
    with pytest.raises(InvalidConfigError, match="asks for 17 mel bands; this model has 16"):
        build().decode(torch.zeros(1, 4, 3), (17, 12))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_mels", 7),
        ("n_mels", 513),
        ("latent_dim", 0),
        ("latent_dim", 1025),
        ("width", 7),
        ("width", 2049),
        ("frames_per_step", 0),
        ("frames_per_step", 3),
        ("frames_per_step", 16),
        ("mel_mean", -20.5),
        ("mel_mean", 5.5),
        ("mel_mean", float("nan")),
        ("mel_std", 0.0),
        ("mel_std", -1.0),
        ("mel_std", float("inf")),
        ("mel_std", float("nan")),
    ],
)
def test_a_size_out_of_range_is_refused_with_its_name_and_value(field: str, value: float):
    with pytest.raises(InvalidConfigError, match=f"^{field} is {value}; it must be "):
        ConvVAE(replace(TINY, **{field: value}))
