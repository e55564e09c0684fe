"""What a training is asked for, and what it tells on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from small_dataset_audio.corpus import Corpus, ScanProgress
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.training.config import TrainingConfig
from small_dataset_audio.training.loop import TrainingProgress
from small_dataset_audio.training.recovery import TrainingSetback
from small_dataset_audio.workflow.corpus_changes import CorpusChanges


@dataclass(frozen=True)
class TrainRequest:
    """What the user asks for.

    Parameters
    ----------
    folder : Path
        The recordings; only read.
    name : str or None
        Of the model; None takes the folder's name, numbered where that is taken.
    budget_s : float or None [s]
        Wall-clock time from start to saved model; None is the default, or on resuming what was planned. On resuming it is
        the total: what was used before counts.
    seed : int
    device : {"auto", "cpu", "cuda", "mps"}
    resume : bool
        Go on from the model's checkpoint.
    keep_audio : bool or None
        Store the corpus audio in the model folder, for the mosaic vocoder. None is True, or on resuming what was asked for
        when the training began.
    licence : str or None
        Of the recordings, as the user states it; stored with the model. None is "unspecified", or on resuming as stated when
        the training began.
    max_steps : int or None
        Train this many steps whatever the time, so that two machines do the same work.
    accept_changes : bool
        Go on from the checkpoint where the recordings are no longer those that the training began with.
    """

    folder: Path
    name: str | None = None
    budget_s: float | None = None
    seed: int = 0
    device: str = "auto"
    resume: bool = False
    keep_audio: bool | None = None
    licence: str | None = None
    max_steps: int | None = None
    accept_changes: bool = False


@dataclass(frozen=True)
class TrainingStarted:
    """The corpus is read and training begins; where it is resumed, at `step` and after `elapsed_s` of training.

    `width` of the model and `batch_size` were chosen by what this machine does in the budget, or when it was begun. `changes`
    are those of the recordings since then, where they are accepted.
    """

    name: str
    folder: Path
    corpus: Corpus = field(repr=False)
    held_out: tuple[str, ...]
    device: str
    step: int
    elapsed_s: float = 0.0
    width: int = VAEConfig.width
    batch_size: int = TrainingConfig.batch_size
    changes: CorpusChanges | None = None


@dataclass(frozen=True)
class FirstSound:
    """A take made before any training, by a walk along the recordings.

    Parameters
    ----------
    wav_path : Path
    elapsed_s : float [s]
        From the beginning of the work.
    """

    wav_path: Path
    elapsed_s: float


@dataclass(frozen=True)
class PreviewMade:
    """A short take by the model as it is so far."""

    step: int
    wav_path: Path


@dataclass(frozen=True)
class NotSaved:
    """A checkpoint or a preview on the way could not be written; training goes on.

    Of checkpoints that fail one after the other only the first is told. The next is tried when it is due.

    Parameters
    ----------
    step : int
    reason : str
        Names the file, and where the disk is full the bytes that are needed.
    """

    step: int
    reason: str


@dataclass(frozen=True)
class ModelSaved:
    """The end: a model that can be used, finished or stopped early by the user.

    Parameters
    ----------
    folder : Path
    bundle : ModelBundle
        As it will be loaded.
    loss_picture : Path
    cancelled : bool
    warning : str
        What to know before the model is used, such as that it was hardly trained; mostly empty.
    """

    folder: Path
    bundle: ModelBundle = field(repr=False)
    loss_picture: Path
    cancelled: bool
    warning: str = ""


TrainEvent = (
    ScanProgress
    | FirstSound
    | TrainingStarted
    | TrainingProgress
    | TrainingSetback
    | PreviewMade
    | NotSaved
    | ModelSaved
)
