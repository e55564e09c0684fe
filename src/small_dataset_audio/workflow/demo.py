"""The whole job with nothing at hand: a corpus made by physical modelling, a model of it, and takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from small_dataset_audio.corpus.synthesis import write_demo_corpus
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow.generate import Take, generate_takes
from small_dataset_audio.workflow.pipelines import load_pipeline
from small_dataset_audio.workflow.train import train_corpus
from small_dataset_audio.workflow.train_events import ModelSaved, TrainEvent, TrainRequest

DEMO_NAME = "demo"
DEFAULT_FOLDER = Path("demo")


@dataclass(frozen=True)
class DemoRequest:
    """Settings of the demonstration.

    Parameters
    ----------
    folder : Path
        Receives ``corpus/`` and ``takes/``.
    budget_s : float [s]
        Training time.
    seed : int
        Of corpus, training and first take.
    count : int
        Takes.
    duration_s : float [s]
        Of each take.
    file_format : str
        Of the takes.
    """

    folder: Path = DEFAULT_FOLDER
    budget_s: float = 75.0
    seed: int = 0
    count: int = 4
    duration_s: float = 10.0
    file_format: str = "wav"


@dataclass(frozen=True)
class CorpusWritten:
    """The recordings to learn from are there."""

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class DemoFinished:
    """The end: what was made, in the order it was made."""

    corpus: tuple[Path, ...]
    model_name: str
    model_folder: Path
    loss_picture: Path
    takes: tuple[Take, ...]


DemoEvent = CorpusWritten | TrainEvent | Take | DemoFinished


def run_demo(
    request: DemoRequest, library: Library | None = None, *, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[DemoEvent]:
    """Synthesise a corpus, train on it, make takes with pictures.

    Parameters
    ----------
    request : DemoRequest
    library : Library, optional
        The user's own by default; the model is called ``demo``, numbered where that is taken.
    should_stop : callable
        As for :func:`~small_dataset_audio.workflow.train.train_corpus`.

    Yields
    ------
    CorpusWritten, the events of training, Take, DemoFinished

    Raises
    ------
    SdaError
        As training and generation do.
    """
    library = library or Library()
    folder = make_output_folder(request.folder)
    paths = write_demo_corpus(folder / "corpus", seed=request.seed)
    yield CorpusWritten(paths)

    name = library.free_name(DEMO_NAME)
    saved: ModelSaved | None = None
    training = TrainRequest(folder / "corpus", name, request.budget_s, request.seed, licence="CC0-1.0")
    for event in train_corpus(training, library, should_stop=should_stop):
        yield event
        if isinstance(event, ModelSaved):
            saved = event
    if saved is None:
        return

    takes = []
    config = GenerationConfig(duration_s=request.duration_s, seed=request.seed, file_format=request.file_format)
    pipeline = load_pipeline(name, library=library)
    for take in generate_takes(pipeline, config, count=request.count, output_dir=folder / "takes", plot=True):
        takes.append(take)
        yield take
    yield DemoFinished(paths, name, saved.folder, saved.loss_picture, tuple(takes))
