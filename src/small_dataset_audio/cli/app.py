"""The application: its commands, global options, and how it ends."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from small_dataset_audio._version import __version__
from small_dataset_audio.cli.controls import analyze, controls
from small_dataset_audio.cli.demo import demo
from small_dataset_audio.cli.errors import EXIT_INTERRUPTED, EXIT_WRONG_COMMAND_LINE, exit_code, print_error
from small_dataset_audio.cli.evaluate import evaluate
from small_dataset_audio.cli.explore import explore
from small_dataset_audio.cli.generate import generate
from small_dataset_audio.cli.history import history
from small_dataset_audio.cli.inspect import inspect
from small_dataset_audio.cli.kit import kit
from small_dataset_audio.cli.model import model
from small_dataset_audio.cli.models import models
from small_dataset_audio.cli.preset import preset
from small_dataset_audio.cli.rerender import rerender
from small_dataset_audio.cli.studio import studio
from small_dataset_audio.cli.train import train
from small_dataset_audio.errors import SdaError

_EPILOG: Final = """\
[bold]In three lines[/bold]
  sda inspect my-recordings
  sda train my-recordings --budget 3m
  sda generate my-recordings --duration 10 --count 4

[bold]Exit codes[/bold]
    0  done (also a training that Ctrl-C stopped and that saved itself)
    1  nothing could be done; one line on stderr says why and what to do
    2  the command line is wrong
  130  stopped by Ctrl-C at once

Models are kept in your data folder; the environment variable SDA_HOME moves them.
`sda COMMAND --help` shows examples."""

# typer's errors live in different modules from release to release; this is their common root in all of them.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class _CommandLine(TyperGroup):
    """Ends every command in the same way: an exit code, and on failure one line on stderr."""

    def main(self, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override] # noqa: ANN401 - as in the base class
        """Run a command; without `standalone_mode` return its exit code."""
        try:
            code = super().main(standalone_mode=False, **extra)
        except _UsageError as error:
            print_error(_explain_usage(error))
            code = EXIT_WRONG_COMMAND_LINE
        if standalone_mode:
            sys.exit(code or 0)
        return code or 0

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # noqa: ANN401 - as in the base class
        """Run a command; an :class:`SdaError` becomes a line and an exit code."""
        try:
            return super().invoke(ctx)
        except SdaError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            print_error(str(error))
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            print_error("stopped by Ctrl-C; what was finished before is kept")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _explain_usage(error: Any) -> str:  # noqa: ANN401 - see _UsageError
    context = error.ctx
    command = context.command_path if context is not None else "sda"
    # Some releases of typer check types with pydantic, which puts these words before what a parser says.
    said = error.format_message().replace("Value error, ", "").rstrip(".")
    return f"{said}; `{command} --help` shows what there is"


app = typer.Typer(
    cls=_CommandLine,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=_EPILOG,
)
for command in (inspect, train, generate, analyze, controls, explore, kit, evaluate, rerender, models, demo, studio):
    app.command(epilog=sys.modules[command.__module__].EXAMPLES)(command)
for group in (model, preset, history):
    app.add_typer(group)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sda {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _sda(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", envvar="SDA_DEBUG", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Learn a sound world from your own recordings, on your own computer, and make new 48 kHz audio from it."""
    del debug, version
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def run() -> int:
    """Run the command line of this process; returns the exit code."""
    code: int = typer.main.get_command(app).main(prog_name="sda", standalone_mode=False)
    return code
