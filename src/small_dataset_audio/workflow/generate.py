"""A model in the library makes takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.io import read_audio
from small_dataset_audio.errors import AudioFileError, HistoryError, OutputError
from small_dataset_audio.evaluation.takes import CorpusReference, TakeEvaluation, temper_rating
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.history import History
from small_dataset_audio.inference.config import GenerationConfig, check_count
from small_dataset_audio.inference.export import check_destination, numbered_names
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.inference.pieces import Stream
from small_dataset_audio.inference.results import Appraisal, TakeSummary
from small_dataset_audio.library import Library
from small_dataset_audio.memory import release_free_memory
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.models.draws import NUM_STRATA
from small_dataset_audio.models.vocoder.mosaic import MosaicVocoder
from small_dataset_audio.models.vocoder.protocol import Vocoder
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.plots import plot_take
from small_dataset_audio.workflow.device import resolve_device
from small_dataset_audio.workflow.recording import record_take
from small_dataset_audio.workflow.take_pictures import take_thumbnail

DEFAULT_OUTPUT = Path("data") / "generated"
LONGEST_PICTURE_S = 60.0  # a spectrogram of an hour would need the memory that the take did not
LONGEST_EVALUATION_S = 60.0  # so would an evaluation


@dataclass(frozen=True)
class Take:
    """A written take.

    Parameters
    ----------
    wav_path, json_path : Path
        The sound file, a WAV unless another format was asked for, and its sidecar.
    picture_path : Path or None
        Waveform and spectrogram, where asked for; of the first minute where the take is longer.
    result : TakeSummary
        What was made; the samples themselves are in the file.
    evaluation : TakeEvaluation or None
        How it stands to the corpus; None where that was not wanted, or where the model keeps no recordings.
    history_id : int or None
        Its number in the history; None where it is not recorded.
    thumbnail_path : Path or None
        A small picture of it in the library's home, where it is recorded.
    warnings : tuple of str
        What did not go as it should, though the take is whole: it could not be recorded, say.
    """

    wav_path: Path
    json_path: Path
    picture_path: Path | None
    result: TakeSummary = field(repr=False)
    evaluation: TakeEvaluation | None = field(default=None, repr=False)
    history_id: int | None = None
    thumbnail_path: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def audio_path(self) -> Path:
        """The sound file, whatever its format."""
        return self.wav_path

    @property
    def quality(self) -> dict[str, Any]:
        """The take's quality, as its sidecar has it; a take that is known to be far from its corpus has no green."""
        return self.result.quality


class ModelPipeline(GenerationPipeline):
    """The pipeline of a saved model, which takes can be compared with.

    Attributes
    ----------
    corpus : tuple of (str, ndarray [shape=(samples,), float32, 48 kHz])
        Name and audio of each recording; empty where the model keeps none.
    home : Path or None
        Of the library that it was loaded by, whose history its takes are recorded in.
    """

    corpus: tuple[tuple[str, NDArray[np.float32]], ...] = ()
    home: Path | None = None

    @cached_property
    def reference(self) -> CorpusReference | None:
        """The corpus made ready for evaluating takes, at the first use; None where the model keeps no audio."""
        if not self.corpus:
            return None
        return CorpusReference([clip for _, clip in self.corpus], [name for name, _ in self.corpus])

    @property
    def default_vocoder(self) -> Vocoder:
        """The one that renders takes unless another is asked for."""
        return self._choose_vocoder(GenerationConfig())


def load_pipeline(model: str, *, device: str = "auto", library: Library | None = None) -> ModelPipeline:
    """Load a model by name or folder, ready to generate.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidConfigError
    """
    chosen: torch.device = resolve_device(device)
    library = library or Library()
    bundle = load_bundle(library.find(model), chosen)
    pipeline = ModelPipeline.from_bundle(bundle, chosen)
    pipeline.home = library.root
    mosaic = pipeline.vocoders.get("mosaic")
    if isinstance(mosaic, MosaicVocoder):
        names = [clip.name for clip in bundle.metadata.corpus.clips]
        # As the mosaic holds them: those of the bundle are let go of, since an hour twice is too much.
        pipeline.corpus = tuple(zip(names, mosaic.recordings, strict=True))
    del bundle
    release_free_memory()
    return pipeline


def generate_takes(
    pipeline: GenerationPipeline,
    config: GenerationConfig,
    *,
    count: int = 1,
    output_dir: Path | None = None,
    filename: str | None = None,
    plot: bool = False,
    evaluate: bool = True,
    record: bool = True,
    on_progress: Callable[[float, float], None] | None = None,
) -> Iterator[Take]:
    """Make and write takes, one after the other; their seeds go up from the first.

    Where several are made and no seed is given, the first is drawn so that they share the corpus out
    (:class:`~small_dataset_audio.models.draws.SpreadDraws`).

    Memory does not grow with their length: a take goes to disk as it is made.

    Parameters
    ----------
    pipeline : GenerationPipeline
    config : GenerationConfig
        Its seed is the first take's; None draws one.
    count : int [1 or more]
    output_dir : Path, optional
        Takes are written flat into it; ``data/generated/{model_name}`` without one.
    filename : str, optional
        A plain name; several takes have numbers behind it. By time and seed without one.
    plot : bool
        Draw waveform and spectrogram beside each take.
    evaluate : bool
        Compare each take with the corpus, where the model keeps it: similarity and copying stand in the sidecar, under
        ``evaluation``. Of a take over a minute, the first minute is compared.
    record : bool
        Record each take in the history, where the pipeline is that of a library's model. A take that cannot be recorded is
        written all the same, and has a warning.
    on_progress : callable, optional
        Called with the seconds of a take that are rendered, and with all its seconds.

    Yields
    ------
    Take

    Raises
    ------
    InvalidConfigError
        Before any work: a setting, or a count or last seed out of range.
    OutputError
        Before any work: the folder cannot be written, or a file of a name that was given is there already.
    """
    config.validate()
    check_count(config, count)
    first = _draw_first_seed(count) if config.seed is None else config.seed
    folder = make_output_folder(output_dir or DEFAULT_OUTPUT / safe_folder_name(pipeline.model_name))
    names = numbered_names(filename, config.file_format, count)
    for name in names:
        check_destination(folder, name, 0, config.file_format)
    judge = Judge(pipeline.reference if evaluate and isinstance(pipeline, ModelPipeline) else None, config.sample_rate)
    for seed, name in zip(range(first, first + count), names, strict=True):
        wav_path, json_path, summary = pipeline.render_to_file(
            replace(config, seed=seed), folder, name, appraise=judge, on_progress=on_progress
        )
        take = Take(wav_path, json_path, _draw(wav_path, summary) if plot else None, summary, judge.last)
        yield _recorded(take, pipeline) if record else take


def _recorded(take: Take, pipeline: GenerationPipeline) -> Take:
    """Record a take of a library's model in that library's history."""
    if not isinstance(pipeline, ModelPipeline) or pipeline.home is None:
        return take
    recorded = record_take(History(pipeline.home), take.wav_path, take.json_path, take.picture_path)
    warnings = [recorded.warning] if recorded.warning else []
    thumbnail = None
    if recorded.id is not None:
        try:
            thumbnail = take_thumbnail(recorded.id, library=Library(pipeline.home))
        except (HistoryError, AudioFileError, OutputError) as error:  # the take is whole, and recorded
            warnings.append(f"{take.wav_path.name} is written, but has no thumbnail: {error}")
    return replace(take, history_id=recorded.id, thumbnail_path=thumbnail, warnings=tuple(warnings))


def _draw_first_seed(count: int) -> int:
    """Draw a seed under 2**31; for several takes one that a block of strata begins with."""
    seed = secrets.randbelow(2**31)
    return seed if count == 1 else seed - seed % NUM_STRATA


class Judge:
    """Compares each finished take with the corpus: for the sidecar's section, and for its rating.

    Parameters
    ----------
    reference : CorpusReference or None
        Without one nothing is compared, and every score stays as it is.
    sample_rate : int [Hz]
        Of the takes.

    Attributes
    ----------
    last : TakeEvaluation or None
        What was found for the last take.
    """

    def __init__(self, reference: CorpusReference | None, sample_rate: int) -> None:
        self._reference = reference
        self._sample_rate = sample_rate
        self.last: TakeEvaluation | None = None

    def __call__(self, take: Stream, quality: Mapping[str, Any]) -> Appraisal:
        """Evaluate a take; of one over a minute, the first minute."""
        if self._reference is None:
            return Appraisal(quality)
        heard = take.first(round(LONGEST_EVALUATION_S * self._sample_rate))
        self.last = self._reference.evaluate(heard, self._sample_rate)
        rating = temper_rating(quality, self.last.similarity_percent)
        return Appraisal(rating, {"evaluation": self.last.to_json()})


def _draw(wav_path: Path, summary: TakeSummary) -> Path:
    shown_s = min(summary.duration_s, LONGEST_PICTURE_S)
    shown = read_audio(wav_path, max_samples=round(shown_s * summary.sample_rate) * summary.channels)
    title = wav_path.stem if shown_s == summary.duration_s else f"{wav_path.stem}: the first {shown_s:.0f} s"
    return plot_take(shown.audio, summary.sample_rate, wav_path.with_suffix(".png"), title=title)
