"""First sound in seconds: a model that walks along the recordings, made without any training.

It is a model like any other, with the same density, vocoder and pipeline. Only its autoencoder is a linear one
(:mod:`small_dataset_audio.models.linear`), which is fitted instead of trained. ``sda generate FOLDER`` keeps it in the library,
so that its takes can be made again; ``sda train`` uses one for the first take and throws it away.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from small_dataset_audio.audio.config import SpectrogramConfig
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.constants import SAMPLE_RATE, STEP_SAMPLES
from small_dataset_audio.corpus import MODEL_SCAN, Corpus, ScanProgress, iter_scan, require_usable
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library, ModelEntry, display_folder_name
from small_dataset_audio.models.bundle import ModelBundle, save_bundle
from small_dataset_audio.models.config import LinearConfig
from small_dataset_audio.models.latent_paths import LEAD_STEPS, TAIL_STEPS, fit_density, latent_path
from small_dataset_audio.models.linear import fit_linear
from small_dataset_audio.models.metadata import TrainingEntry
from small_dataset_audio.workflow.describe import DENSITY, NO_LICENCE, describe_clips, describe_model
from small_dataset_audio.workflow.device import resolve_device

WALK_SUFFIX: Final = "-walk"
"""Ends the name of every model that was made without training."""

FIRST_SOUND_FILE: Final = "first_sound.wav"
_FIRST_SOUND_S: Final = 10.0
_ENOUGH_S: Final = 120.0  # of the corpus, for one take of 10 s; an hour of it would take many times the time


@dataclass(frozen=True)
class WalkProgress:
    """News of the making of a walk model: the stage (a word for people), and how much of it is done."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class WalkModelReady:
    """The end: a model in the library that can be used.

    Parameters
    ----------
    name : str
    folder : Path
    corpus : Corpus
    is_new : bool
        False where it was there already, made of the same recordings.
    elapsed_s : float [s]
        From the beginning of the scan.
    """

    name: str
    folder: Path
    corpus: Corpus = field(repr=False)
    is_new: bool
    elapsed_s: float


WalkEvent = ScanProgress | WalkProgress | WalkModelReady


def quick_model(folder: Path, library: Library | None = None, *, device: str = "auto") -> Iterator[WalkEvent]:
    """Make a model of a folder of recordings in seconds, or find the one that was made of the same recordings before.

    Parameters
    ----------
    folder : Path
        The recordings; only read.
    library : Library, optional
        The user's own by default. The model is named after the folder, with :data:`WALK_SUFFIX` behind it, numbered where
        that is taken.
    device : {"auto", "cpu", "cuda", "mps"}

    Yields
    ------
    ScanProgress, WalkProgress, WalkModelReady
        In this order; the last one once.

    Raises
    ------
    InvalidConfigError
        A device that this machine does not have.
    CorpusError
        The folder is missing or holds nothing usable.
    OutputError
        The library cannot be written.
    """
    started = time.monotonic()
    chosen = resolve_device(device)
    library = library or Library()
    make_output_folder(library.models_folder)
    corpus = require_usable((yield from iter_scan(folder, MODEL_SCAN)))
    kept = _kept_model(library, corpus)
    if kept is not None and kept.metadata is not None:
        yield WalkModelReady(kept.metadata.name, kept.folder, corpus, False, time.monotonic() - started)
        return
    name, place = _claim_name(library, display_folder_name(folder) + WALK_SUFFIX)
    try:
        save_bundle(place, (yield from _fit(corpus, name, chosen, NO_LICENCE)))
    finally:
        with contextlib.suppress(OSError):  # it holds a model
            place.rmdir()
    yield WalkModelReady(name, place, corpus, True, time.monotonic() - started)


def render_first_sound(
    corpus: Corpus, name: str, folder: Path, device: torch.device, *, seed: int = 0, licence: str = NO_LICENCE
) -> Path:
    """Write a take of 10 s without any training; the model that made it is not kept.

    Parameters
    ----------
    corpus : Corpus
        Of a large one, two minutes are used.
    name : str
        Of the model that will be trained.
    folder : Path
        Receives ``first_sound.wav`` and its sidecar; older ones are replaced.
    device : torch.device
    seed : int
    licence : str

    Returns
    -------
    Path
        Of the WAV.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    bundle = _finish(_fit(_some_of(corpus, seed), name + WALK_SUFFIX, device, licence))
    pipeline = GenerationPipeline.from_bundle(bundle, device)
    pipeline.model_name = "unknown"  # no library will hold it: `sda rerender` must not take another of that name
    result = pipeline.generate(GenerationConfig(duration_s=_FIRST_SOUND_S, seed=seed))
    path = folder / FIRST_SOUND_FILE
    for stale in (path, path.with_suffix(".json")):
        stale.unlink(missing_ok=True)  # of a training that was killed
    wav_path, _ = pipeline.export(result, folder, FIRST_SOUND_FILE)
    return wav_path


def _fit(corpus: Corpus, name: str, device: torch.device, licence: str) -> Generator[WalkProgress, None, ModelBundle]:
    """Components, paths and neighbours: everything that a model has, but for its hash."""
    began = time.monotonic()
    spectrogram = AudioSpectrogram().to(device)
    clips = [clip.audio for clip in corpus.clips]
    yield WalkProgress("learning which levels go together", 0, 1)
    fitted, loss = fit_linear(spectrogram.waveform_to_mel(_among_silence(clip)) for clip in clips)
    model = fitted.to(device)
    paths: list[NDArray[np.float32]] = []
    for clip in clips:
        yield WalkProgress("following the recordings", len(paths), len(clips))
        paths.append(latent_path(model, spectrogram, clip))
    yield WalkProgress("finding where they resemble each other", 0, 1)
    density = fit_density(paths, DENSITY)
    elapsed_s = round(time.monotonic() - began, 2)
    metadata = describe_model(
        name,
        corpus,
        TrainingEntry(
            seed=0, steps=0, elapsed_s=elapsed_s, budget_s=0.0, stop_reason="fitted", loss=loss, held_out_loss=None
        ),
        model.config,
        spectrogram=spectrogram.config,
        density=density.config,
        licence=licence,
    )
    return ModelBundle(metadata, model, spectrogram, density, tuple(clips), sides=corpus.sides)


def _finish(steps: Generator[object, None, ModelBundle]) -> ModelBundle:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            bundle: ModelBundle = end.value
            return bundle


def _among_silence(clip: NDArray[np.float32]) -> torch.Tensor:
    """The recording as a path has it: silence is one of the sounds that components must show."""
    return torch.from_numpy(np.pad(clip, (LEAD_STEPS * STEP_SAMPLES, TAIL_STEPS * STEP_SAMPLES)))


def _some_of(corpus: Corpus, seed: int) -> Corpus:
    """Two minutes of recordings drawn by lot, in their order; all of a smaller corpus."""
    left = round(_ENOUGH_S * SAMPLE_RATE)
    chosen = {}
    for index in np.random.default_rng(seed).permutation(len(corpus.clips)):
        clip = corpus.clips[index]
        chosen[int(index)] = replace(clip, audio=clip.audio[:left], side=None)  # what is made of them is mono
        left -= len(clip.audio)
        if left <= 0:
            break
    return replace(corpus, clips=tuple(chosen[index] for index in sorted(chosen)))


def _kept_model(library: Library, corpus: Corpus) -> ModelEntry | None:
    """A walk model of the same recordings, made with the settings that one would be made with now."""
    channels = 2 if corpus.sides else 1
    levels_db = sorted(entry.level_db for entry in describe_clips(corpus))
    for entry in library.entries():
        metadata = entry.metadata
        if (
            metadata is not None
            and metadata.linear == LinearConfig()
            and metadata.density == DENSITY
            and metadata.spectrogram == SpectrogramConfig()
            and metadata.corpus.content_hash == corpus.content_hash
            and sorted(clip.level_db for clip in metadata.corpus.clips) == levels_db
            and metadata.corpus_audio is not None
            and metadata.corpus_audio.channels == channels
        ):
            return entry
    return None


def _claim_name(library: Library, wanted: str) -> tuple[str, Path]:
    """Make the folder of the first free name; two processes never get the same."""
    while True:
        name = library.free_name(wanted)
        with contextlib.suppress(FileExistsError):
            library.folder_of(name).mkdir()
            return name, library.folder_of(name)
