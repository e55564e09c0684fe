"""A model in the library makes takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
from small_dataset_audio.inference.steered import clamped_controls
from small_dataset_audio.library import Library
from small_dataset_audio.models.draws import NUM_STRATA
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.plots import plot_take
from small_dataset_audio.workflow.pipelines import ModelPipeline, bring_partner, load_pipeline
from small_dataset_audio.workflow.recording import record_take
from small_dataset_audio.workflow.take_pictures import take_thumbnail

__all__ = ["Judge", "ModelPipeline", "Take", "generate_takes", "load_pipeline"]

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
        Its seed is the first take's; None draws one. Its ``blend_model`` is loaded from the pipeline's library, unless it is
        the pipeline's partner already.
    count : int [1 or more]
        Takes that are variations of one all have its seed; that of the last variation goes up instead.
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
        Called with how far a take is and how far it goes, in seconds of the take.

    Yields
    ------
    Take

    Raises
    ------
    InvalidConfigError
        Before any work: a setting, or a count or last seed out of range.
    ModelNotFoundError, ModelDamagedError, ModelVersionError
        Before any work: the model that is to be blended in.
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
    bring_partner(pipeline, config)
    judge = Judge(
        pipeline.reference_for(config) if evaluate and isinstance(pipeline, ModelPipeline) else None, config.sample_rate
    )
    for number, name in enumerate(names):
        wav_path, json_path, summary = pipeline.render_to_file(
            _numbered(config, first, number), folder, name, appraise=judge, on_progress=on_progress
        )
        picture_path = _draw(wav_path, summary) if plot else None
        take = Take(
            wav_path, json_path, picture_path, summary, judge.last, warnings=tuple(clamped_controls(summary.config))
        )
        yield _recorded(take, pipeline) if record else take


def _numbered(config: GenerationConfig, first_seed: int, number: int) -> GenerationConfig:
    """Say what the next take is: another seed, or another variation of the same one."""
    if not config.variations:
        return replace(config, seed=first_seed + number)
    *before, (amount, seed) = config.variations
    return replace(config, seed=first_seed, variations=(*before, (amount, seed + number)))


def _recorded(take: Take, pipeline: GenerationPipeline) -> Take:
    """Record a take of a library's model in that library's history."""
    if not isinstance(pipeline, ModelPipeline) or pipeline.home is None:
        return take
    recorded = record_take(History(pipeline.home), take.wav_path, take.json_path, take.picture_path)
    warnings = [*take.warnings, *filter(None, [recorded.warning])]
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
