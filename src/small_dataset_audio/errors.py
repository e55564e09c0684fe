"""The error tree.

Every error a user can act on is an :class:`SdaError` and also the builtin it specialises, so that ``except ValueError``
keeps working in a script that never heard of this package. A message names the file or field, the value found, the rule,
and the next step, on one line. Programming errors stay what they are.
"""

from __future__ import annotations

__all__ = [
    "AudioFileError",
    "CheckpointError",
    "CorpusError",
    "InvalidAudioError",
    "InvalidConfigError",
    "InvalidNameError",
    "ModelDamagedError",
    "ModelError",
    "ModelNotFoundError",
    "ModelVersionError",
    "OutputError",
    "RerenderError",
    "SdaError",
    "SidecarError",
    "TrainingError",
]


class SdaError(Exception):
    """Root of all errors that this package raises on purpose."""


class InvalidConfigError(SdaError, ValueError):
    """A setting is outside its allowed values."""


class InvalidAudioError(SdaError, ValueError):
    """An array handed in is not usable audio (shape, dtype, NaN, empty)."""


class InvalidNameError(SdaError, ValueError):
    """A model or preset name that would leave its folder, or is empty."""


class AudioFileError(SdaError, OSError):
    """One audio file cannot be read; the rest of its folder can."""


class CorpusError(SdaError, ValueError):
    """A folder holds nothing that can be learned from."""


class ModelError(SdaError, ValueError):
    """A model folder cannot be used."""


class ModelNotFoundError(ModelError, LookupError):
    """No model of that name, and no model folder at that path."""


class ModelDamagedError(ModelError):
    """A model folder is truncated, inconsistent, or holds non-finite weights."""


class ModelVersionError(ModelError):
    """A model was written by a newer release."""


class CheckpointError(SdaError, ValueError):
    """A training checkpoint is missing, damaged, or of another corpus."""


class TrainingError(SdaError, ArithmeticError):
    """Training came to numbers that are not finite."""


class SidecarError(SdaError, ValueError):
    """A take's sidecar is missing, not strict JSON, or lacks a key."""


class RerenderError(SdaError, ValueError):
    """A take cannot be made again bit for bit; the message lists what differs."""


class OutputError(SdaError, OSError):
    """An output folder or file cannot be written."""
