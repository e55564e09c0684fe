"""``sda studio``: the whole job in the browser."""

from __future__ import annotations

import webbrowser
from typing import Annotated, Final

import typer

from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.render import messages, print_line, waiting

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda studio
  sda studio --port 8000 --no-browser
  sda studio --host 0.0.0.0 --auth me:a-long-password

The page is for this machine alone, and only for a browser that was opened with the key in the address shown. Ctrl-C ends it: a
training that is at work saves itself, and goes on at the next start."""


def studio(
    port: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Port of the page.", show_default="the first free one from 7860 on"),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let other machines in, by this address; goes with --auth only.",
            show_default="127.0.0.1",
        ),
    ] = None,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:PASSWORD",
            help="Name and password for --host. They go over the network as they are: only in one you trust.",
        ),
    ] = None,
) -> None:
    """Open the studio: corpus, training, playing and the library in the browser."""
    from small_dataset_audio.ui.request import StudioRequest, keep_quiet

    request = StudioRequest(port, host, auth)
    with settings_from_options():
        request.validate()
    console = messages()
    with waiting(console, "starting the studio"):
        from small_dataset_audio.library import Library
        from small_dataset_audio.ui.places_on_disk import StudioFolders

        library = Library()
        keep_quiet(StudioFolders(library.root))
        from small_dataset_audio.ui.server import serve

    def show(address: str) -> None:
        print_line(console, "The studio is open at ", (address, "bold"))
        print_line(console, "Ctrl-C ends it; a training that is at work saves itself and goes on at the next start.")
        if not no_browser:
            webbrowser.open(address)

    serve(request, show, library)
