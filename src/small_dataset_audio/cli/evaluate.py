"""``sda evaluate``: how like its corpus a model sounds, and which stage costs what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.options import Device, Json, parse_duration
from small_dataset_audio.cli.render import counting, messages, print_entry, print_json, print_line, results, waiting

if TYPE_CHECKING:
    from rich.table import Table

    from small_dataset_audio.evaluation import Match, ModelEvaluation, StageReport

DEFAULT_DURATION_S: Final = 60.0

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda evaluate rain
  sda evaluate rain --plot
  sda evaluate rain --duration 2m --json > rain.json

[bold]What the columns say[/bold]
  like corpus   100 % is one half of the corpus against the other, or nearer;
                0 % is steady noise of its colour
  distance      of the two clouds of sounds; about 0 cannot be told apart
  density       1 is as dense as the corpus, more is crowding on a part of it
  coverage      how much of the corpus is reached
  copied        half seconds that are in the recordings word for word
  longest copy  longest stretch that follows one recording
  resemblance   dB to the nearest half second of the corpus; a take is new
                where it lies between the corpus to itself and to its other
                files

What is lost between two of the middle lines is lost there. Takes that keep
to the recordings are played from them, past vocoder and autoencoder, so the
last line can be over them."""

_NAMES: Final = {
    "corpus": "the corpus itself",
    "vocoder": "vocoder alone",
    "autoencoder": "autoencoder",
    "generated": "generated",
}


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of a model (`sda models` lists them), or its folder.")
    ],
    duration: Annotated[
        float,
        typer.Option(
            "-d", "--duration", parser=parse_duration, metavar="SECONDS", help="How much audio goes through each stage."
        ),
    ] = DEFAULT_DURATION_S,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw a map of the corpus and of what is made, MODEL_evaluation.png.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where --plot draws, instead of the folder you are in."),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model: how like its recordings it sounds, how much it copies, and which stage costs what."""
    picture_path = _picture_path(model, output) if plot or output is not None else None
    evaluation = _measure(model, duration, device)
    picture = None
    if picture_path is not None:
        from small_dataset_audio.plots import plot_evaluation

        picture = plot_evaluation(evaluation, picture_path)
    if as_json:
        print_json({**evaluation.to_json(), "picture": None if picture is None else str(picture.absolute())})
        return
    console = results()
    console.print(_table(evaluation))
    _print_resemblance(evaluation)
    _print_copies(evaluation)
    if picture is not None:
        print_entry(console, "picture", str(picture))


def _picture_path(model: str, output: Path | None) -> Path:
    """Find out where the picture goes, before the work."""
    from small_dataset_audio.files import make_output_folder
    from small_dataset_audio.names import safe_folder_name

    path = output or Path(f"{safe_folder_name(Path(model).name)}_evaluation.png")
    make_output_folder(path.parent)
    return path


def _measure(model: str, duration_s: float, device: str) -> ModelEvaluation:
    console = messages()
    with waiting(console, "loading the model"):
        from small_dataset_audio.workflow import EvaluationFinished, StageStarted, evaluate_model
    evaluation = None
    with settings_from_options(), counting(console, "measuring") as show:
        for event in evaluate_model(model, duration_s=duration_s, device=device):
            if isinstance(event, StageStarted):
                show(event.number - 1, event.total, f"measuring: {_NAMES[event.name]}")
            elif isinstance(event, EvaluationFinished):
                evaluation = event.evaluation
    if evaluation is None:
        raise RuntimeError("the evaluation ended without a result")
    return evaluation


def _table(evaluation: ModelEvaluation) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("stage", no_wrap=True)
    for heading in ("like corpus", "distance", "density", "coverage", "copied", "longest copy", "resemblance"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in evaluation.stages:
        table.add_row(*_cells(stage))
    return table


def _cells(stage: StageReport) -> list[str]:
    similarity = stage.similarity
    return [
        _NAMES[stage.name],
        _number(similarity.similarity_percent, "{:.0f} %"),
        _number(similarity.distance, "{:.0f}"),
        _number(similarity.density, "{:.2f}"),
        _number(similarity.coverage, "{:.2f}"),
        _number(None if stage.copied_share is None else 100 * stage.copied_share, "{:.0f} %"),
        _number(stage.longest_copied_s, "{:.2f} s"),
        _number(stage.resemblance_db, "{:.1f} dB"),
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _print_resemblance(evaluation: ModelEvaluation) -> None:
    """Say what the takes' resemblance is to be held against."""
    itself, others = (_number(value, "{:.1f} dB") for value in (evaluation.corpus_own_db, evaluation.corpus_others_db))
    print_line(results(), f"resemblance of the corpus: to itself {itself}, to its other files {others}")


def _print_copies(evaluation: ModelEvaluation) -> None:
    """Name the longest stretch that a take repeats; where nothing is repeated, the nearest half second."""
    generated = evaluation.stages[-1]
    longest = [piece.longest for piece in generated.copying if piece.longest is not None]
    console = results()
    if longest:
        match = max(longest, key=lambda each: each.duration_s)
        print_line(console, f"longest copy: {match.duration_s:.2f} s of {_place(match)}")
        return
    print_line(console, "no half second of the takes is in the recordings word for word")
    nearest = [piece.nearest for piece in generated.copying if piece.nearest is not None]
    if nearest:
        match = max(nearest, key=lambda each: abs(each.correlation))
        print_line(
            console, f"nearest: {match.duration_s:.2f} s of {_place(match)} (correlation {match.correlation:.2f})"
        )


def _place(match: Match) -> str:
    return f"{match.file}, from {format_position(match.file_s)} on"


def format_position(seconds: float) -> str:
    """Write a place in a recording as players show it: ``1:02.5``."""
    minutes, rest = divmod(max(round(seconds, 1), 0.0), 60.0)
    return f"{minutes:.0f}:{rest:04.1f}"
