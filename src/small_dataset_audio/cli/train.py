"""``sda train``: a folder of recordings becomes a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from small_dataset_audio.cli.controls import measure_after_training
from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.options import Device, Folder, Json, Licence, Seed, parse_duration
from small_dataset_audio.cli.render import messages, print_json, waiting

if TYPE_CHECKING:
    from small_dataset_audio.workflow import ModelSaved

DEFAULT_BUDGET: Final = "3m"
_ANALYSED_FROM_S: Final = 120.0

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda train my-recordings
  sda train my-recordings --name rain --budget 10m
  sda train my-recordings --name rain --resume
  sda train my-recordings --name rain --resume --accept-changes
  sda train my-recordings --budget 1h --licence CC-BY-4.0 --json > rain.json

Ctrl-C stops after the present step: what is learnt so far is a model that can be used, and can be trained on.
A second Ctrl-C stops at once."""


def train(
    folder: Folder,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the model; without it, the name of the folder.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            parser=parse_duration,
            metavar="TIME",
            help="Time for all of it, from reading to the saved model: 90s, 3m, 1h. More is better up to a point; "
            "training ends earlier where it has stopped getting better. With --resume it is the total, and what was "
            "used before counts.",
            show_default=f"{DEFAULT_BUDGET}, or what is left with --resume",
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped training left off.")] = False,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes",
            help="With --resume: go on although recordings were added, removed or changed since. Without it the differences "
            "are listed, and nothing is done.",
        ),
    ] = False,
    keep_audio: Annotated[
        bool | None,
        typer.Option(
            "--keep-audio/--no-audio",
            help="Keep a copy of the recordings in the model folder, or none. Without it takes are made without them, "
            "and sound less like them.",
            show_default="kept, or as before with --resume",
        ),
    ] = None,
    licence: Licence = None,
    analyze: Annotated[
        bool | None,
        typer.Option(
            "--analyze/--no-analyze",
            help="Measure afterwards what the model's controls do (`sda analyze`); the model is saved before, and can be used.",
            show_default="with budgets of 2m or more",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn the sound of a folder of recordings.

    5 to 500 recordings of any length work best.
    """
    from small_dataset_audio.errors import InvalidConfigError
    from small_dataset_audio.names import safe_folder_name
    from small_dataset_audio.training.config import TrainingConfig

    with waiting(messages(), "starting"):
        from small_dataset_audio.cli.training_view import print_model, run_training, to_json
        from small_dataset_audio.workflow import TrainRequest, resolve_device

    if name is not None:
        safe_folder_name(name)  # refuses an empty one, which TrainRequest would take for none
    with settings_from_options():
        TrainingConfig(seed=seed, budget_s=TrainingConfig.budget_s if budget is None else budget).validate()
        resolve_device(device)
        if accept_changes and not resume:
            raise InvalidConfigError("accept_changes goes with --resume only; add it, or leave both out")
    request = TrainRequest(
        folder, name, budget, seed, device, resume, keep_audio, licence, accept_changes=accept_changes
    )
    with settings_from_options():  # whether a budget is used already is only known there
        outcome = run_training(request)
    if outcome.saved is not None and (analyze if analyze is not None else _was_given_time(outcome.saved)):
        measure_after_training(str(outcome.saved.folder), device)
    if as_json:
        print_json(to_json(outcome))
    else:
        print_model(outcome)


def _was_given_time(saved: ModelSaved) -> bool:
    """Whether controls are measured without being asked for: of a whole training that is not a trial, with its recordings."""
    enough = saved.bundle.metadata.training.budget_s >= _ANALYSED_FROM_S
    return enough and not saved.cancelled and bool(saved.bundle.clips)
