"""Training settings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from small_dataset_audio.errors import InvalidConfigError

MAX_BUDGET_S = 7 * 24 * 3600.0
MIN_BUDGET_S = 5.0


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; stored in every checkpoint.

    Parameters
    ----------
    budget_s : float [s]
        Wall-clock time from the first step to the last; steps are planned to fill it.
    max_steps : int or None
        Plans this number of steps instead, of which a plateau may leave out the last ones. No clock is read: training
        is a pure function of corpus and seed.
    seed : int [0 to 2**63 - 1]
    batch_size : int
    crop_frames : int [mel frames; 128 are 1.37 s]
    learning_rate : float
        Peak of the schedule: a short linear warm-up, then a cosine to zero.
    weight_decay : float
    kl_weight : float
        Weight of the KL divergence, in nats for each latent number, reached after 30 % of the training. Small, since new
        sounds are drawn from the fitted density and never from N(0, I).
    ema_decay : float
        Of the running average of the weights, which is what is evaluated and saved.
    gain_db, pitch_semitones : float
        Largest augmentation either way; pitch by varispeed, as on tape.
    augmented_share : float [0 to 1]
        Share of crops whose pitch is shifted.
    held_out_share : float [0 to 0.5]
        Share of files that only measure.
    plateau_share : float [0 to 1]
        Training ends early where the held-out loss has not fallen for this share of it.
    """

    budget_s: float = 180.0
    max_steps: int | None = None
    seed: int = 0
    batch_size: int = 16
    crop_frames: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    kl_weight: float = 1e-3
    ema_decay: float = 0.98
    gain_db: float = 3.0
    pitch_semitones: float = 0.3
    augmented_share: float = 0.25
    held_out_share: float = 0.1
    plateau_share: float = 0.35

    def validate(self) -> None:
        """Raise :class:`InvalidConfigError` where a field is outside its range."""
        ranges: tuple[tuple[str, float, float], ...] = (
            ("budget_s", MIN_BUDGET_S, MAX_BUDGET_S),
            ("seed", 0, 2**63 - 1),
            ("batch_size", 1, 1024),
            ("crop_frames", 16, 4096),
            ("learning_rate", 1e-7, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("kl_weight", 0.0, 100.0),
            ("ema_decay", 0.0, 0.99999),
            ("gain_db", 0.0, 24.0),
            ("pitch_semitones", 0.0, 12.0),
            ("augmented_share", 0.0, 1.0),
            ("held_out_share", 0.0, 0.5),
            ("plateau_share", 0.0, 1.0),
        )
        for name, low, high in ranges:
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InvalidConfigError(f"{name} is {value}; it must be from {low:g} to {high:g}")
        if self.max_steps is not None and self.max_steps < 1:
            raise InvalidConfigError(f"max_steps is {self.max_steps}; it must be None, or 1 or more")
