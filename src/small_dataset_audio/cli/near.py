"""``--like``, ``--morph``, ``--at``, ``--path`` and ``--vary``: takes near to something, as options and as settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from small_dataset_audio.cli.errors import WrongOptionError
from small_dataset_audio.cli.render import messages, print_warnings, waiting
from small_dataset_audio.inference.config import GenerationConfig

if TYPE_CHECKING:
    from small_dataset_audio.workflow import ModelPipeline

DEFAULT_AMOUNT: Final = 0.2

Like = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Make takes like this recording: any file; it need not be one of yours.",
        show_default=False,
    ),
]
Morph = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="FILE FILE", help="Go from what is like one recording to what is like another.", show_default=False
    ),
]
Then = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="With --morph: and on to this one. May be given several times.", show_default=False
    ),
]
At = Annotated[
    str | None,
    typer.Option(metavar="X,Y", help="Stay near a place on the map that `sda explore` draws.", show_default=False),
]
Way = Annotated[
    str | None,
    typer.Option("--path", metavar='"X,Y;X,Y"', help="Go from place to place on that map.", show_default=False),
]
Strength = Annotated[
    float,
    typer.Option(
        metavar="0..1", help="How near, for --like, --morph, --at and --path; at 0 a take is as without them."
    ),
]
Vary = Annotated[
    Path | None,
    typer.Option(
        metavar="TAKE.json",
        help="Vary a take that was made: its settings and its course, with some moments exchanged. MODEL may be left out; "
        "--seed says which variation.",
        show_default=False,
    ),
]
Amount = Annotated[
    float, typer.Option(metavar="0..1", help="For --vary: share of its moments that are exchanged; at 0 none is.")
]


@dataclass(frozen=True)
class Wanted:
    """What takes shall be near to, as the command line says it.

    Parameters
    ----------
    recordings : tuple of Path
    places : tuple of (float, float)
        On the map.
    """

    recordings: tuple[Path, ...] = ()
    places: tuple[tuple[float, float], ...] = ()


def read_wanted(
    like: Path | None, morph: tuple[Path, Path] | None, then: Sequence[Path] | None, at: str | None, way: str | None
) -> Wanted:
    """Make out what the options mean together.

    Raises
    ------
    typer.BadParameter
        Two of them at once, ``--then`` without ``--morph``, or what is no place.
    """
    given = [
        name
        for name, value in (("--like", like), ("--morph", morph), ("--at", at), ("--path", way))
        if value is not None
    ]
    if len(given) > 1:
        raise typer.BadParameter(f"not with {given[0]}; leave one of the two out", param_hint=f"'{given[1]}'")
    if then and morph is None:
        raise typer.BadParameter("it goes on from --morph; give that as well", param_hint="'--then'")
    if like is not None:
        return Wanted((like,))
    if morph is not None:
        return Wanted((*morph, *(then or ())))
    if at is not None:
        return Wanted(places=(_place(at, "'--at'"),))
    return Wanted(places=tuple(_place(place, "'--path'") for place in (way or "").split(";") if way is not None))


def near_wanted(pipeline: ModelPipeline, config: GenerationConfig, wanted: Wanted) -> GenerationConfig:
    """Put what is wanted into the settings, in the latents of the model.

    Raises
    ------
    AudioFileError, InvalidConfigError
    """
    if not wanted.recordings and not wanted.places:
        return config
    console = messages()
    with waiting(console, "listening to what is wanted"):
        from small_dataset_audio.workflow import near_places, near_recordings, places_off_the_map

        near = (
            near_recordings(pipeline, wanted.recordings) if wanted.recordings else near_places(pipeline, wanted.places)
        )
    print_warnings(console, tuple(places_off_the_map(wanted.places)))
    config = replace(config, near=near)
    config.validate()
    return config


def vary_take(
    model: str | None, take: Path, amount: float, seed: int | None, config: GenerationConfig, given: frozenset[str]
) -> tuple[str, GenerationConfig]:
    """Take a take's settings, but for those that the command line asks for, and let it be varied.

    Returns
    -------
    model : str
        What was given, or the one that the take was made with.
    config : GenerationConfig

    Raises
    ------
    SidecarError, RerenderError, ModelNotFoundError, InvalidConfigError
    """
    console = messages()
    with waiting(console, "starting"):
        from small_dataset_audio.workflow import variation_of

    variation = variation_of(take, amount=amount, seed=seed, model=model)
    print_warnings(console, variation.notes)
    asked_for = {name: getattr(config, name) for name in given - {"seed"}}
    return variation.model, replace(variation.config, **asked_for)


def check_model_given(model: str | None, vary: Path | None) -> None:
    """Check that there is a model, or a take that says which.

    Raises
    ------
    WrongOptionError
    """
    if model is None and vary is None:
        raise WrongOptionError(
            "MODEL is missing; give the name of a model, as `sda models` lists them, or a folder of recordings"
        )


def _place(text: str, hint: str) -> tuple[float, float]:
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no place; write two numbers from -10 to 10, as on the map of `sda explore`: -3,4.5",
            param_hint=hint,
        ) from None
    return x, y
