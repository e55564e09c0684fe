"""``sda analyze`` and ``sda controls``: what the controls of a model do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.options import Device, Json
from small_dataset_audio.cli.render import (
    counting,
    messages,
    print_entry,
    print_json,
    print_line,
    print_warnings,
    results,
    waiting,
)
from small_dataset_audio.errors import InvalidConfigError, SdaError
from small_dataset_audio.shell import shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from small_dataset_audio.controls.report import ControlReport

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda analyze rain
  sda controls rain
  sda controls rain --plot
  sda generate rain --set brightness=+3 --set density=-2
  sda generate rain -d 30 --set brightness=-5:+5

[bold]What the columns say[/bold]
  from, 0, to   what takes measure at -10, 0 and +10
  moves         by how many standard deviations of takes, from end to end
  drags along   what moves most with it, and by what share of that
  follows       correlation of the slider with what takes measure

A control is live where it follows at 0.90 or more, moves at least one
deviation, and drags nothing along by more than about two fifths of that,
on rehearsed takes of 10 s."""

_BAR: Final = 24
ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of a model (`sda models` lists them), or its folder.")
]


def analyze(model: ModelArgument, device: Device = "auto", as_json: Json = False) -> None:
    """Measure on rendered takes what each control of a model does, and store that with the model."""
    with settings_from_options():
        elapsed_s = measure(model, device)
    reports = _reports(model)
    if as_json:
        print_json({**_as_json(model, reports, None), "elapsed_s": round(elapsed_s, 2)})
        return
    _print(model, reports)


def measure(model: str, device: str) -> float:
    """Analyse a model behind a progress bar; returns how long it took [s].

    Raises
    ------
    SdaError
        As :func:`~small_dataset_audio.workflow.analyse`.
    """
    console = messages()
    with waiting(console, "loading the model"):
        from small_dataset_audio.workflow import AnalysisProgress, ModelAnalysed, analyse
    elapsed_s = 0.0
    with counting(console, "listening to the recordings") as show:
        for event in analyse(model, device=device):
            match event:
                case AnalysisProgress():
                    show(event.done, event.total, event.stage)
                case ModelAnalysed():
                    elapsed_s = event.elapsed_s
    return elapsed_s


def measure_after_training(model: str, device: str) -> None:
    """Do the same where the model is saved already: what goes wrong, Ctrl-C too, costs the controls alone, and is said."""
    try:
        measure(model, device)
    except (SdaError, KeyboardInterrupt) as reason:
        why = str(reason) or "stopped by Ctrl-C"
        print_warnings(messages(), (f"the model has no controls yet ({why}): sda analyze {shell_word(model)}",))


def controls(
    model: ModelArgument,
    plot: Annotated[bool, typer.Option("--plot", help="Draw them over the corpus, MODEL_controls.png.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where --plot draws, instead of the folder you are in."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the controls of a model do: which are live, how far they reach, in units."""
    reports = _reports(model)
    picture = None
    if plot or output is not None:
        from small_dataset_audio.files import make_output_folder
        from small_dataset_audio.names import safe_folder_name
        from small_dataset_audio.plots import plot_controls

        path = output or Path(f"{safe_folder_name(Path(model).name)}_controls.png")
        make_output_folder(path.parent)
        picture = plot_controls(Path(model).name, reports, path)
    if as_json:
        print_json(_as_json(model, reports, picture))
        return
    _print(model, reports)
    if picture is not None:
        print_entry(results(), "picture", str(picture))


def _reports(model: str) -> tuple[ControlReport, ...]:
    with waiting(messages(), "reading the model"):
        from small_dataset_audio.workflow import read_controls

        reports = read_controls(model)
    if reports is None:
        raise InvalidConfigError(
            f"model {model} was not analysed, so it has no controls yet: sda analyze {shell_word(model)}"
        )
    return reports


def _as_json(model: str, reports: Sequence[ControlReport], picture: Path | None) -> dict[str, Any]:
    return {
        "model": model,
        "controls": [report.to_json() for report in reports],
        "picture": None if picture is None else str(picture.absolute()),
    }


def _print(model: str, reports: Sequence[ControlReport]) -> None:
    console = results()
    console.print(_table(reports))
    live = [report for report in reports if report.is_live]
    if live:
        print_line(console, "to use one: ", (f"sda generate {shell_word(model)} --set {live[0].name}=+5", "bold cyan"))
    else:
        print_line(console, "no control is live; more recordings, and more different ones, give more to choose from")


def _table(reports: Sequence[ControlReport]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("control", no_wrap=True)
    for heading in ("from", "0", "to"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("in the corpus", no_wrap=True)
    table.add_column("moves", justify="right", no_wrap=True)
    table.add_column("drags along", no_wrap=True)
    table.add_column("follows", justify="right", no_wrap=True)
    for report in reports:
        if report.is_live:
            figures = [f"{value:.3g}" for value in (report.low, report.neutral, report.high)]
            drags = f"{report.drags} {report.drags_by / report.moves:.0%}"
            says = [f"{report.moves:.1f}", drags, f"{report.monotonicity:.2f}"]
            table.add_row(report.name, *figures, report.unit, _bar(report), *says)
        else:
            table.add_row(report.name, "-", "-", "-", report.unit, _bar(report), "-", "not live", "-", style="dim")
    return table


def _bar(report: ControlReport) -> str:
    """Draw the range over that of the corpus: dots are the corpus, = is what the slider reaches, o its middle."""
    low, high = report.corpus[1], report.corpus[-2]
    if report.is_live:
        low, high = min(low, report.low), max(high, report.high)
    width = max(high - low, 1e-12)

    def place(value: float) -> int:
        return min(max(round((value - low) / width * (_BAR - 1)), 0), _BAR - 1)

    drawn = [" "] * _BAR
    for at in range(place(report.corpus[1]), place(report.corpus[-2]) + 1):
        drawn[at] = "."
    if report.is_live:
        for at in range(place(report.low), place(report.high) + 1):
            drawn[at] = "="
        drawn[place(report.neutral)] = "o"
    return "".join(drawn)
