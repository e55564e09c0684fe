"""Sizes of the autoencoder and manners of the walk. Importing this module does not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from small_dataset_audio.constants import FRAMES_PER_STEP, N_MELS
from small_dataset_audio.errors import InvalidConfigError

MAX_TEMPERATURE = 3.0


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
class LinearConfig:
    """Sizes of a :class:`LinearAutoencoder`; stored with its components.

    Parameters
    ----------
    n_mels : int
        Mel bands, in and out; a multiple of `bands_pooled`.
    latent_dim : int
        Components kept of each patch.
    frames_per_step : int
        Mel frames of a patch; a power of two.
    bands_pooled : int
        Neighbouring bands that count as one, their mean, when components are looked for.
    """

    n_mels: int = N_MELS
    latent_dim: int = 32
    frames_per_step: int = FRAMES_PER_STEP
    bands_pooled: int = 4

    @property
    def patch_size(self) -> int:
        """Numbers in a patch."""
        return self.n_mels * self.frames_per_step

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        if not 8 <= self.n_mels <= 512:
            raise InvalidConfigError(f"n_mels is {self.n_mels}; it must be 8 to 512")
        if self.frames_per_step not in (1, 2, 4, 8):
            raise InvalidConfigError(f"frames_per_step is {self.frames_per_step}; it must be 1, 2, 4 or 8")
        if not 1 <= self.bands_pooled <= self.n_mels or self.n_mels % self.bands_pooled:
            raise InvalidConfigError(f"bands_pooled is {self.bands_pooled}; it must divide n_mels ({self.n_mels})")
        most = min(self.patch_size // self.bands_pooled, 1024)
        if not 1 <= self.latent_dim <= most:
            raise InvalidConfigError(f"latent_dim is {self.latent_dim}; it must be 1 to {most}, the numbers in a patch")


@dataclass(frozen=True)
class DensityConfig:
    """What a latent density stores, and how often its walks may leave a recording.

    Parameters
    ----------
    num_neighbours : int
        Jump candidates of each step.
    num_partners : int
        Stretches of each step that a second voice may go along.
    min_run_steps : int
        Steps from one chance to jump to the next.
    recording_weight : float [0 to 1]
        How likely a recording is begun, as a power of its length: at 0 each is as likely, at 1 each in proportion to it.
    lead_steps, tail_steps : int
        Steps of silence that each stored path begins and ends with. A walk may cross them; it never begins there, and no
        anchor is drawn from them.
    """

    num_neighbours: int = 8
    num_partners: int = 2
    min_run_steps: int = 2
    recording_weight: float = 0.75
    lead_steps: int = 0
    tail_steps: int = 0

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        for name in ("num_neighbours", "num_partners"):
            if not 1 <= getattr(self, name) <= 64:
                raise InvalidConfigError(f"{name} is {getattr(self, name)}; it must be 1 to 64")
        if not 1 <= self.min_run_steps <= 10_000:
            raise InvalidConfigError(f"min_run_steps is {self.min_run_steps}; it must be 1 to 10000")
        if not 0.0 <= self.recording_weight <= 1.0:
            raise InvalidConfigError(f"recording_weight is {self.recording_weight}; it must be 0 to 1")
        for name in ("lead_steps", "tail_steps"):
            if not 0 <= getattr(self, name) <= 64:
                raise InvalidConfigError(f"{name} is {getattr(self, name)}; it must be 0 to 64")


@dataclass(frozen=True)
class WalkStyle:
    """How far from its recordings a walk goes.

    Parameters
    ----------
    voices : int
        Stretches that sound together.
    jump_scale : float
        Distance, in medians of the nearest-neighbour distance, at which a jump is taken with probability 1/e.
    solo_steps : int
        Runs along a recording up to this long are not accompanied: they are over before they are recognised.
    temperature : float [0 to 3]
        Multiplies `jump_scale`; at 0 only between equal sounds, at 1 as `jump_scale` says. Over 1 the latents also drift away
        from the corpus, by up to about ``temperature - 1`` median distances.
    match_db : float [dB]
        How far a further voice is raised or lowered to be as loud as the first.
    detune : float [0 to 2]
        How far each run may be played from its pitch, as a share of what its recording bears (5 to 80 cents).
    bend : float [0 to 1]
        How far time may run faster or slower than recorded: at 0.3 up to 1.3 times as fast, or as slow. Attacks are kept
        as they are, and only what is played from recordings is bent.
    """

    voices: int = 1
    jump_scale: float = 0.5
    solo_steps: int = 6
    temperature: float = 1.0
    match_db: float = 12.0
    detune: float = 1.0
    bend: float = 0.35

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        if not 1 <= self.voices <= 8:
            raise InvalidConfigError(f"voices is {self.voices}; it must be 1 to 8")
        if not 0.0 <= self.jump_scale <= 100.0:
            raise InvalidConfigError(f"jump_scale is {self.jump_scale}; it must be 0 to 100 median distances")
        if not 0 <= self.solo_steps <= 10_000:
            raise InvalidConfigError(f"solo_steps is {self.solo_steps}; it must be 0 to 10000")
        if not 0.0 <= self.temperature <= MAX_TEMPERATURE:
            raise InvalidConfigError(f"temperature is {self.temperature}; it must be 0 to {MAX_TEMPERATURE:g}")
        if not 0.0 <= self.match_db <= 60.0:
            raise InvalidConfigError(f"match_db is {self.match_db}; it must be 0 to 60 dB")
        if not 0.0 <= self.detune <= 2.0:
            raise InvalidConfigError(f"detune is {self.detune}; it must be 0 to 2")
        if not 0.0 <= self.bend <= 1.0:
            raise InvalidConfigError(f"bend is {self.bend}; it must be 0 to 1")
