"""``sda models``: what is in the library."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from small_dataset_audio.cli.errors import printable
from small_dataset_audio.cli.options import Json, format_duration
from small_dataset_audio.cli.render import print_entry, print_json, print_line, results

if TYPE_CHECKING:
    from rich.table import Table

    from small_dataset_audio.library import ModelEntry

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda models
  sda models --search rain
  sda models --kind trained --sort size
  sda models --json

`sda model --help` shows what can be done with one: rename, export, a card, and more.

A trained model was learnt by `sda train`; a walk, which `sda generate FOLDER` makes, goes along the recordings.
Models are kept in your data folder; the environment variable SDA_HOME moves them."""

_KINDS: Final = {"vae": "trained", "linear": "walk"}


def models(
    search: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Only models with these words in their name, corpus, licence or recordings.",
            show_default=False,
        ),
    ] = "",
    kind: Annotated[
        Literal["all", "trained", "walk"], typer.Option(metavar="KIND", help="Only those of a kind: trained, walk.")
    ] = "all",
    sort: Annotated[
        Literal["created", "name", "size", "duration"],
        typer.Option(metavar="BY", help="Order: created, name, size, or duration of the recordings."),
    ] = "created",
    as_json: Json = False,
) -> None:
    """List the models on this computer."""
    from small_dataset_audio.library import Library, ModelQuery, search_models

    library = Library()
    entries = search_models(ModelQuery(search, "" if kind == "all" else kind, sort), library)
    if as_json:
        print_json({"library": str(library.models_folder.absolute()), "models": [_to_json(entry) for entry in entries]})
        return
    console = results()
    if entries:
        console.print(_table(entries))
    elif search or kind != "all":
        print_line(console, "no such models")
    else:
        print_line(console, "no models yet; make one with `sda train FOLDER`, or try `sda demo`")
    print_entry(console, "library", str(library.models_folder))


def _table(entries: tuple[ModelEntry, ...]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("corpus", overflow="fold")
    for heading in ("recordings", "length", "made", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    with_problems = any(entry.problem for entry in entries)
    if with_problems:
        table.add_column("problem", overflow="fold", style="red")
    for entry in entries:
        facts = ["", "", "", "", ""]
        if entry.metadata is not None:
            corpus = entry.metadata.corpus
            made = datetime.fromisoformat(entry.metadata.created).astimezone()
            facts = [
                _KINDS[entry.metadata.kind],
                corpus.folder_name,
                str(len(corpus.clips)),
                format_duration(round(corpus.duration_s, 1)),
                f"{made:%Y-%m-%d %H:%M}",
            ]
        row = [entry.name, *facts, f"{entry.size_bytes / 1e6:.1f} MB", *([entry.problem] if with_problems else [])]
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _to_json(entry: ModelEntry) -> dict[str, Any]:
    known: dict[str, Any] = {
        "name": entry.folder.name,
        "folder": str(entry.folder.absolute()),
        "size_bytes": entry.size_bytes,
        "problem": entry.problem or None,
    }
    if (metadata := entry.metadata) is not None:
        known |= {
            "name": metadata.name,
            "kind": _KINDS[metadata.kind],
            "created": metadata.created,
            "corpus": metadata.corpus.folder_name,
            "recordings": len(metadata.corpus.clips),
            "corpus_duration_s": metadata.corpus.duration_s,
            "licence": metadata.corpus.licence,
            "keeps_audio": metadata.corpus_audio is not None,
            "seed": metadata.training.seed,
            "steps": metadata.training.steps,
            "sda_version": metadata.sda_version,
        }
    return known
