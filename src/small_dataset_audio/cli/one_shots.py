"""``sda generate --one-shots``: single sounds instead of takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from small_dataset_audio.cli.blend import load_both
from small_dataset_audio.cli.destination import Destination
from small_dataset_audio.cli.near import Wanted, near_wanted
from small_dataset_audio.cli.render import counting, messages, print_json, print_line, print_warnings, results, waiting
from small_dataset_audio.inference.config import GenerationConfig

if TYPE_CHECKING:
    from small_dataset_audio.workflow import OneShot

_NOT_WITH = {
    "vary": "--vary",
    "count": "-n: --one-shots says how many files there will be",
    "plot": "--plot",
    "loop": "--loop",
}


def check_one_shots(context: typer.Context, config: GenerationConfig, count: int) -> None:
    """Check what is asked for, before a folder is made into a model.

    Raises
    ------
    typer.BadParameter
        An option that one-shots have no use for.
    InvalidConfigError
    """
    for name, words in _NOT_WITH.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise typer.BadParameter(f"not with {words}; leave one of the two out", param_hint="'--one-shots'")
    from small_dataset_audio.workflow.hit_search import check_hits

    check_hits(config, count, "one_shots")


def cut_one_shots(
    model: str,
    config: GenerationConfig,
    count: int,
    where: Destination,
    *,
    blend: str | None,
    wanted: Wanted,
    evaluate: bool,
    record: bool,
    device: str,
    as_json: bool,
) -> None:
    """Make them, and print each on a line, or all as JSON."""
    console = messages()
    with waiting(console, "loading the model"):
        from small_dataset_audio.cli.take_view import describe
        from small_dataset_audio.workflow import make_one_shots

        pipeline, config = load_both(model, blend, config, device)
    config = near_wanted(pipeline, config, wanted)
    with counting(console, "sounds found") as show:
        made = make_one_shots(
            pipeline,
            config,
            count,
            output_dir=where.folder,
            filename=where.filename,
            evaluate=evaluate,
            record=record,
            on_progress=show,
        )
    print_warnings(console, made.notes)
    if as_json:
        shots = [shot_to_json(shot) for shot in made.shots]
        print_json({"model": model, "wanted": count, "notes": list(made.notes), "one_shots": shots})
        return
    for shot in made.shots:
        words = describe(shot.evaluation, shot.duration_s)
        print_line(results(), (str(shot.audio_path), "bold"), f"  {shot.duration_s:.2f} s  {words}".rstrip())
        print_warnings(console, shot.warnings)


def shot_to_json(shot: OneShot) -> dict[str, Any]:
    """All that a script may want to know of a sound; paths are absolute."""
    return {
        "audio": str(shot.audio_path.absolute()),
        "wav": str(shot.audio_path.absolute()) if shot.audio_path.suffix == ".wav" else None,
        "json": str(shot.json_path.absolute()),
        "seed": shot.seed,
        "duration_s": shot.duration_s,
        "cut": shot.cut.to_json(),
        "quality": shot.quality,
        "evaluation": None if shot.evaluation is None else shot.evaluation.to_json(),
    }
