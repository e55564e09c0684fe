"""Training on the screen: what happens while it runs, and what came of it. Loaded late: it stands on the workflow floor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from small_dataset_audio.cli.corpus_report import print_summary
from small_dataset_audio.cli.errors import EXIT_INTERRUPTED, print_error
from small_dataset_audio.cli.interrupt import StopRequest, listening
from small_dataset_audio.cli.options import format_duration
from small_dataset_audio.cli.render import messages, print_entry, print_line, print_warnings, results
from small_dataset_audio.corpus import ScanProgress, summarise
from small_dataset_audio.library import CHECKPOINT_FILE
from small_dataset_audio.shell import shell_word
from small_dataset_audio.training.loop import TrainingProgress
from small_dataset_audio.training.recovery import TrainingSetback
from small_dataset_audio.workflow import (
    FirstSound,
    ModelSaved,
    NotSaved,
    PreviewMade,
    TrainingStarted,
    TrainRequest,
    train_corpus,
)

_STOP_WORDS: Final = {
    "budget": "the time budget is used",
    "plateau": "it had stopped getting better on the recordings held out",
    "cancelled": "by Ctrl-C; the model can be used as it is",
}
_LOG_EVERY: Final = 0.1  # share of the training, where there is no terminal for a bar


@dataclass
class TrainingOutcome:
    """What is known of a training so far; `saved` is the end of it."""

    request_folder: Path
    started: TrainingStarted | None = None
    saved: ModelSaved | None = None
    first_sound: FirstSound | None = None
    previews: list[PreviewMade] = field(default_factory=list)

    @property
    def resume_command(self) -> str:
        """What to type to go on."""
        name = self.started.name if self.started else ""
        return f"sda train {shell_word(self.request_folder)} --name {shell_word(name)} --resume"


class TrainingView:
    """Shows the events of a training on a console as they come, and remembers what matters at the end.

    Parameters
    ----------
    console : Console
    folder : Path
        The recordings, as the user wrote them.
    """

    def __init__(self, console: Console, folder: Path) -> None:
        self.outcome = TrainingOutcome(folder)
        self.stop = StopRequest(self._announce_stop)
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._logged = 0.0
        self._held_out: float | None = None

    def __enter__(self) -> TrainingView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()

    def show(self, event: object) -> None:
        """Show one event; those of other work are ignored."""
        match event:
            case ScanProgress():
                self._show_scan(event)
            case FirstSound():
                self.outcome.first_sound = event
                after = f"first sound after {event.elapsed_s:.0f} s, without training: "
                print_line(self._console, after, (str(event.wav_path), "bold"))
            case TrainingStarted():
                self._show_start(event)
            case TrainingProgress():
                self._show_progress(event)
            case TrainingSetback():
                print_warnings(self._console, (_setback(event),))
            case NotSaved():
                print_warnings(self._console, (f"step {event.step}: {event.reason}; training goes on",))
            case PreviewMade():
                self.outcome.previews.append(event)
                print_line(self._console, f"preview at step {event.step}: ", (str(event.wav_path), "bold"))
            case ModelSaved():
                self._end_bar()
                self.stop.can_stop_cleanly = False
                self.outcome.saved = event
                print_warnings(self._console, (event.warning,) if event.warning else ())

    def _show_scan(self, event: ScanProgress) -> None:
        self._bar("reading recordings", event.done, event.total, f"{event.done} of {event.total}")
        if event.done == event.total:  # what follows takes a few seconds and cannot be counted
            self._bar("preparing", 0, None, "")

    def _show_start(self, event: TrainingStarted) -> None:
        self._end_bar()
        self.outcome.started = event
        self.stop.can_stop_cleanly = True
        print_summary(self._console, summarise(event.corpus))
        held_out = f"; {len(event.held_out)} held out to measure how well it does" if event.held_out else ""
        used = format_duration(round(event.elapsed_s))
        begun = f", going on from step {event.step} ({used} of the budget used already)" if event.step else ""
        print_entry(self._console, "training", f"model {event.name} on {event.device}{held_out}{begun}")
        sizes = f"width {event.width}, batches of {event.batch_size}: what this machine can train in the time"
        print_entry(self._console, "size", sizes)
        if event.changes is not None:
            words = (
                f"other recordings than it began with: {event.changes}; this is no longer the training that was begun"
            )
            print_warnings(self._console, (words,))

    def _show_progress(self, event: TrainingProgress) -> None:
        losses = event.losses
        self._held_out = losses.held_out if losses.held_out is not None else self._held_out
        held_out = "" if self._held_out is None else f"  held-out {self._held_out:.3f}"
        left = format_duration(round(event.remaining_s))
        facts = f"step {event.step}/{event.total_steps}  loss {losses.reconstruction:.3f}{held_out}  {left} left"
        self._bar("training", event.progress, 1.0, facts)
        if not self._console.is_terminal and event.progress >= self._logged + _LOG_EVERY:
            self._logged = event.progress
            print_line(self._console, f"training {event.progress:.0%}: {facts}")

    def _bar(self, what: str, done: float, total: float | None, facts: str) -> None:
        if not self._console.is_terminal:
            return
        if self._progress is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(18),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("{task.fields[facts]}"),
            )
            # Results go to stdout by themselves: Rich would send them to stderr.
            self._progress = Progress(
                *columns, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._task = self._progress.add_task(what, facts=facts)
            self._progress.start()
        task = self._progress.tasks[0]
        task.total = total  # update() takes None for "as it was"; here it means a bar without an end
        self._progress.update(self._task, description=what, completed=done, facts=facts)

    def _end_bar(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _announce_stop(self) -> None:
        print_line(self._console, ("stopping: ", "yellow"), "saving what is learnt so far (Ctrl-C again stops at once)")


def _setback(event: TrainingSetback) -> str:
    back = f"back to step {event.back_to_step}"
    if event.cause == "out of memory":
        return f"step {event.step} found no memory: {back}, with batches of {event.batch_size}"
    share = "half" if event.rate_share == 0.5 else f"1/{round(1 / event.rate_share)} of"
    return f"step {event.step} came to no number: {back}, with {share} the learning rate"


def run_training(request: TrainRequest) -> TrainingOutcome:
    """Train behind a progress bar, with Ctrl-C as a request to stop.

    Raises
    ------
    SdaError
        As :func:`~small_dataset_audio.workflow.train_corpus`.
    typer.Exit
        Stopped at once.
    """
    with TrainingView(messages(), request.folder) as view, listening(view.stop), stopped_at_once(view):
        follow(train_corpus(request, should_stop=view.stop.asked), view)
    return view.outcome


def follow(events: Iterable[object], view: TrainingView) -> None:
    """Show all events."""
    for event in events:
        view.show(event)


@contextlib.contextmanager
def stopped_at_once(view: TrainingView) -> Iterator[None]:
    """Say what is left where Ctrl-C did not wait."""
    try:
        yield
    except KeyboardInterrupt:
        started = view.outcome.started
        if started is not None and (started.folder / CHECKPOINT_FILE).is_file():
            print_error(f"stopped at once; go on from the last checkpoint with: {view.outcome.resume_command}")
        else:
            print_error("stopped at once; nothing new was saved")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def print_model(outcome: TrainingOutcome) -> None:
    """Print on stdout what was made and what to type next."""
    started, saved = outcome.started, outcome.saved
    if started is None or saved is None:
        return
    console, training = results(), saved.bundle.metadata.training
    print_entry(console, "model", started.name, "bold")
    print_entry(console, "folder", str(saved.folder))
    print_entry(console, "losses", str(saved.loss_picture))
    if outcome.first_sound is not None:
        print_entry(console, "first", str(outcome.first_sound.wav_path))
    for preview in outcome.previews:
        print_entry(console, "preview", str(preview.wav_path))
    duration = format_duration(round(training.elapsed_s))
    reason = _STOP_WORDS.get(training.stop_reason, training.stop_reason)
    print_entry(console, "stopped", f"{reason} ({training.steps} steps in {duration})")
    if saved.cancelled:
        print_entry(console, "go on", outcome.resume_command, "bold cyan")
    print_entry(console, "next", f"sda generate {shell_word(started.name)}", "bold cyan")


def to_json(outcome: TrainingOutcome) -> dict[str, Any]:
    """All that a script may want to know of a training; paths are absolute."""
    started, saved = outcome.started, outcome.saved
    if started is None or saved is None:
        return {}
    metadata = saved.bundle.metadata
    training, first = metadata.training, outcome.first_sound
    return {
        "model": started.name,
        "folder": str(saved.folder.absolute()),
        "sha256": saved.bundle.sha256,
        "licence": metadata.corpus.licence,
        "device": started.device,
        "seed": training.seed,
        "steps": training.steps,
        "width": None if metadata.vae is None else metadata.vae.width,
        "batch_size": training.batch_size,
        "elapsed_s": training.elapsed_s,
        "stop_reason": training.stop_reason,
        "cancelled": saved.cancelled,
        "warning": saved.warning or None,
        "resume_command": outcome.resume_command if saved.cancelled else None,
        "loss": training.loss,
        "held_out_loss": training.held_out_loss,
        "held_out": list(started.held_out),
        "loss_picture": str(saved.loss_picture.absolute()),
        "first_sound": None if first is None else str(first.wav_path.absolute()),
        "previews": [str(preview.wav_path.absolute()) for preview in outcome.previews],
        "corpus": summarise(started.corpus).to_json(),
        "corpus_changes": None if started.changes is None else asdict(started.changes),
    }
