"""The plain recipe: what one builds first, done with care, so that the default has something fair to be measured against.

128 mels of ``log1p`` power in crops of 1 s, a variational autoencoder of 2-D convolutions (Kingma and Welling, "Auto-encoding
variational Bayes", ICLR 2014) with one latent vector a crop, draws from N(0, I), and Griffin-Lim with 64 iterations; crops
are joined by 50 ms crossfades. What is not the recipe's idea is as good as the tool's own: mels are standardised over the
corpus, the loss is the evidence lower bound of a decoder with unit variance (the one weight of the KL term for which N(0, I)
is the right density to draw from), that term is warmed up, the learning rate falls to zero as the budget ends, and phase
retrieval and the finishing of a take are the tool's.

Recordings are float32 arrays, mono, at 48 kHz.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from small_dataset_audio.audio import apply_anti_alias_filter
from small_dataset_audio.audio.phase import griffin_lim
from small_dataset_audio.inference import crossfade_chunks, peak_normalize

RATE_HZ = 48_000
N_FFT = 2048
HOP_LENGTH = 512
N_MELS = 128
CROP_FRAMES = 96
CHUNK_SAMPLES = (CROP_FRAMES - 1) * HOP_LENGTH  # 1.01 s: what 96 centred frames hold
OVERLAP_SAMPLES = 2400
GRIFFIN_LIM_ITERATIONS = 64
LATENT_DIM = 64
CHANNELS = (1, 32, 64, 128, 256)
BATCH_SIZE = 16
LEARNING_RATE = 1e-3
KL_WARMUP_SHARE = 0.3
_MEL_INVERSION_ITERATIONS = 60
_SHRINK = 2 ** (len(CHANNELS) - 1)
_BOTTOM = (CHANNELS[-1], N_MELS // _SHRINK, CROP_FRAMES // _SHRINK)


class PlainVAE(nn.Module):
    """Four strided 2-D convolutions down to one latent vector, four transposed ones back."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(CHANNELS))
        down = [_block(nn.Conv2d(wide, narrow, 3, stride=2, padding=1), narrow) for wide, narrow in pairs]
        up = [_block(nn.ConvTranspose2d(b, a, 4, stride=2, padding=1), a) for a, b in reversed(pairs[1:])]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(math.prod(_BOTTOM), 2 * LATENT_DIM))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT_DIM, math.prod(_BOTTOM)),
            nn.Unflatten(1, _BOTTOM),
            *up,
            nn.ConvTranspose2d(CHANNELS[1], 1, 4, stride=2, padding=1),
        )

    def forward(self, mel: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction, and KL divergence to N(0, I) [shape=(batch,), nats].

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, N_MELS, CROP_FRAMES), standardised]
        noise : Tensor [shape=(batch, LATENT_DIM), standard normal]
        """
        mean, log_variance = self.encoder(mel).chunk(2, dim=1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)
        return self.decoder(mean + noise * (0.5 * log_variance).exp()), kl


def _block(convolution: nn.Module, channels: int) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.LeakyReLU(0.2))


@dataclass(frozen=True)
class PlainModel:
    """A trained network and the scale of its corpus.

    Attributes
    ----------
    network : PlainVAE
    mean, deviation : float [log1p of power]
    steps : int
        Training steps it has had.
    """

    network: PlainVAE
    mean: float
    deviation: float
    steps: int


def train(
    recordings: Sequence[NDArray[np.float32]],
    budget_s: float,
    seed: int = 0,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> PlainModel:
    """Train until the budget is used, analysis of the recordings included.

    Parameters
    ----------
    recordings : sequence of ndarray [shape=(samples,), float32, at 48 kHz]
        At least one.
    budget_s : float [s]
    seed : int
    clock : callable
        Monotonic seconds; a test hands in its own.
    """
    started = clock()
    mels = [log_mel(recording) for recording in recordings]
    everything = np.concatenate(mels, axis=1)
    mean, deviation = float(everything.mean()), max(float(everything.std()), 1e-6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator; it is given back as it was
        network = PlainVAE()
    rng = np.random.default_rng(seed)
    noise_generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = 0
    while (progress := (clock() - started) / budget_s) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1.0 + math.cos(math.pi * progress))
        batch = (torch.from_numpy(draw_crops(mels, BATCH_SIZE, rng)) - mean) / deviation
        noise = torch.randn((BATCH_SIZE, LATENT_DIM), generator=noise_generator)
        reconstruction, kl = network(batch, noise)
        squared_error = (reconstruction - batch).square().sum(dim=(1, 2, 3))
        loss = (0.5 * squared_error + min(progress / KL_WARMUP_SHARE, 1.0) * kl).mean()
        optimizer.zero_grad()
        (loss / batch[0].numel()).backward()  # for each number of a crop, which Adam's epsilon is made for
        optimizer.step()
        steps += 1
    return PlainModel(network.eval(), mean, deviation, steps)


def generate(model: PlainModel, duration_s: float, seed: int) -> NDArray[np.float32]:
    """Make a take of independent draws from N(0, I).

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32, peak 0.891]
    """
    num_samples = round(duration_s * RATE_HZ)
    num_chunks = math.ceil((num_samples - OVERLAP_SAMPLES) / (CHUNK_SAMPLES - OVERLAP_SAMPLES))
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn((max(num_chunks, 1), LATENT_DIM), generator=generator)
    with torch.inference_mode():
        log_power = model.network.decoder(latents)[:, 0] * model.deviation + model.mean
        chunks = render(log_power, generator)
    joined = crossfade_chunks(list(chunks), OVERLAP_SAMPLES)
    take: NDArray[np.float32] = peak_normalize(apply_anti_alias_filter(joined, RATE_HZ)[:num_samples])
    return take


def log_mel(recording: NDArray[np.float32]) -> NDArray[np.float32]:
    """Analyse one recording [shape=(N_MELS, frames), log1p of power, at or over 0]."""
    padded = np.pad(recording, (0, max(N_FFT - len(recording), 0)))
    power = np.abs(librosa.stft(padded, n_fft=N_FFT, hop_length=HOP_LENGTH)) ** 2
    return np.asarray(np.log1p(_mel_basis() @ power), dtype=np.float32)


def draw_crops(mels: Sequence[NDArray[np.float32]], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw crops from anywhere in the corpus, each second of it as likely; short recordings end in silence.

    Returns
    -------
    ndarray [shape=(count, 1, N_MELS, CROP_FRAMES), log1p of power]
    """
    lengths = np.array([mel.shape[1] for mel in mels])
    crops = np.zeros((count, 1, N_MELS, CROP_FRAMES), dtype=np.float32)
    for crop, index in zip(crops[:, 0], rng.choice(len(mels), count, p=lengths / lengths.sum()), strict=True):
        start = rng.integers(max(lengths[index] - CROP_FRAMES, 0) + 1)
        cut = mels[index][:, start : start + CROP_FRAMES]
        crop[:, : cut.shape[1]] = cut
    return crops


def render(log_power: Tensor, generator: torch.Generator) -> NDArray[np.float32]:
    """Render mels by non-negative inversion and Griffin-Lim.

    Parameters
    ----------
    log_power : Tensor [shape=(batch, N_MELS, frames), log1p of power; under 0 is taken as silence]
    generator : torch.Generator
        Of the first phases.

    Returns
    -------
    ndarray [shape=(batch, (frames - 1) * HOP_LENGTH), float32]
    """
    power = torch.expm1(log_power.clamp_min(0.0))
    basis = torch.from_numpy(_mel_basis())
    numerator = basis.T @ power
    spectrum = numerator / (basis.T @ basis.sum(dim=1, keepdim=True)).clamp_min(1e-8)
    for _ in range(_MEL_INVERSION_ITERATIONS):  # multiplicative updates (Lee and Seung, NIPS 2000)
        spectrum = spectrum * (numerator / (basis.T @ (basis @ spectrum)).clamp_min(1e-12))
    waveform = griffin_lim(
        spectrum.sqrt(),
        window=torch.hann_window(N_FFT),
        hop_length=HOP_LENGTH,
        iterations=GRIFFIN_LIM_ITERATIONS,
        generator=generator,
    )
    rendered: NDArray[np.float32] = waveform.numpy()
    return rendered


def save(model: PlainModel, path: Path) -> None:
    """Write weights and scale to one safetensors file."""
    scale = {"mean": model.mean, "deviation": model.deviation, "steps": model.steps}
    save_file(model.network.state_dict(), path, metadata={"scale": json.dumps(scale)})


def load(path: Path) -> PlainModel:
    """Read what :func:`save` wrote."""
    network = PlainVAE()
    with safe_open(path, framework="pt") as file:
        scale = json.loads(file.metadata()["scale"])
        network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a mapping
    return PlainModel(network.eval(), **scale)


def _mel_basis() -> NDArray[np.float32]:
    basis: NDArray[np.float32] = librosa.filters.mel(sr=RATE_HZ, n_fft=N_FFT, n_mels=N_MELS)
    return basis
