"""``sda demo``: the whole job with nothing at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from small_dataset_audio.cli.destination import Format
from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.options import Json, Seed, parse_duration
from small_dataset_audio.cli.render import (
    RATING_STYLES,
    messages,
    print_entry,
    print_json,
    print_line,
    results,
    waiting,
)
from small_dataset_audio.shell import shell_word

if TYPE_CHECKING:
    from small_dataset_audio.workflow import DemoFinished

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda demo
  sda demo -o try-out --budget 3m --seed 1

The model stays in your library as "demo"."""


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the recordings and the takes.")
    ] = Path("demo"),
    budget: Annotated[
        float,
        typer.Option(parser=parse_duration, metavar="TIME", help="Time for training: 75s, 3m.", show_default="75s"),
    ] = 75.0,
    seed: Seed = 0,
    file_format: Format = None,
    as_json: Json = False,
) -> None:
    """Try all of it without any recordings.

    Plucked strings, struck bars and a blown tube are synthesised, learnt, and played anew.
    """
    from small_dataset_audio.cli.interrupt import listening
    from small_dataset_audio.training.config import TrainingConfig

    console = messages()
    with waiting(console, "starting"):
        from small_dataset_audio.cli.take_view import print_take, to_json
        from small_dataset_audio.cli.training_view import TrainingView, stopped_at_once
        from small_dataset_audio.workflow import CorpusWritten, DemoFinished, DemoRequest, Take, run_demo

    with settings_from_options():
        TrainingConfig(seed=seed, budget_s=budget).validate()
    corpus_folder = output / "corpus"
    finished: DemoFinished | None = None
    with TrainingView(console, corpus_folder) as view, listening(view.stop), stopped_at_once(view):
        for event in run_demo(
            DemoRequest(output, budget, seed, file_format=file_format or "wav"), should_stop=view.stop.asked
        ):
            view.show(event)
            match event:
                case CorpusWritten():
                    print_entry(console, "made", f"{len(event.paths)} recordings in {corpus_folder}")
                case Take():
                    print_line(console, "take: ", (str(event.audio_path), "bold"))
                case DemoFinished():
                    finished = event
    if finished is None:
        return
    if as_json:
        print_json(_to_json(finished, [to_json(take) for take in finished.takes]))
        return
    for take in finished.takes:
        print_take(take)
    _print_end(finished)


def _print_end(finished: DemoFinished) -> None:
    console = results()
    ratings = Counter(take.result.quality["rating"] for take in finished.takes)
    print_entry(console, "recordings", str(finished.corpus[0].parent))
    for take in finished.takes:
        print_entry(console, "sidecar", str(take.json_path))
    print_entry(console, "losses", str(finished.loss_picture))
    parts: list[str | tuple[str, str]] = [("quality    ", "bold"), f"{len(finished.takes)} takes: "]
    for index, (rating, count) in enumerate(ratings.items()):
        parts += [", " if index else "", (f"{count} {rating}", RATING_STYLES[rating])]
    print_line(console, *parts)
    print_entry(console, "next", f"sda generate {shell_word(finished.model_name)} --stereo dual-seed", "bold cyan")


def _to_json(finished: DemoFinished, takes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "model": finished.model_name,
        "folder": str(finished.model_folder.absolute()),
        "corpus": [str(path.absolute()) for path in finished.corpus],
        "loss_picture": str(finished.loss_picture.absolute()),
        "takes": takes,
    }
