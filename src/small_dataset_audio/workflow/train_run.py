"""One training of one model: steps, checkpoints and previews on the way, a saved model at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.corpus import Corpus, split_by_file
from small_dataset_audio.errors import CheckpointError, OutputError, TrainingError
from small_dataset_audio.files import remove_file
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import CHECKPOINT_FILE
from small_dataset_audio.models.bundle import ModelBundle, save_bundle
from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.latent_paths import fit_density, latent_path
from small_dataset_audio.models.vae import ConvVAE
from small_dataset_audio.plots import plot_losses
from small_dataset_audio.training.checkpoint import load_checkpoint, save_checkpoint
from small_dataset_audio.training.checkpoint_header import Recording
from small_dataset_audio.training.config import MIN_BUDGET_S, TrainingConfig
from small_dataset_audio.training.loop import Trainer
from small_dataset_audio.training.recovery import GOOD_EVERY_STEPS, TrainingSetback, is_out_of_memory
from small_dataset_audio.training.scale import corpus_scale
from small_dataset_audio.training.sizing import choose_size, time_a_step
from small_dataset_audio.training.state import TrainingState, new_state
from small_dataset_audio.workflow.corpus_changes import CorpusChanges, changes_between
from small_dataset_audio.workflow.describe import DENSITY, NO_LICENCE, describe_model, describe_training
from small_dataset_audio.workflow.finishing import finishing_time_s, time_of_a_fit_s
from small_dataset_audio.workflow.room import require_room
from small_dataset_audio.workflow.train_events import ModelSaved, NotSaved, PreviewMade, TrainEvent, TrainRequest

LOSS_PICTURE = "losses.png"
GAVE_UP = "gave up"
"""Why a training stopped that could not make its next step."""
PREVIEW_FOLDER = "previews"
_CHECKPOINT_EVERY_S = 30.0
_PREVIEW_AT = (0.25, 0.6)  # shares of the training after which a preview is rendered
_PREVIEW_S = 4.0
_PREVIEW_SHARE = 0.03  # of the budget: a preview that would take longer is not made
_FEW_STEPS = 50


class TrainRun:
    """Corpus in memory, state of the training, and where things are written.

    Parameters
    ----------
    request : TrainRequest
    name : str
        Of the model, as the user wrote it.
    folder : Path
        Of the model; it exists, and is locked.
    corpus : Corpus
    device : torch.device
    started : float
        When the clock of the budget began, by `clock`.
    clock : callable, optional
        Monotonic seconds; `time.monotonic` by default.

    Attributes
    ----------
    changes : CorpusChanges or None
        What differs from the recordings that a resumed training began with.

    Raises
    ------
    CheckpointError
        On resuming: nothing to go on from, or another corpus that is not accepted.
    OutputError
        The disk has no room for checkpoints and model.
    """

    def __init__(
        self,
        request: TrainRequest,
        name: str,
        folder: Path,
        corpus: Corpus,
        device: torch.device,
        started: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._request = request
        self._name = name
        self._folder = folder
        self._corpus = corpus
        self._device = device
        self._clock = clock or time.monotonic
        self._spectrogram = AudioSpectrogram().to(device)
        self._keep_audio = request.keep_audio is not False
        self._licence = request.licence or NO_LICENCE
        self.changes: CorpusChanges | None = None
        self._previews_done = 0
        self._could_save = True
        self.state, self._config = self._resume() if request.resume else self._begin(started)
        split = split_by_file(corpus, self._config.held_out_share, self._config.seed)
        self._train = [corpus.clips[index].audio for index in split.train]
        self._held_out = [corpus.clips[index].audio for index in split.held_out]
        self.held_out_names = tuple(corpus.clips[index].name for index in split.held_out)
        self._trainer = Trainer(self.state, self._train, self._held_out, self._spectrogram, self._config, self._clock)
        self._preview_s = self._fit_s
        self._last_saved = self._clock()
        weights = self.state.model.state_dict()
        require_room(folder, corpus, weights, self._config.max_steps, keep_audio=self._keep_audio)

    @property
    def batch_size(self) -> int:
        """Crops in a batch."""
        return self.state.batch_size

    def train(self, should_stop: Callable[[], bool]) -> Iterator[TrainEvent]:
        """Train, with checkpoints and previews on the way, and save the model.

        Raises
        ------
        TrainingError
            A step cannot be made, whatever is tried. What was learnt before it is saved; the message says so.
        OutputError
            The last checkpoint, or the model, cannot be written.
        """
        try:
            cancelled = yield from self._steps(should_stop)
        except TrainingError as error:
            raise TrainingError(f"{error}; {self._save_what_is_left()}") from error
        # First the checkpoint: whatever happens while the model is built, nothing learnt is lost.
        self._save_checkpoint()
        bundle, picture = self._save_model("cancelled" if cancelled else self._trainer.stop_reason)
        if not cancelled:
            (self._folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        yield ModelSaved(self._folder, bundle, picture, cancelled, _warning(self.state.step, cancelled))

    def _steps(self, should_stop: Callable[[], bool]) -> Generator[TrainEvent, None, bool]:
        """Train to the end; returns whether it was stopped before."""
        yield from self._preview_when_due()  # a training that was killed while it made one makes it again
        for event in self._trainer.run():
            yield event
            if isinstance(event, TrainingSetback):
                self._previews_done = min(self._previews_done, _previews_due(self.state.progress))
                continue
            if event.stop_reason:
                break
            if should_stop():
                return True
            yield from self._preview_when_due()
            if self._is_checkpoint_due():
                yield from self._checkpoint_on_the_way()
        return False

    def _save_model(self, stop_reason: str) -> tuple[ModelBundle, Path]:
        bundle = save_bundle(self._folder, self._build_bundle(stop_reason))
        return bundle, plot_losses(self.state.history, self._folder / LOSS_PICTURE, title=self._name)

    def _save_what_is_left(self) -> str:
        """Save the last good state of a training that has to give up; returns what there is now."""
        step = self.state.step
        if step == 0:
            if (self._folder / CHECKPOINT_FILE).is_file():  # of steps that were gone back on
                return "the checkpoint that is there is whole, and --resume goes on from it"
            return "no step was made, so nothing is saved"
        try:
            self._save_checkpoint()
        except OutputError as error:
            return f"what was learnt up to step {step} is lost: {error}"
        rest = f"--resume goes on from step {step} with other batches"
        try:
            self._save_model(GAVE_UP)
        except OutputError as error:
            return f"{rest}, but there is no model yet: {error}"
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return f"{rest}, but there was no memory to make a model"
        return f"what was learnt up to step {step} is saved as a model that can be used, and {rest}"

    def _begin(self, started: float) -> tuple[TrainingState, TrainingConfig]:
        request = self._request
        clips = [clip.audio for clip in self._corpus.clips]
        mean, deviation = corpus_scale(clips, self._spectrogram)
        sizes = VAEConfig(mel_mean=mean, mel_std=deviation)
        config = TrainingConfig(seed=request.seed, max_steps=request.max_steps)
        model = self._new_model(sizes)
        self._fit_s = time_of_a_fit_s(model.eval(), self._spectrogram, clips)
        ends = started + (config.budget_s if request.budget_s is None else request.budget_s)
        if request.max_steps is None:  # a number of steps is asked for so that two machines do the same work
            left_s = ends - finishing_time_s(self._corpus, self._fit_s) - self._clock()
            size = choose_size(left_s, lambda size: time_a_step(size, clips, self._spectrogram, self._device))
            config = replace(config, batch_size=size.batch_size)
            if size.width != sizes.width:
                model = self._new_model(replace(sizes, width=size.width))
                self._fit_s = time_of_a_fit_s(model.eval(), self._spectrogram, clips)
        ends -= finishing_time_s(self._corpus, self._fit_s)
        config = replace(config, budget_s=max(ends - self._clock(), MIN_BUDGET_S))
        return new_state(model, config), config

    def _new_model(self, sizes: VAEConfig) -> ConvVAE:
        with torch.random.fork_rng(devices=[]):
            # torch's layers can only be initialised from the global generator; this gives it back as it was.
            torch.manual_seed(self._request.seed)
            return ConvVAE(sizes).to(self._device)

    def _resume(self) -> tuple[TrainingState, TrainingConfig]:
        path = self._folder / CHECKPOINT_FILE
        state, header = load_checkpoint(path, self._device)
        self._previews_done = header.previews_done
        if header.corpus_hash != self._corpus.content_hash:
            self._accept_changes(state, changes_between(header.recordings, self._corpus.clips))
        if self._request.keep_audio is None:
            self._keep_audio = header.keep_audio
        if self._request.licence is None:
            self._licence = header.licence
        self._fit_s = time_of_a_fit_s(
            state.model.eval(), self._spectrogram, [clip.audio for clip in self._corpus.clips]
        )
        config = header.training
        if self._request.budget_s is not None:
            config = replace(config, budget_s=max(self._request.budget_s, MIN_BUDGET_S))
        return state, config

    def _accept_changes(self, state: TrainingState, changes: CorpusChanges) -> None:
        if not self._request.accept_changes:
            raise CheckpointError(
                f"the recordings in {self._corpus.folder} are not those that {self._name!r} began with: {changes}; "
                "put them back, go on with what is there by --accept-changes, or train a new model under another --name"
            )
        self.changes = changes
        # Other recordings are held out: what was measured on those of before says nothing about these.
        state.best_held_out, state.best_progress, state.annealing_steps_left = None, state.progress, None
        state.good = None

    def _is_checkpoint_due(self) -> bool:
        """Whether it is time; it waits for a step at which the checkpoint need not hold two states, but not for long."""
        waited_s = self._clock() - self._last_saved
        return waited_s > (1 if self.state.step % GOOD_EVERY_STEPS == 0 else 2) * _CHECKPOINT_EVERY_S

    def _save_checkpoint(self) -> None:
        save_checkpoint(
            self._folder / CHECKPOINT_FILE,
            self.state,
            self._config,
            self._corpus.content_hash,
            keep_audio=self._keep_audio,
            licence=self._licence,
            recordings=[Recording(clip.name, clip.content_hash) for clip in self._corpus.clips],
            previews_done=self._previews_done,
        )
        self._last_saved, self._could_save = self._clock(), True

    def _checkpoint_on_the_way(self) -> Iterator[NotSaved]:
        """Save a checkpoint; one that cannot be written is told, and a later one may find room again."""
        try:
            self._save_checkpoint()
        except OutputError as error:
            self._last_saved = self._clock()
            if self._could_save:
                yield NotSaved(self.state.step, _cause(error))
            self._could_save = False

    def _preview_when_due(self) -> Iterator[PreviewMade | NotSaved]:
        if self._previews_done >= _previews_due(self.state.progress) or self.state.progress >= 1.0:
            return
        if self._has_time_for(self._preview_s):
            yield from self._checkpoint_on_the_way()  # whatever stops the training from here on, it can be gone on with
            try:
                made: PreviewMade | NotSaved = self._preview(self.state.step)
            except OutputError as error:
                made = NotSaved(self.state.step, _cause(error))
            self._preview_s = self._clock() - self._last_saved
            yield made
        self._previews_done += 1

    def _has_time_for(self, duration_s: float) -> bool:
        """Whether a preview that takes this long may be made; a fixed number of steps reads no clock."""
        return self._config.max_steps is not None or duration_s < _PREVIEW_SHARE * self._config.budget_s

    def _preview(self, step: int) -> PreviewMade:
        """Render a few seconds through the pipeline and the export that takes go through."""
        pipeline = GenerationPipeline.from_bundle(self._build_bundle("preview"), self._device)
        result = pipeline.generate(GenerationConfig(duration_s=_PREVIEW_S, seed=self._config.seed))
        stem = f"step_{step:06d}"
        folder = self._folder / PREVIEW_FOLDER
        for stale in (folder / f"{stem}.wav", folder / f"{stem}.json"):
            remove_file(stale)  # a resumed training renders the same step again
        wav_path, _ = pipeline.export(result, folder, f"{stem}.wav")
        return PreviewMade(step, wav_path)

    def _build_bundle(self, stop_reason: str) -> ModelBundle:
        model = self._trainer.averaged_model()
        paths = [latent_path(model, self._spectrogram, clip.audio) for clip in self._corpus.clips]
        density = fit_density(paths, DENSITY)
        clips = tuple(clip.audio for clip in self._corpus.clips) if self._keep_audio else ()
        metadata = describe_model(
            self._name,
            self._corpus,
            describe_training(self.state, self._config, stop_reason),
            model.config,
            spectrogram=self._spectrogram.config,
            density=density.config,
            licence=self._licence,
        )
        sides = self._corpus.sides if self._keep_audio else ()
        return ModelBundle(metadata, model, self._spectrogram, density, clips, sides=sides)


def _previews_due(progress: float) -> int:
    return sum(progress >= share for share in _PREVIEW_AT)


def _cause(error: OutputError) -> str:
    """Cut off the next step, which a message ends in: while training goes on, there is none."""
    message = str(error)
    return message.rpartition("; ")[0] or message


def _warning(steps: int, cancelled: bool) -> str:
    if steps >= _FEW_STEPS:
        return ""
    count = "1 step was" if steps == 1 else f"{steps} steps were"
    return f"only {count} trained: " + ("go on with --resume" if cancelled else "give it --budget 3m or more")
