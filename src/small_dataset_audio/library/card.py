"""A model's card: what it was learnt from, under which licence, how well it does, in words that go with it anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from small_dataset_audio.folders import folder_size_bytes
from small_dataset_audio.library.evaluation_file import known_evaluation
from small_dataset_audio.library.home import Library
from small_dataset_audio.library.search import KINDS
from small_dataset_audio.models.corpus_files import listed_corpus_audio
from small_dataset_audio.models.metadata import ModelMetadata, read_metadata

NOT_STATED: Final = "not stated"

_UNSPECIFIED: Final = frozenset({"", "unspecified"})
_MOST_RECORDINGS: Final = 40
_LOSS_PICTURE: Final = "losses.png"
_STAGES: Final = {
    "corpus": "the corpus itself",
    "vocoder": "vocoder alone",
    "autoencoder": "autoencoder",
    "generated": "takes",
}


@dataclass(frozen=True)
class CardSection:
    """A heading and lines of two cells."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ModelCard:
    """What there is to say of a model.

    Parameters
    ----------
    name : str
    summary : str
        In one sentence.
    sections : tuple of CardSection
    loss_picture : Path or None
        Drawn by its training.
    corpus_audio : Path or None
        Its recordings, end to end, where it keeps them.
    """

    name: str
    summary: str
    sections: tuple[CardSection, ...]
    loss_picture: Path | None
    corpus_audio: Path | None


def model_card(model: str, library: Library | None = None) -> ModelCard:
    """Describe a model by what its folder says.

    Raises
    ------
    ModelNotFoundError, ModelDamagedError, ModelVersionError, InvalidNameError
    """
    folder = (library or Library()).find(model)
    metadata = read_metadata(folder)
    corpus = metadata.corpus
    losses = folder / _LOSS_PICTURE
    audio = None if metadata.corpus_audio is None else listed_corpus_audio(folder, metadata.corpus_audio)
    count = len(corpus.clips)
    return ModelCard(
        name=metadata.name,
        summary=(
            f"A {'walk along' if metadata.kind == 'linear' else 'model trained on'} {count} "
            f"{'recording' if count == 1 else 'recordings'} ({_clock(corpus.duration_s)}) from the folder {corpus.folder_name}."
        ),
        sections=tuple(section for section in _sections(folder, metadata) if section.rows),
        loss_picture=losses if losses.is_file() and not losses.is_symlink() else None,
        corpus_audio=audio if audio is not None and audio.is_file() else None,
    )


def stated_licence(licence: str) -> str:
    """The licence of a model's recordings, in words for where nobody gave one."""
    return NOT_STATED if licence.strip().lower() in _UNSPECIFIED else licence


def _sections(folder: Path, metadata: ModelMetadata) -> Iterator[CardSection]:
    yield CardSection("Model", tuple(_about_model(folder, metadata)))
    yield CardSection("Recordings", tuple(_about_corpus(metadata)))
    yield CardSection("Training", tuple(_about_training(metadata)))
    yield CardSection("Evaluation", tuple(_about_evaluation(folder)))


def _about_model(folder: Path, metadata: ModelMetadata) -> Iterator[tuple[str, str]]:
    yield "kind", KINDS[metadata.kind]
    yield "made", f"{datetime.fromisoformat(metadata.created):%Y-%m-%d %H:%M}, by sda {metadata.sda_version}"
    yield "licence of the recordings", stated_licence(metadata.corpus.licence)
    keeps = "no" if metadata.corpus_audio is None else "yes: whoever gets the model gets them too"
    yield "keeps the recordings", keeps
    yield "size", f"{folder_size_bytes(folder) / 1e6:.1f} MB"


def _about_corpus(metadata: ModelMetadata) -> Iterator[tuple[str, str]]:
    clips = metadata.corpus.clips
    yield "folder", metadata.corpus.folder_name
    yield "recordings", str(len(clips))
    yield "length", _clock(metadata.corpus.duration_s)
    if clips:
        lengths = [clip.num_samples / 48_000 for clip in clips]
        levels = [clip.level_db for clip in clips]
        yield "shortest, longest", f"{_clock(min(lengths))}, {_clock(max(lengths))}"
        yield "brought to one level by", f"{min(levels):+.1f} to {max(levels):+.1f} dB"
    if metadata.corpus_audio is not None:
        yield "channels", "mono" if metadata.corpus_audio.channels == 1 else "stereo"
    for clip in clips[:_MOST_RECORDINGS]:
        yield clip.name, _clock(clip.num_samples / 48_000)
    if len(clips) > _MOST_RECORDINGS:
        yield "and more", str(len(clips) - _MOST_RECORDINGS)


def _about_training(metadata: ModelMetadata) -> Iterator[tuple[str, str]]:
    training = metadata.training
    if not training.steps:
        return
    yield "steps", f"{training.steps} in {_clock(training.elapsed_s)}"
    yield "seed", str(training.seed)
    yield "loss", f"{training.loss:.4g}"
    if training.held_out_loss is not None:
        yield "loss on recordings held out", f"{training.held_out_loss:.4g}"
    if training.batch_size:
        yield "batch", str(training.batch_size)


def _about_evaluation(folder: Path) -> Iterator[tuple[str, str]]:
    for stage in known_evaluation(folder):
        said = [
            "" if stage.similarity_percent is None else f"{stage.similarity_percent:.0f} % like the corpus",
            "" if stage.coverage is None else f"coverage {stage.coverage:.2f}",
            "" if stage.copied_share is None else f"{100 * stage.copied_share:.0f} % copied",
        ]
        yield _STAGES.get(stage.name, stage.name), ", ".join(filter(None, said)) or "not measured"


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
