"""``sda explore``: a map of what a model has learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from small_dataset_audio.cli.options import Json
from small_dataset_audio.cli.render import messages, print_json, print_line, results, waiting
from small_dataset_audio.shell import shell_word

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda explore rain
  sda explore rain -o maps/rain.png
  sda explore rain --json > map.json
  sda generate rain --at -3,4.5
  sda generate rain --path "-8,2;0,0;6,-5" -d 30

Both coordinates go from -10 to 10. The map of a model is the same every time;
another model, or the same one trained again, has another."""


def explore(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of a model (`sda models` lists them), or its folder.")
    ],
    plot: Annotated[
        bool, typer.Option("--plot/--no-plot", help="Draw the map, MODEL_map.png in the folder you are in.")
    ] = True,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to draw it instead.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lay a model's recordings out on a map, whose places takes can be made near to."""
    with waiting(messages(), "laying out the recordings"):
        from small_dataset_audio.names import safe_folder_name
        from small_dataset_audio.workflow import draw_map
        from small_dataset_audio.workflow import explore as lay_out

        found = lay_out(model)
        picture = None
        if plot:
            picture = draw_map(found, output or Path(f"{safe_folder_name(found.model_name)}_map.png"))
    if as_json:
        print_json({**found.to_json(), "picture": None if picture is None else str(picture.absolute())})
        return
    x_share, y_share = found.latent_map.explained
    print_line(
        results(),
        (found.model_name, "bold"),
        f": {len(found.recordings)} recordings on a map, -10 to 10 across and up; it shows {100 * (x_share + y_share):.0f} % "
        "of what varies in them",
    )
    if picture is not None:
        print_line(results(), f"  {picture}")
    print_line(results(), "  takes from there: ", (f"sda generate {shell_word(model)} --at X,Y", "bold cyan"))
