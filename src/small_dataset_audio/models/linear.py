"""The autoencoder that needs no training: patches of log mels to principal components and back.

A patch is `frames_per_step` mel frames. Its latents are the first principal components (H. Hotelling, "Analysis of a complex
of statistical variables into principal components", J. Educ. Psychol. 1933) of the patch with its bands averaged by fours:
what differs between neighbouring bands of noise is left out, and distances between latents are distances between sounds, in
log10 amplitude. The way back is the linear regression of whole patches on them. Both follow from one covariance, in about a
second for a minute of recordings, and are the same bits every time.

All it knows is which levels go up and down together: enough for a walk along the corpus's own paths, which asks only which
steps resemble each other, and so for a first sound before any training. It has the face of a
:class:`~small_dataset_audio.models.vae.ConvVAE`. Steps know nothing of each other, so nothing depends on how much is encoded
or decoded at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.config import LinearConfig

_BLOCK_STEPS = 512  # about 20 s: patches of all of a long recording at once would take its memory twice
_CERTAIN = -12.0  # log variance of latents without noise: the least that a ConvVAE tells
_LEAST_SHARE = 1e-9  # of the first component's variance: with less a component is rounding, and nothing is told by it


class LinearAutoencoder(nn.Module):
    """Principal components of patches of log mels; zeros until fitted (:func:`fit_linear`) or filled from a file.

    Parameters
    ----------
    config : LinearConfig, optional

    Raises
    ------
    InvalidConfigError
        A field of `config` is outside its range.
    """

    mean: Tensor
    analysis: Tensor
    synthesis: Tensor
    spread: Tensor

    def __init__(self, config: LinearConfig | None = None) -> None:
        super().__init__()
        self.config = config or LinearConfig()
        self.config.validate()
        latent_dim, patch_size = self.config.latent_dim, self.config.patch_size
        self.register_buffer("mean", torch.zeros(patch_size))
        self.register_buffer("analysis", torch.zeros(latent_dim, patch_size))
        self.register_buffer("synthesis", torch.zeros(latent_dim, patch_size))
        self.register_buffer("spread", torch.zeros(latent_dim))

    @property
    def latent_dim(self) -> int:
        """Numbers in each latent vector."""
        return self.config.latent_dim

    def num_steps(self, num_frames: int) -> int:
        """Latent steps that cover `num_frames` mel frames."""
        return -(-num_frames // self.config.frames_per_step)

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode log mels to the latent of each step, and a log variance that stands for none.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Returns
        -------
        mean, log_variance : Tensor [shape=(batch, latent_dim, ceil(frames / frames_per_step))]
        """
        patches = _patches(mel, self.config.frames_per_step)
        latents = ((patches - self.mean) @ self.analysis.T).transpose(1, 2)
        return latents, torch.full_like(latents, _CERTAIN)

    def decode(self, z: Tensor, target_shape: tuple[int, int] | None = None) -> Tensor:
        """Decode a latent trajectory of any length to log mels.

        Parameters
        ----------
        z : Tensor [shape=(batch, latent_dim, steps), or (batch, latent_dim) for one step held]
        target_shape : (n_mels, frames), optional
            The last step is held where `z` is too short, and surplus frames are cut. Without it every step gives
            `frames_per_step` frames.

        Returns
        -------
        Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Raises
        ------
        InvalidConfigError
            `target_shape` has another number of bands than the model, or `z` another latent size.
        """
        trajectory = z.unsqueeze(-1) if z.ndim == 2 else z
        if trajectory.ndim != 3 or trajectory.shape[1] != self.latent_dim or trajectory.shape[-1] == 0:
            raise InvalidConfigError(
                f"z has shape {tuple(z.shape)}; it must be (batch, {self.latent_dim}, steps) or (batch, {self.latent_dim})"
            )
        num_frames = trajectory.shape[-1] * self.config.frames_per_step
        if target_shape is not None:
            n_mels, num_frames = target_shape
            if n_mels != self.config.n_mels:
                raise InvalidConfigError(
                    f"target_shape asks for {n_mels} mel bands; this model has {self.config.n_mels}"
                )
            missing = max(self.num_steps(num_frames) - trajectory.shape[-1], 0)
            trajectory = F.pad(trajectory, (0, missing), mode="replicate") if missing else trajectory
        patches = trajectory.transpose(1, 2) @ self.synthesis + self.mean
        batch, steps, _ = patches.shape
        by_band = patches.reshape(batch, steps, self.config.n_mels, self.config.frames_per_step).transpose(1, 2)
        return by_band.flatten(2)[..., :num_frames].unsqueeze(1)

    def encode_recording(self, mel: Tensor) -> Tensor:
        """Encode log mels of any length block by block; nothing is recorded for gradients.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Returns
        -------
        Tensor [shape=(batch, latent_dim, ceil(frames / frames_per_step))]
        """
        with torch.inference_mode():
            return torch.cat([self.encode(block)[0] for block in _blocks(mel, self.config.frames_per_step)], dim=-1)

    def autoencode(self, mel: Tensor) -> Tensor:
        """Encode and decode, block by block [shape kept]; nothing is recorded for gradients."""
        with torch.inference_mode():
            return torch.cat([self(block)[0] for block in _blocks(mel, self.config.frames_per_step)], dim=-1)

    def sample(self, num_samples: int, *, steps: int = 24, generator: torch.Generator | None = None) -> Tensor:
        """Decode draws from the normal distribution with the corpus's spread, each held still for `steps` steps.

        Parameters
        ----------
        num_samples : int
        steps : int
            Latent steps of each; 24 are about one second.
        generator : torch.Generator [CPU], optional
            None draws from a generator with seed 0.

        Returns
        -------
        Tensor [shape=(num_samples, 1, n_mels, steps * frames_per_step), log10 amplitude]
        """
        generator = generator or torch.Generator().manual_seed(0)
        anchors = torch.randn(num_samples, self.latent_dim, generator=generator).to(self.spread.device) * self.spread
        return self.decode(anchors.unsqueeze(-1).expand(-1, -1, steps))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Autoencode `mel`: reconstruction, latents, log variance."""
        latents, log_variance = self.encode(mel)
        return self.decode(latents, (mel.shape[-2], mel.shape[-1])), latents, log_variance


def linear_outline(config: LinearConfig) -> dict[str, Tensor]:
    """Numbers of a linear autoencoder by name, with types and shapes but nothing in them."""
    with torch.device("meta"):
        return LinearAutoencoder(config).state_dict()


def fit_linear(mels: Iterable[Tensor], config: LinearConfig | None = None) -> tuple[LinearAutoencoder, float]:
    """Find the principal components of all patches of a corpus.

    Parameters
    ----------
    mels : iterable of Tensor [shape=(1, 1, n_mels, frames), log10 amplitude]
        One for each recording; gone through once, so they can be made one by one.
    config : LinearConfig, optional

    Returns
    -------
    model : LinearAutoencoder
        On the CPU.
    loss : float
        What the components leave out: root mean square, in deviations of the corpus's log mels.

    Raises
    ------
    InvalidConfigError
        No mels, mels of another number of bands, or a field of `config` outside its range.
    """
    model = LinearAutoencoder(config)
    config = model.config
    count = 0
    total = torch.zeros(config.patch_size, dtype=torch.float64)
    products = torch.zeros(config.patch_size, config.patch_size, dtype=torch.float64)
    for mel in mels:
        if mel.shape[-2] != config.n_mels:
            raise InvalidConfigError(f"a mel has {mel.shape[-2]} bands; n_mels is {config.n_mels}")
        for block in _blocks(mel, config.frames_per_step):
            patches = _patches(block, config.frames_per_step)[0].double().cpu()
            count += len(patches)
            total += patches.sum(dim=0)
            products.addmm_(patches.T, patches)
    if not count:
        raise InvalidConfigError("mels is empty; components need at least one recording")
    mean = total / count
    covariance = products / count - torch.outer(mean, mean)
    analysis, variances = _principal_components(covariance, config)
    # Regression of patches on latents; a latent that never changes tells nothing.
    shared = analysis @ covariance
    known = variances > _LEAST_SHARE * variances[0]
    synthesis = torch.where(known, 1.0 / variances, 0.0)[:, None] * shared
    with torch.no_grad():
        model.mean.copy_(mean)
        model.analysis.copy_(analysis)
        model.synthesis.copy_(synthesis)
        model.spread.copy_(variances.clamp_min(0.0).sqrt())
    left_out = (covariance.trace() - (synthesis * shared).sum()) / config.patch_size
    # Deviation of all numbers, whichever place in a patch they have: what a ConvVAE's losses are measured in.
    variance = products.trace() / count / config.patch_size - mean.mean().square()
    return model.eval(), float((left_out.clamp_min(0.0) / variance.clamp_min(1e-12)).sqrt())


def _principal_components(covariance: Tensor, config: LinearConfig) -> tuple[Tensor, Tensor]:
    """Find the components of patches with pooled bands [shape=(latent_dim, patch_size)], and their variances."""
    pooled_bands = torch.eye(config.n_mels // config.bands_pooled, dtype=covariance.dtype)
    pooling = pooled_bands.repeat_interleave(config.bands_pooled, dim=1) / config.bands_pooled
    pooling = torch.kron(pooling, torch.eye(config.frames_per_step, dtype=covariance.dtype))
    values, vectors = torch.linalg.eigh(pooling @ covariance @ pooling.T)
    values, vectors = values.flip(0)[: config.latent_dim], vectors.flip(1).T[: config.latent_dim]
    # An eigenvector's sign is anything; the largest entry shall be positive.
    signs = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True)).sign()
    return signs * vectors @ pooling, values


def _patches(mel: Tensor, frames_per_step: int) -> Tensor:
    """Cut log mels into patches [shape=(batch, steps, n_mels * frames_per_step)]; the last frame is held to fill the last."""
    bands = mel.squeeze(1)
    padding = -bands.shape[-1] % frames_per_step
    if padding:
        bands = F.pad(bands, (0, padding), mode="replicate")
    batch, n_mels, frames = bands.shape
    return bands.reshape(batch, n_mels, frames // frames_per_step, frames_per_step).transpose(1, 2).flatten(2)


def _blocks(mel: Tensor, frames_per_step: int) -> tuple[Tensor, ...]:
    """Cut log mels in time, between steps."""
    num_frames = _BLOCK_STEPS * frames_per_step
    return tuple(mel[..., start : start + num_frames] for start in range(0, mel.shape[-1], num_frames))
