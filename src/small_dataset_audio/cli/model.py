"""``sda model``: what can be done with a model of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from small_dataset_audio.cli.confirm import Yes, ask
from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.options import Json
from small_dataset_audio.cli.render import messages, print_json, print_line, results, waiting

_EPILOG: Final = """\
[bold]Examples[/bold]
  sda model rename rain "summer rain"
  sda model export rain rain.sda
  sda model import rain.sda --name friends-rain
  sda model card rain
  sda model delete rain
  sda model restore rain

`sda models` lists what there is. Deleted models lie in the trash until it is emptied."""

model = typer.Typer(
    name="model",
    help="Rename, duplicate, delete, restore, export, import or describe a model.",
    epilog=_EPILOG,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model; `sda models` lists them.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]


@model.command(epilog='[bold]Examples[/bold]\n  sda model rename rain "summer rain"')
def rename(name: Name, new: New, as_json: Json = False) -> None:
    """Give a model another name."""
    from small_dataset_audio.workflow import rename_model

    with settings_from_options():
        folder = rename_model(name, new)
    if as_json:
        _print_json(new, folder)
        return
    print_line(results(), f"{name} is now ", (new, "bold"), f"  {folder}")


@model.command(epilog="[bold]Examples[/bold]\n  sda model duplicate rain rain-before\n\nPresets are copied too.")
def duplicate(name: Name, new: New, as_json: Json = False) -> None:
    """Copy a model under another name."""
    from small_dataset_audio.workflow import duplicate_model

    with settings_from_options():
        folder = duplicate_model(name, new)
    if as_json:
        _print_json(new, folder)
        return
    print_line(results(), (new, "bold"), f"  {folder}")


@model.command(
    epilog="[bold]Examples[/bold]\n  sda model delete rain\n\nIt can be restored until the trash is emptied."
)
def delete(name: Name, as_json: Json = False) -> None:
    """Move a model to the trash."""
    from small_dataset_audio.workflow import delete_model

    entry = delete_model(name)
    if as_json:
        _print_json(name, entry.path)
        return
    print_line(results(), (name, "bold"), f" is in the trash: {entry.path}")


@model.command(epilog="[bold]Examples[/bold]\n  sda model restore rain\n  sda model restore rain --name old-rain")
def restore(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model in the trash; of several the newest.")],
    new: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Under another name.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a model back from the trash."""
    from small_dataset_audio.workflow import restore_model

    with settings_from_options():
        folder = restore_model(name, new_name=new)
    if as_json:
        _print_json(new or name, folder)
        return
    print_line(results(), (new or name, "bold"), f" is back: {folder}")


trash = typer.Typer(
    name="trash",
    help="List what was deleted, or empty the trash.",
    epilog="[bold]Examples[/bold]\n  sda model trash\n  sda model trash empty --yes",
    invoke_without_command=True,
)
model.add_typer(trash)


@trash.callback()
def list_trash(ctx: typer.Context, as_json: Json = False) -> None:
    """List what was deleted, or empty the trash."""
    if ctx.invoked_subcommand is not None:
        return
    from small_dataset_audio.workflow import list_trash, trash_folder

    entries = list_trash()
    if as_json:
        shown = [
            {
                "id": entry.id,
                "kind": entry.kind,
                "name": entry.name,
                "deleted_at": entry.deleted_at.isoformat(),
                "size_bytes": entry.size_bytes,
                "path": str(entry.path),
            }
            for entry in entries
        ]
        print_json({"trash": str(trash_folder().absolute()), "entries": shown})
        return
    console = results()
    for entry in entries:
        when = f"{entry.deleted_at.astimezone():%Y-%m-%d %H:%M}"
        print_line(
            console,
            f"{when}  {entry.kind:<5}  ",
            (entry.name, "bold"),
            f"  {entry.size_bytes / 1e6:.1f} MB  {entry.path}",
        )
    if not entries:
        print_line(console, "the trash is empty")


@trash.command(epilog="[bold]Examples[/bold]\n  sda model trash empty --yes")
def empty(
    yes: Yes = False,
) -> None:
    """Remove all that was deleted, takes too, for ever."""
    from small_dataset_audio.workflow import empty_trash, list_trash

    count = len(list_trash())
    if count:
        ask(f"Remove {count} deleted {'thing' if count == 1 else 'things'} for ever?", yes)
    print_line(results(), f"removed: {empty_trash()}")


@model.command(
    epilog="[bold]Examples[/bold]\n  sda model export rain\n  sda model export rain ~/Desktop/rain.sda\n\n"
    "The file holds your recordings too, unless the model was trained with --no-audio."
)
def export(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or its folder.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.sda", help="File to be written.", show_default="MODEL.sda")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model into one file."""
    with waiting(messages(), "exporting"):
        from small_dataset_audio.names import safe_folder_name
        from small_dataset_audio.workflow import export_model

        path = export_model(name, file or Path(f"{safe_folder_name(Path(name).name)}.sda"), overwrite=force)
    if as_json:
        _print_json(name, path)
        return
    print_line(results(), (str(path), "bold"), f"  {path.stat().st_size / 1e6:.1f} MB")


@model.command(
    "import",
    epilog="[bold]Examples[/bold]\n  sda model import rain.sda\n  sda model import rain.sda --name friends-rain",
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.sda", help="What `sda model export` wrote; it is only read.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Under another name.", show_default="its own")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a model out of a file, into your library."""
    with settings_from_options(), waiting(messages(), "importing"):
        from small_dataset_audio.workflow import import_model, model_card

        folder = import_model(file, name=name)
    if as_json:
        _print_json(model_card(str(folder)).name, folder)
        return
    print_line(results(), (folder.name, "bold"), f"  {folder}")


@model.command(
    epilog='[bold]Examples[/bold]\n  sda model licence rain "CC BY 4.0, recordings by Ada"\n\n'
    "It is shown in the card, and exported."
)
def licence(
    name: Name, text: Annotated[str, typer.Argument(metavar="TEXT", help="Licence of the recordings.")]
) -> None:
    """Say under which licence a model's recordings are."""
    from small_dataset_audio.workflow import set_licence

    with settings_from_options():
        set_licence(name, text)
    print_line(results(), (name, "bold"), f": {text}")


@model.command(
    epilog="[bold]Examples[/bold]\n  sda model card rain\n  sda model card rain --output rain.md\n"
    "  sda model card rain --output rain.html"
)
def card(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or its folder.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write it, with pictures: .md or .html.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a model is: recordings, licence, figures, pictures."""
    from small_dataset_audio.workflow import model_card

    console = results()
    if output is not None:
        with waiting(messages(), "drawing"):
            from small_dataset_audio.workflow import write_card

            files = write_card(name, output, overwrite=force)
        for file in files:
            print_line(console, str(file))
        return
    shown = model_card(name)
    if as_json:
        sections = {section.title.lower(): dict(section.rows) for section in shown.sections}
        print_json({"name": shown.name, "summary": shown.summary, **sections})
        return
    print_line(console, (shown.name, "bold"))
    print_line(console, shown.summary)
    for section in shown.sections:
        print_line(console, "")
        print_line(console, (section.title, "bold"))
        for key, value in section.rows:
            print_line(console, f"  {key:<28}  {value}")


def _print_json(name: str, path: Path) -> None:
    print_json({"name": name, "path": str(path.absolute())})
