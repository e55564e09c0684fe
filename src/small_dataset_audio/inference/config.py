"""What a take shall be. Importing this module loads neither torch nor a model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args, get_type_hints

from small_dataset_audio.constants import BIT_DEPTH_MAP, DEFAULT_OVERLAP_SAMPLES, SAMPLE_RATE, SAMPLE_RATE_OPTIONS
from small_dataset_audio.controls.sliders import Controls, checked_controls
from small_dataset_audio.controls.targets import NearTarget, checked_targets
from small_dataset_audio.controls.variation_settings import Variation, checked_variations
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.inference.file_formats import FILE_FORMATS, check_holds
from small_dataset_audio.models.config import MAX_TEMPERATURE, WalkStyle
from small_dataset_audio.names import quoted

CONCAT_MODES = ("crossfade", "latent_interpolation")
STEREO_MODES = ("mono", "mid_side", "dual_seed", "corpus")
VOCODERS = ("auto", "mosaic", "griffin_lim")
BLEND_DOMAINS = ("auto", "audio", "mel")
NOVELTIES = {
    "low": WalkStyle(detune=0.0, bend=0.0),
    "medium": WalkStyle(),
    "high": WalkStyle(voices=2, jump_scale=0.8, detune=1.5, bend=0.6),
}
"""How far a take may go from the recordings, and how its walk does that."""

MAX_SEED = 2**63 - 1
_CHECKED_BY: tuple[tuple[str, Callable[[Any], object], str], ...] = (
    ("controls", checked_controls, "settings by name of control"),
    ("near", checked_targets, "a list of targets"),
    ("variations", checked_variations, "a list of pairs (amount, seed)"),
)
"""Fields that their own modules check, and bring into one form."""
LONGEST_DURATION_S = 3600.0  # the walk and the quality's frames grow with a take, if slowly
MAX_STEREO_WIDTH = 1.5  # over it the mid drowns in its own side


@dataclass(frozen=True)
class GenerationConfig:
    """All settings of a take.

    Parameters
    ----------
    duration_s : float [s]
        Over 0 and at most `max_duration_s`; met exactly to the sample.
    max_duration_s : float [s, over 0 and at most 3600]
        Guard against a slip of the finger.
    seed : int or None [0 to 2**63 - 1]
        None draws one, which the result records.
    chunk_duration_s : float [s]
        Length of what is decoded and rendered at once.
    concat_mode : {"crossfade", "latent_interpolation"}
        A walk through the corpus's latents, rendered chunk by chunk and joined in the waveform; or one smooth path between
        single latents.
    stereo_mode : {"mono", "mid_side", "dual_seed", "corpus"}
        ``mid_side`` widens a mono take, ``dual_seed`` puts two side by side, ``corpus`` keeps the stereo image of the
        recordings: it needs the mosaic, and mono recordings stay in the middle.
    stereo_width : float [0 to 1.5]
        For ``mid_side``: 0 is mono.
    sample_rate : int [Hz, one of 44100, 48000, 96000]
    bit_depth : {"16-bit", "24-bit", "32-bit float"}
    steps_between : int [1 or more]
        For ``latent_interpolation``: points of the arc from one anchor to the next.
    overlap_samples : int [samples at 48 kHz, shorter than a chunk]
        Length of a crossfade between chunks.
    vocoder : {"auto", "mosaic", "griffin_lim"}
        ``auto`` takes the mosaic where the model folder holds the corpus audio.
    novelty : {"low", "medium", "high"}
        How little of the recordings is to be heard again as it was: with ``low`` long stretches as they were recorded, with
        ``medium`` at a pace that changes and each a little off its pitch, with ``high`` more of that in shorter stretches,
        two that sound alike blended into one. What is decoded instead of played (``griffin_lim``, a temperature over 1) is
        neither bent nor detuned: ``low`` and ``medium`` are the same there.
    temperature : float [0 to 3]
        At 0 the walk hardly leaves a recording, over 1 it goes to sounds that none of them holds.
    loop : bool
        Whether the end of the take leads into its beginning, for playing it over and over; its ends are not faded then.
    file_format : {"wav", "flac", "aiff", "ogg", "mp3"}
        Of the file that is written; one that cannot hold `sample_rate` or `bit_depth` is refused. ``ogg`` and ``mp3`` have no
        bit depth: theirs is left at its default.
    blend_model : str or None
        Name of a second model to blend the take with.
    blend_weight : float [0 to 1]
        Its share of the power; without meaning without one.
    blend_in : {"auto", "audio", "mel"}
        Two sounds at once, or one between two: ``mel`` computes one sound from the blended spectra of both models, and asks for
        two of one spectrogram configuration and no mosaic; ``auto`` does that where neither model is played from its
        recordings, and blends the audio otherwise.
    controls : mapping of str to a number or a curve
        What is steered, by name of control (:mod:`small_dataset_audio.controls.sliders`): a value from -10 to 10 for the whole
        take, or points (share of the take, value). Needs ``crossfade`` and a model that was analysed.
    near : tuple of NearTarget
        What the take shall be near to, in latents of the model; several are gone through evenly. Needs ``crossfade``.
    near_strength : float [0 to 1]
        How much that counts beside the flow from one stretch to the next; at 0 the take is the one without it, bit for bit.
    variations : tuple of (float, int) [0 to 1, and 0 to 2**63 - 1]
        Share of the take's moments that are exchanged for ones that develop alike, and a seed that says which; of several, each
        varies what those before it made. A share of 0 changes no bit. Needs ``crossfade``.
    """

    duration_s: float = 1.0
    max_duration_s: float = 60.0
    seed: int | None = None
    chunk_duration_s: float = 1.0
    concat_mode: str = "crossfade"
    stereo_mode: str = "mono"
    stereo_width: float = 0.7
    sample_rate: int = 48_000
    bit_depth: str = "24-bit"
    steps_between: int = 10
    overlap_samples: int = DEFAULT_OVERLAP_SAMPLES
    vocoder: str = "auto"
    novelty: str = "medium"
    temperature: float = 1.0
    loop: bool = False
    file_format: str = "wav"
    blend_model: str | None = None
    blend_weight: float = 0.5
    blend_in: str = "auto"
    controls: Controls = field(default_factory=dict)
    near: tuple[NearTarget, ...] = ()
    near_strength: float = 0.7
    variations: tuple[Variation, ...] = ()

    def __post_init__(self) -> None:
        # One form, whoever gives them, so that a configuration read from its sidecar is the same one. What is wrong stays
        # as it is, for `validate` to tell.
        for name, checked, _ in _CHECKED_BY:
            with contextlib.suppress(InvalidConfigError):
                object.__setattr__(self, name, checked(getattr(self, name)))

    @property
    def chunk_samples(self) -> int:
        """Samples of a chunk at 48 kHz."""
        return round(self.chunk_duration_s * SAMPLE_RATE)

    @property
    def num_samples(self) -> int:
        """Samples of the exported take, at its own rate."""
        return round(self.duration_s * self.sample_rate)

    @property
    def walk_style(self) -> WalkStyle:
        """How the walk of this take goes."""
        return replace(NOVELTIES[self.novelty], temperature=self.temperature)

    @property
    def channels(self) -> int:
        """Channels of the exported take."""
        return 1 if self.stereo_mode == "mono" else 2

    def validate(self) -> None:
        """Check every field.

        Raises
        ------
        InvalidConfigError
            A ValueError that names the field, the value given, and the values allowed.
        """
        hints = get_type_hints(type(self))
        for setting in fields(self):
            if setting.name not in {name for name, _, _ in _CHECKED_BY}:
                _check_type(setting.name, getattr(self, setting.name), hints[setting.name])
        for name, checked, rule in _CHECKED_BY:
            try:
                checked(getattr(self, name))
            except InvalidConfigError as error:
                raise InvalidConfigError(
                    f"{name} is {quoted(getattr(self, name))}; it must be {rule}: {error}"
                ) from error
        _check(0.0 <= self.near_strength <= 1.0, "near_strength", self.near_strength, "from 0 to 1")
        _check(
            not (self.controls or self.near or self.variations) or self.concat_mode == "crossfade",
            "concat_mode",
            self.concat_mode,
            "'crossfade' where something is steered or varied: single moments that turn into one another have no course",
        )
        _check(
            0 < self.max_duration_s <= LONGEST_DURATION_S,
            "max_duration_s",
            self.max_duration_s,
            f"over 0 and at most {LONGEST_DURATION_S:g} seconds",
        )
        _check(
            0 < self.duration_s <= self.max_duration_s,
            "duration_s",
            self.duration_s,
            f"over 0 and at most max_duration_s ({self.max_duration_s})",
        )
        for name, allowed in (
            ("concat_mode", CONCAT_MODES),
            ("stereo_mode", STEREO_MODES),
            ("sample_rate", SAMPLE_RATE_OPTIONS),
            ("bit_depth", tuple(BIT_DEPTH_MAP)),
            ("vocoder", VOCODERS),
            ("novelty", tuple(NOVELTIES)),
            ("file_format", tuple(FILE_FORMATS)),
            ("blend_in", BLEND_DOMAINS),
        ):
            value = getattr(self, name)
            _check(value in allowed, name, value, "one of " + ", ".join(repr(option) for option in allowed))
        check_holds(self.file_format, self.sample_rate, self.bit_depth)
        _check(
            self.stereo_mode != "corpus" or self.vocoder != "griffin_lim",
            "stereo_mode",
            self.stereo_mode,
            "another one with vocoder 'griffin_lim', which does not play the recordings; or choose the vocoder 'auto'",
        )
        _check(self.num_samples >= 1, "duration_s", self.duration_s, f"at least one sample at {self.sample_rate} Hz")
        _check(
            self.seed is None or 0 <= self.seed <= MAX_SEED,
            "seed",
            self.seed,
            f"None, or from 0 to 2**63 - 1 ({MAX_SEED})",
        )
        _check(
            0 < self.chunk_duration_s <= 60.0 and self.chunk_samples >= 1,
            "chunk_duration_s",
            self.chunk_duration_s,
            "over 0 and at most 60 seconds",
        )
        _check(
            0.0 <= self.stereo_width <= MAX_STEREO_WIDTH,
            "stereo_width",
            self.stereo_width,
            f"from 0.0 to {MAX_STEREO_WIDTH}",
        )
        _check(
            0.0 <= self.temperature <= MAX_TEMPERATURE,
            "temperature",
            self.temperature,
            f"from 0 to {MAX_TEMPERATURE:g}",
        )
        _check(0.0 <= self.blend_weight <= 1.0, "blend_weight", self.blend_weight, "from 0 to 1")
        _check(self.blend_model != "", "blend_model", self.blend_model, "None, or the name of a model")
        _check(
            self.blend_in != "mel" or self.vocoder != "mosaic",
            "blend_in",
            self.blend_in,
            "'auto' or 'audio' with vocoder 'mosaic', which plays recordings; or choose the vocoder 'griffin_lim'",
        )
        _check(1 <= self.steps_between <= 10_000, "steps_between", self.steps_between, "from 1 to 10000")
        _check(
            0 <= self.overlap_samples < self.chunk_samples,
            "overlap_samples",
            self.overlap_samples,
            f"0 or more, and shorter than a chunk ({self.chunk_samples} samples)",
        )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> GenerationConfig:
        """Build a configuration from a sidecar's ``generation`` object and validate it.

        Raises
        ------
        InvalidConfigError
            A key that is no field (a misspelt one is never replaced by a default), or a value that is not allowed.
        """
        known = {setting.name for setting in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidConfigError(
                f"{quoted(unknown[0])} is no generation setting; the settings are {', '.join(sorted(known))}"
            )
        config = cls(**values)
        config.validate()
        return config


def check_count(config: GenerationConfig, count: int) -> None:
    """Check that so many takes can be made, their seeds going up from that of `config`.

    Raises
    ------
    InvalidConfigError
        No take, or a last seed over 2**63 - 1.
    """
    if count < 1:
        raise InvalidConfigError(f"count is {count}; it must be 1 or more")
    if config.seed is not None and config.seed + count - 1 > MAX_SEED:
        raise InvalidConfigError(f"seed is {config.seed}; for {count} takes it must be at most 2**63 - {count}")


def _check(holds: bool, name: str, value: object, rule: str) -> None:
    if not holds:
        raise InvalidConfigError(f"{name} is {quoted(value)}; it must be {rule}")


def _check_type(name: str, value: object, hint: Any) -> None:  # noqa: ANN401 - a typing construct has no common type
    allowed = get_args(hint) or (hint,)
    accepted = (*allowed, int) if float in allowed else allowed
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, accepted):
        names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InvalidConfigError(f"{name} is {quoted(value)}; it must be of type {names}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidConfigError(f"{name} is {quoted(value)}; it must be a finite number")
