"""Two models as one: their latents side by side, decoded by each and blended in the mel, so that one sound comes out.

Blended waveforms are two sounds at once. Blended spectra are one sound between two: at every moment the shape of its spectrum
is that of either, interpolated band by band on the logarithmic axis (see M. Slaney, M. Covell and B. Lassiter, "Automatic audio
morphing", ICASSP 1996). Two rules keep that from going wrong:

- The power of a moment is the weighted sum of both powers, as of two sounds that know nothing of each other. The mean of two
  logarithms alone would be near silence wherever one of them is.
- The shape follows each sound by its share of that power. Where one pauses, the other is heard as it is, and not with the floor
  of a pause mixed into its spectrum.

Both models are first brought to one level, the mean power of half a minute of their own walks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.models.autoencoder import Autoencoder
from small_dataset_audio.models.config import WalkStyle
from small_dataset_audio.models.density import Density
from small_dataset_audio.models.draws import SpreadDraws
from small_dataset_audio.models.walk import Walk

_LEVEL_STEPS: Final = 700  # 30 s


@dataclass(frozen=True)
class BlendedSizes:
    """Sizes of two models side by side; see :class:`~small_dataset_audio.models.autoencoder.AutoencoderSizes`."""

    n_mels: int
    latent_dim: int
    frames_per_step: int


class BlendedAutoencoder:
    """Two autoencoders of one spectrogram and one step, blended in the mel.

    Parameters
    ----------
    first, second : Autoencoder
        With mels of the same configuration, and steps of as many frames.
    weight : float [0 to 1]
        Of the second one: its share of the power.
    gains : pair of float [log10 amplitude]
        What brings each to the common level.
    """

    def __init__(
        self, first: Autoencoder, second: Autoencoder, weight: float, gains: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self._models = (first, second)
        self._weight = weight
        self._gains = gains
        self.config = BlendedSizes(
            first.config.n_mels, first.latent_dim + second.latent_dim, first.config.frames_per_step
        )

    @property
    def latent_dim(self) -> int:
        """Numbers of both latent vectors."""
        return self.config.latent_dim

    def num_steps(self, num_frames: int) -> int:
        """Latent steps that cover `num_frames` mel frames."""
        return self._models[0].num_steps(num_frames)

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode with both [shape=(batch, latent_dim, steps)]."""
        (mean, variance), (mean_2, variance_2) = (model.encode(mel) for model in self._models)
        return torch.cat([mean, mean_2], dim=1), torch.cat([variance, variance_2], dim=1)

    def encode_recording(self, mel: Tensor) -> Tensor:
        """Encode log mels of any length with both."""
        return torch.cat([model.encode_recording(mel) for model in self._models], dim=1)

    def decode(self, z: Tensor, target_shape: tuple[int, int] | None = None) -> Tensor:
        """Decode each half with its model and blend the mels [shape=(batch, 1, n_mels, frames)]."""
        (first, second), border = self._models, self._models[0].latent_dim
        mel = first.decode(z[:, :border], target_shape) + self._gains[0]
        other = second.decode(z[:, border:], target_shape) + self._gains[1]
        return blend_mels(mel, other, self._weight)

    def autoencode(self, mel: Tensor) -> Tensor:
        """Encode and decode with both, and blend what each makes of it."""
        return blend_mels(self._models[0].autoencode(mel), self._models[1].autoencode(mel), self._weight)

    def sample(self, num_samples: int, *, steps: int = 24, generator: torch.Generator | None = None) -> Tensor:
        """Decode single draws, each held still for `steps` steps."""
        z = torch.randn(num_samples, self.latent_dim, 1, generator=generator).expand(-1, -1, steps)
        return self.decode(z)

    def state_dict(self) -> dict[str, Tensor]:
        """All numbers of both models."""
        return {
            f"{which}.{name}": numbers
            for which, model in zip(("first", "second"), self._models, strict=True)
            for name, numbers in model.state_dict().items()
        }

    def to(self, device: torch.device | str) -> Self:
        """Move both to a device."""
        self._models = (self._models[0].to(device), self._models[1].to(device))
        return self

    def eval(self) -> Self:
        """Make both ready for use."""
        self._models = (self._models[0].eval(), self._models[1].eval())
        return self


class BlendedDensity:
    """The densities of two models; each walks as it would alone with the same seed.

    Parameters
    ----------
    first, second : Density
    """

    def __init__(self, first: Density, second: Density) -> None:
        self._densities = (first, second)

    def walk(
        self,
        num_steps: int,
        generator: np.random.Generator,
        style: WalkStyle | None = None,
        spread: SpreadDraws | None = None,
        preference: NDArray[np.float64] | None = None,  # noqa: ARG002 - of steps of one corpus; here are two
    ) -> Walk:
        """Walk with both, latents side by side; where one has more voices, the other's last one stays beside them."""
        beginnings = [(copy.deepcopy(generator), copy.deepcopy(spread)) for _ in self._densities]
        walks = [
            density.walk(num_steps, own, style, draws).latents(0, num_steps)
            for density, (own, draws) in zip(self._densities, beginnings, strict=True)
        ]
        num_voices = max(map(len, walks))
        voices = [np.concatenate([walk, np.repeat(walk[-1:], num_voices - len(walk), axis=0)]) for walk in walks]
        table = np.concatenate(voices, axis=1).transpose(0, 2, 1).reshape(num_voices * num_steps, -1)
        rows = np.arange(num_voices * num_steps, dtype=np.int64).reshape(num_voices, num_steps)
        return Walk(np.ascontiguousarray(table), rows, np.array([len(table)], dtype=np.int64), is_recorded=False)

    def draw_anchors(self, num_anchors: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw single latents of both [shape=(num_anchors, latent_dim)]."""
        return np.concatenate(
            [density.draw_anchors(num_anchors, copy.deepcopy(generator)) for density in self._densities], axis=1
        )


def blend_mels(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Blend log mels moment by moment; at weight 0 and 1 the result is the first and the second.

    Parameters
    ----------
    first, second : Tensor [shape=(..., n_mels, frames), log10 amplitude]
    weight : float [0 to 1]
        Share of the power that is the second's.

    Returns
    -------
    Tensor [shape as given]
    """
    powers = (1.0 - weight) * _power(first), weight * _power(second)
    total = powers[0] + powers[1]
    share = powers[1] / total
    shape = (1.0 - share) * first + share * second
    return shape + 0.5 * torch.log10(total / _power(shape))


def level_gains(
    first: tuple[Autoencoder, Density], second: tuple[Autoencoder, Density], weight: float, device: torch.device
) -> tuple[float, float]:
    """Find what brings two models to one level, which lies between theirs as `weight` does [log10 amplitude].

    Parameters
    ----------
    first, second : pair of Autoencoder and Density
    weight : float [0 to 1]
    device : torch.device
        Where the models are.
    """
    levels = [_level(model, density, device) for model, density in (first, second)]
    common = (1.0 - weight) * levels[0] + weight * levels[1]
    return common - levels[0], common - levels[1]


def _level(model: Autoencoder, density: Density, device: torch.device) -> float:
    walk = density.walk(_LEVEL_STEPS, np.random.default_rng(0), WalkStyle())
    with torch.inference_mode():
        mel = model.decode(torch.from_numpy(walk.latents(0, _LEVEL_STEPS)[:1]).to(device))
        return 0.5 * float(torch.log10(_power(mel).mean()))


def _power(mel: Tensor) -> Tensor:
    """Power of each frame, kept as one band."""
    return (10.0 ** (2.0 * mel)).sum(dim=-2, keepdim=True)
