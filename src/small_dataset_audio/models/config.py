"""Sizes of the autoencoder and manners of the walk. Importing this module does not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from small_dataset_audio.constants import FRAMES_PER_STEP, N_MELS
from small_dataset_audio.errors import InvalidConfigError


@dataclass(frozen=True)
class VAEConfig:
    """Sizes of a :class:`ConvVAE`; stored with its weights.

    Parameters
    ----------
    n_mels : int
        Mel bands, in and out.
    latent_dim : int
        Numbers for each step.
    width : int
        Channels of every hidden layer.
    frames_per_step : int
        Mel frames for each latent vector; a power of two.
    mel_mean, mel_std : float [log10 amplitude]
        Scale of the corpus.
    """

    n_mels: int = N_MELS
    latent_dim: int = 32
    width: int = 256
    frames_per_step: int = FRAMES_PER_STEP
    mel_mean: float = -4.0
    mel_std: float = 1.0

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        for field, low, high in (("n_mels", 8, 512), ("latent_dim", 1, 1024), ("width", 8, 2048)):
            value = getattr(self, field)
            if not low <= value <= high:
                raise InvalidConfigError(f"{field} is {value}; it must be {low} to {high}")
        if self.frames_per_step not in (1, 2, 4, 8):
            raise InvalidConfigError(f"frames_per_step is {self.frames_per_step}; it must be 1, 2, 4 or 8")
        if not -20.0 <= self.mel_mean <= 5.0:
            raise InvalidConfigError(f"mel_mean is {self.mel_mean}; it must be -20 to 5 (log10 amplitude)")
        if not 1e-3 <= self.mel_std <= 20.0:
            raise InvalidConfigError(f"mel_std is {self.mel_std}; it must be 0.001 to 20 (log10 amplitude)")


@dataclass(frozen=True)
class DensityConfig:
    """How a walk moves.

    Parameters
    ----------
    num_neighbours : int
        Jump candidates of each step.
    jump_scale : float
        Distance, in medians of the nearest-neighbour distance, at which a jump is taken with probability 1/e.
    min_run_steps : int
        Steps from one chance to jump to the next.
    mix : float [0 to 1]
        Upper end of the share of a neighbour that is mixed in; 0 stays on the corpus's own latents.
    lead_steps, tail_steps : int
        Steps of silence that each stored path begins and ends with. A walk may cross them; it never begins there, and no
        anchor is drawn from them.
    """

    num_neighbours: int = 8
    jump_scale: float = 1.2
    min_run_steps: int = 2
    mix: float = 0.0
    lead_steps: int = 0
    tail_steps: int = 0

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        if not 1 <= self.num_neighbours <= 64:
            raise InvalidConfigError(f"num_neighbours is {self.num_neighbours}; it must be 1 to 64")
        if not 0.0 <= self.jump_scale <= 100.0:
            raise InvalidConfigError(f"jump_scale is {self.jump_scale}; it must be 0 to 100 median distances")
        if not 1 <= self.min_run_steps <= 10_000:
            raise InvalidConfigError(f"min_run_steps is {self.min_run_steps}; it must be 1 to 10000")
        if not 0.0 <= self.mix <= 1.0:
            raise InvalidConfigError(f"mix is {self.mix}; it must be 0 to 1")
        for name in ("lead_steps", "tail_steps"):
            if not 0 <= getattr(self, name) <= 64:
                raise InvalidConfigError(f"{name} is {getattr(self, name)}; it must be 0 to 64")
