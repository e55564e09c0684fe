"""``sda preset``: settings under a name, for a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from small_dataset_audio.cli.confirm import Yes, ask
from small_dataset_audio.cli.errors import WrongOptionError, settings_from_options
from small_dataset_audio.cli.generate import generate
from small_dataset_audio.cli.options import Json
from small_dataset_audio.cli.render import print_entry, print_json, print_line, results
from small_dataset_audio.cli.settings_given import fields_given, only_settings

if TYPE_CHECKING:
    from small_dataset_audio.inference.config import GenerationConfig
    from small_dataset_audio.presets import Preset

_EPILOG: Final = """\
[bold]Examples[/bold]
  sda preset save rain "slow drift" -d 40 --stereo corpus --novelty high
  sda preset save rain "that one" --from data/generated/rain/gen_….json
  sda generate rain --preset "slow drift" -n 8
  sda preset list rain

Presets are small JSON files in the model's folder. They outlive another training, and go with the model
where it is exported."""

preset = typer.Typer(
    name="preset",
    help="Keep settings under a name, and recall them: save, list, show, rename, delete.",
    epilog=_EPILOG,
    no_args_is_help=True,
)

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of a model (`sda models` lists them), or its folder.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the preset.")]

_SAVE: Final = """\
[bold]Examples[/bold]
  sda preset save rain "slow drift" -d 40 --stereo corpus --novelty high
  sda preset save rain "slow drift" -d 60 --force
  sda preset save rain "that one" --from data/generated/rain/gen_….json --with-seed

Of the options of `sda generate` (see its --help), those that you give here are kept."""


@preset.command(epilog=_SAVE, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def save(
    ctx: typer.Context,
    model: Model,
    name: Name,
    take: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="TAKE.json", help="Keep the settings of a take that was made.", show_default=False
        ),
    ] = None,
    with_seed: Annotated[bool, typer.Option("--with-seed", help="Keep the seed too: then it is one take.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a preset of that name.")] = False,
    as_json: Json = False,
) -> None:
    """Keep settings under a name; any options of `sda generate` can be given."""
    from small_dataset_audio.workflow import save_preset, save_preset_of_take

    if (take is None) == (not ctx.args):
        raise WrongOptionError("give options of `sda generate` to be kept, or --from a take's .json, and not both")
    with settings_from_options():
        if take is not None:
            made = save_preset_of_take(model, name, take, with_seed=with_seed, overwrite=force)
        else:
            made = save_preset(model, name, _settings(ctx, model, with_seed), with_seed=with_seed, overwrite=force)
    if as_json:
        print_json(_to_json(made))
        return
    console = results()
    print_line(console, (made.name, "bold"), f": {_in_words(made)}")
    print_line(console, f"  {made.path}")


def _settings(ctx: typer.Context, model: str, with_seed: bool) -> dict[str, Any]:
    """What the options of ``sda generate`` say that were given: read by that command itself, which makes no take for it."""
    found: list[GenerationConfig] = []
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command()(generate)
    command = typer.main.get_command(alone)
    with command.make_context(ctx.command_path, [model, *ctx.args], obj=found.append) as inner:
        only_settings(inner)
        wanted = fields_given(inner)
        if "seed" in wanted and not with_seed:
            raise WrongOptionError("--seed would make it a preset of one take; give --with-seed too, or leave it out")
        command.invoke(inner)
    import dataclasses

    return {field: value for field, value in dataclasses.asdict(found[0]).items() if field in wanted}


@preset.command("list", epilog="[bold]Examples[/bold]\n  sda preset list rain\n  sda preset list rain --json")
def list_(model: Model, as_json: Json = False) -> None:
    """List the presets of a model."""
    from small_dataset_audio.workflow import list_presets

    entries = list_presets(model)
    if as_json:
        shown = [
            _to_json(entry.preset) if entry.preset else {"name": entry.name, "problem": entry.problem}
            for entry in entries
        ]
        print_json({"model": model, "presets": shown})
        return
    console = results()
    if not entries:
        print_line(console, "no presets yet; make one with `sda preset save`")
    for entry in entries:
        if entry.preset is None:
            print_line(console, (entry.name, "bold"), "  ", (entry.problem, "red"))
        else:
            print_line(console, (entry.name, "bold"), f"  {_in_words(entry.preset)}")


@preset.command(epilog='[bold]Examples[/bold]\n  sda preset show rain "slow drift"')
def show(model: Model, name: Name, as_json: Json = False) -> None:
    """Show what a preset holds."""
    from small_dataset_audio.workflow import read_preset

    found = read_preset(model, name)
    if as_json:
        print_json(_to_json(found))
        return
    console = results()
    print_entry(console, "preset", found.name)
    for key, value in found.settings.items():
        print_line(console, f"  {key} = {value}")
    print_entry(console, "file", str(found.path))


@preset.command(epilog='[bold]Examples[/bold]\n  sda preset rename rain "slow drift" drift')
def rename(
    model: Model,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    as_json: Json = False,
) -> None:
    """Give a preset another name."""
    from small_dataset_audio.workflow import rename_preset

    renamed = rename_preset(model, name, new)
    if as_json:
        print_json(_to_json(renamed))
    else:
        print_line(results(), f"{name} is now ", (renamed.name, "bold"))


@preset.command(epilog='[bold]Examples[/bold]\n  sda preset delete rain "slow drift"')
def delete(model: Model, name: Name, yes: Yes = False, as_json: Json = False) -> None:
    """Delete a preset, for ever."""
    from small_dataset_audio.workflow import delete_preset, preset_file

    if preset_file(model, name).exists():
        ask(f"Delete the preset {name} of {model} for ever?", yes)
    path = delete_preset(model, name)
    if as_json:
        print_json({"name": name, "deleted": str(path.absolute())})
        return
    print_line(results(), (name, "bold"), " is deleted")


def _in_words(preset: Preset) -> str:
    shown = (f"{key} {value}" for key, value in preset.settings.items() if key != "max_duration_s")
    return ", ".join(shown) or "all defaults"


def _to_json(preset: Preset) -> dict[str, Any]:
    return {"name": preset.name, "settings": dict(preset.settings), "path": str(preset.path.absolute())}
