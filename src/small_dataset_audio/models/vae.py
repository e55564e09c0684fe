"""The autoencoder: log-mel frames to a short latent trajectory and back, convolutional over time throughout.

Mel bands are the channels of one-dimensional convolutions: on a CPU this runs about four times the steps per second of
two-dimensional ones. The residual block is the ConvNeXt one (Liu et al., "A ConvNet for the 2020s", CVPR 2022): depthwise
convolution over time, normalisation over channels, a pointwise bottleneck, and a last layer that starts at zero. The
normalisation is per frame and not per clip, so that what is decoded never depends on how much is decoded at once.

Encoder output is a diagonal Gaussian for each step (Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014).
The scale of the corpus (one mean and one deviation of all log mels) is part of the model: :meth:`ConvVAE.encode` takes and
:meth:`ConvVAE.decode` returns log10 amplitude, as :class:`~small_dataset_audio.audio.AudioSpectrogram` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.config import VAEConfig

_BLOCK_STEPS = 512  # about 20 s: the layers' outputs then take some 50 MB, however long the recording is
_CONTEXT_STEPS = 8  # the encoder sees under 6 steps to either side, and so does the decoder


class ConvVAE(nn.Module):
    """Convolutional variational autoencoder over log-mel frames.

    Parameters
    ----------
    config : VAEConfig, optional

    Raises
    ------
    InvalidConfigError
        A field of `config` is outside its range.
    """

    def __init__(self, config: VAEConfig | None = None) -> None:
        super().__init__()
        self.config = config or VAEConfig()
        self.config.validate()
        width, halvings = self.config.width, self.config.frames_per_step.bit_length() - 1
        encoder: list[nn.Module] = [nn.Conv1d(self.config.n_mels, width, 3, padding=1), _ResidualBlock(width)]
        decoder: list[nn.Module] = [nn.Conv1d(self.config.latent_dim, width, 3, padding=1), _ResidualBlock(width)]
        for _ in range(halvings):
            encoder += [nn.Conv1d(width, width, 4, stride=2, padding=1), _ResidualBlock(width)]
            decoder += [_Doubling(width), _ResidualBlock(width)]
        encoder.append(nn.Conv1d(width, 2 * self.config.latent_dim, 1))
        decoder.append(nn.Conv1d(width, self.config.n_mels, 1))
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder)

    @property
    def latent_dim(self) -> int:
        """Numbers in each latent vector."""
        return self.config.latent_dim

    def num_steps(self, num_frames: int) -> int:
        """Latent steps that cover `num_frames` mel frames."""
        return -(-num_frames // self.config.frames_per_step)

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode log mels to the mean and log variance of the latent at each step.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Returns
        -------
        mean, log_variance : Tensor [shape=(batch, latent_dim, ceil(frames / frames_per_step))]
        """
        channels = self._normalise(mel).squeeze(1)
        padding = -channels.shape[-1] % self.config.frames_per_step
        if padding:
            channels = F.pad(channels, (0, padding), mode="replicate")
        mean, log_variance = self.encoder(channels).chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 4.0)

    def decode(self, z: Tensor, target_shape: tuple[int, int] | None = None) -> Tensor:
        """Decode a latent trajectory of any length to log mels, in one pass.

        Parameters
        ----------
        z : Tensor [shape=(batch, latent_dim, steps), or (batch, latent_dim) for one step held]
        target_shape : (n_mels, frames), optional
            As from :meth:`AudioSpectrogram.get_mel_shape`. The last step is held where `z` is too short, and
            surplus frames are cut. Without it every step gives `frames_per_step` frames.

        Returns
        -------
        Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Raises
        ------
        InvalidConfigError
            `target_shape` has another number of bands than the model, or `z` another latent size.
        """
        shape = tuple(z.shape)
        if z.ndim == 2:
            z = z.unsqueeze(-1)
        if z.ndim != 3 or z.shape[1] != self.latent_dim or z.shape[-1] == 0:
            raise InvalidConfigError(
                f"z has shape {shape}; it must be (batch, {self.latent_dim}, steps) or (batch, {self.latent_dim})"
            )
        num_frames = z.shape[-1] * self.config.frames_per_step
        if target_shape is not None:
            n_mels, num_frames = target_shape
            if n_mels != self.config.n_mels:
                raise InvalidConfigError(
                    f"target_shape asks for {n_mels} mel bands; this model has {self.config.n_mels}"
                )
            missing = self.num_steps(num_frames) - z.shape[-1]
            if missing > 0:
                z = F.pad(z, (0, missing), mode="replicate")
        mel: Tensor = self.decoder(z)[..., :num_frames].unsqueeze(1)
        return mel * self.config.mel_std + self.config.mel_mean

    def encode_recording(self, mel: Tensor) -> Tensor:
        """Encode log mels of any length block by block: the mean of :meth:`encode`, without its appetite for memory.

        Parameters
        ----------
        mel : Tensor [shape=(batch, 1, n_mels, frames), log10 amplitude]

        Returns
        -------
        Tensor [shape=(batch, latent_dim, ceil(frames / frames_per_step)), nothing recorded for gradients]
        """
        with torch.inference_mode():
            means = [
                self.encode(block)[0][..., before : before + _BLOCK_STEPS]
                for block, before in self._blocks(mel, _CONTEXT_STEPS)
            ]
            return torch.cat(means, dim=-1)

    def autoencode(self, mel: Tensor) -> Tensor:
        """Encode and decode without noise, block by block [shape kept]; nothing is recorded for gradients."""
        frames_per_step = self.config.frames_per_step
        with torch.inference_mode():
            rebuilt = [
                self(block)[0][..., before * frames_per_step :][..., : _BLOCK_STEPS * frames_per_step]
                for block, before in self._blocks(mel, 2 * _CONTEXT_STEPS)
            ]
            return torch.cat(rebuilt, dim=-1)

    def sample(self, num_samples: int, *, steps: int = 24, generator: torch.Generator | None = None) -> Tensor:
        """Decode draws from the prior N(0, I), each held still for `steps` steps.

        The prior is what an untrained or unfitted model has; a trained model's own density
        (:class:`~small_dataset_audio.models.density.LatentDensity`) lies far closer to the corpus.

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
        anchors = torch.randn(num_samples, self.latent_dim, generator=generator)
        device = next(self.parameters()).device
        return self.decode(anchors.to(device).unsqueeze(-1).expand(-1, -1, steps))

    def forward(self, mel: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Autoencode `mel`; with `noise` (standard normal, shape of the mean) through the reparametrised draw.

        Returns
        -------
        reconstruction, mean, log_variance : Tensor
        """
        mean, log_variance = self.encode(mel)
        z = mean if noise is None else mean + noise * torch.exp(0.5 * log_variance)
        return self.decode(z, (mel.shape[-2], mel.shape[-1])), mean, log_variance

    def _blocks(self, mel: Tensor, context_steps: int) -> Iterator[tuple[Tensor, int]]:
        """Yield stretches of `mel` with context on both sides, and the steps of it that come first."""
        frames_per_step = self.config.frames_per_step
        for start in range(0, self.num_steps(mel.shape[-1]), _BLOCK_STEPS):
            before = min(start, context_steps)
            end = start + _BLOCK_STEPS + context_steps
            yield mel[..., (start - before) * frames_per_step : end * frames_per_step], before

    def _normalise(self, mel: Tensor) -> Tensor:
        return (mel - self.config.mel_mean) / self.config.mel_std


def empty_model(config: VAEConfig) -> ConvVAE:
    """Make a model whose weights hold anything, to be filled from a file; draws no random numbers."""
    return _outlined(config).to_empty(device="cpu")


def outline(config: VAEConfig) -> dict[str, Tensor]:
    """Weights of a model by name, with types and shapes but no numbers: nothing is allocated, however large it would be."""
    return _outlined(config).state_dict()


def _outlined(config: VAEConfig) -> ConvVAE:
    with torch.device("meta"):
        return ConvVAE(config)


class _ResidualBlock(nn.Module):
    """Depthwise convolution over time, channel norm per frame, pointwise bottleneck; starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 5, padding=2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.depthwise(x).transpose(1, 2))
        change: Tensor = self.narrow(F.gelu(self.widen(hidden)))
        return x + change.transpose(1, 2)


class _Doubling(nn.Module):
    """Twice the frames: each is repeated, then smoothed by a convolution (no checkerboard of a transposed one)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.convolution(torch.repeat_interleave(x, 2, dim=-1))
        return doubled
