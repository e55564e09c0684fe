"""The error tree.

Every error a user can act on is an :class:`SdaError` and also the builtin it specialises, so that ``except ValueError``
keeps working in a script that never heard of this package. A message names the file or field, the value found, the rule,
and the next step, on one line. Programming errors stay what they are.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AudioFileError",
    "CheckpointError",
    "CorpusError",
    "HistoryError",
    "InvalidAudioError",
    "InvalidConfigError",
    "InvalidNameError",
    "ModelDamagedError",
    "ModelError",
    "ModelNotFoundError",
    "ModelVersionError",
    "NothingFoundError",
    "OutputError",
    "PresetError",
    "RerenderError",
    "SdaError",
    "SidecarError",
    "TrainingError",
    "UploadError",
]


class SdaError(Exception):
    """Root of all errors that this package raises on purpose."""

    next_step: ClassVar[str] = "Read the message: it names the file or setting, and what to do."
    """What its reader does next; see ``docs/errors.md``."""


class InvalidConfigError(SdaError, ValueError):
    """A setting is outside its allowed values."""

    next_step = "Give the setting a value that the message allows."


class InvalidAudioError(SdaError, ValueError):
    """An array handed in is not usable audio (shape, dtype, NaN, empty)."""

    next_step = (
        "Hand in float audio that is finite and has at least one sample, in the shape that the message asks for."
    )


class InvalidNameError(SdaError, ValueError):
    """A model or preset name that would leave its folder, or is empty."""

    next_step = "Choose a plain name, without slashes."


class AudioFileError(SdaError, OSError):
    """One audio file cannot be read; the rest of its folder can."""

    next_step = (
        "Nothing, where it is one of many: the others are used. Otherwise export the recording again, as WAV or FLAC."
    )


class CorpusError(SdaError, ValueError):
    """A folder holds nothing that can be learned from."""

    next_step = "Give a folder with recordings in it; `sda inspect FOLDER` says what is wrong with each file."


class ModelError(SdaError, ValueError):
    """A model folder cannot be used."""

    next_step = "See the kind of the error."


class ModelNotFoundError(ModelError, LookupError):
    """No model of that name, and no model folder at that path."""

    next_step = "`sda models` lists the models that there are; give one of them, or the path of a model's folder."


class ModelDamagedError(ModelError):
    """A model folder is truncated, inconsistent, or holds non-finite weights."""

    next_step = "Restore the folder from a backup, or train again. Models of others can only be refused."


class ModelVersionError(ModelError):
    """A model was written by a newer release."""

    next_step = "Upgrade this program; the model is untouched."


class CheckpointError(SdaError, ValueError):
    """A training checkpoint is missing, damaged, or of another corpus."""

    next_step = "Train again without `--resume`, or go on with the release and the recordings that the message names."


class TrainingError(SdaError, ArithmeticError):
    """Training cannot go on: no finite numbers, or no memory, whatever is tried."""

    next_step = "Go on with `--resume` from the last whole checkpoint, or train again with another `--seed`."


class SidecarError(SdaError, ValueError):
    """A take's sidecar is missing, not strict JSON, or lacks a key."""

    next_step = "Give the .json beside a take, as it was written."


class RerenderError(SdaError, ValueError):
    """A take cannot be made again bit for bit; the message lists what differs."""

    next_step = "Give the model that the take was made with, as `--model`."


class HistoryError(SdaError, OSError):
    """The history of takes cannot be read or written, or has no such take."""

    next_step = (
        "Takes are safe without it. `sda history` lists what there is; a damaged file was kept under another name."
    )


class PresetError(SdaError, ValueError):
    """A preset is missing, or its file is no preset."""

    next_step = (
        "`sda preset list MODEL` lists those that there are; correct the key that the message names, or delete it."
    )


class NothingFoundError(SdaError, ValueError):
    """A search of a model's takes found no single sound."""

    next_step = "Search longer takes (`-d 30`) or those of another `--seed`, or train on recordings of single sounds."


class OutputError(SdaError, OSError):
    """An output folder or file cannot be written."""

    next_step = "Choose another folder, or free the space that the message asks for, and run the command again."


class UploadError(SdaError, ValueError):
    """Recordings that were dropped into the studio are larger, or more, than it takes."""

    next_step = "Drop fewer or shorter recordings, or give the path of their folder instead."
