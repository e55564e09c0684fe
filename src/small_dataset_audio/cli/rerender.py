"""``sda rerender``: a take is made again, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from small_dataset_audio.cli.errors import EXIT_NOTHING_DONE, settings_from_options
from small_dataset_audio.cli.options import Device, Json
from small_dataset_audio.cli.render import messages, print_json, print_line, print_warnings, rendering, results, waiting

if TYPE_CHECKING:
    from small_dataset_audio.workflow import RerenderReport

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda rerender data/generated/rain/gen_20261104T101500Z_seed7.json
  sda rerender take.json --model rain-2 -o again

Exit code 0 only where the new take is the first one bit for bit. The first take is never touched.
Of a lossy file (ogg, mp3) the samples are compared that were encoded."""


def rerender(
    take: Annotated[Path, typer.Argument(metavar="TAKE.json", help="The .json beside a take, or the take itself.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Name or folder of the model.", show_default="what the .json says"),
    ] = None,
    blend: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="The same of the model that was blended in.", show_default="what the .json says"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the new take.", show_default="beside the first"),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make a take again from its .json and its model, and compare."""
    console = messages()
    with waiting(console, "making the take again"):
        from small_dataset_audio.workflow import rerender as make_again
        from small_dataset_audio.workflow import resolve_device

    with settings_from_options():
        resolve_device(device)
    with rendering(console, "making the take again") as show:
        report = make_again(take, model=model, blend=blend, output_dir=output, device=device, on_progress=show)
    if as_json:
        print_json(
            {
                "audio": str(report.wav_path.absolute()),
                "wav": str(report.wav_path.absolute()) if report.wav_path.suffix.lower() == ".wav" else None,
                "json": str(report.json_path.absolute()),
                "identical": report.identical,
                "same_file": report.same_file,
                "differences": list(report.differences),
            }
        )
    else:
        _print(report)
    print_warnings(console, report.warnings)
    if report.identical is not True:
        raise typer.Exit(EXIT_NOTHING_DONE)


def _print(report: RerenderReport) -> None:
    console = results()
    verdict, style = {
        True: ("identical, bit for bit", "bold green"),
        False: ("not identical", "bold red"),
        None: ("not comparable: the .json holds no fingerprint of the first take", "bold yellow"),
    }[report.identical]
    print_line(console, (str(report.wav_path), "bold"), "  ", (verdict, style))
    if report.identical and report.same_file is False:
        print_line(
            console, "  the file is another one: its encoder, its tags or its models' names are not as they were"
        )
    for difference in report.differences:
        print_line(console, f"  differs: {difference}")
    if report.identical is False and not report.differences:
        print_line(
            console, "  model, libraries and machine are as they were; the WAV or the .json may have been changed"
        )
