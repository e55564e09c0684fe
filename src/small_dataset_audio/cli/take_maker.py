"""Takes are made behind a bar, and printed as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from small_dataset_audio.cli.blend import load_both
from small_dataset_audio.cli.destination import Destination
from small_dataset_audio.cli.near import Wanted, near_wanted
from small_dataset_audio.cli.render import messages, print_warnings, rendering, waiting
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.file_formats import loop_note


def make_takes(
    model: str,
    config: GenerationConfig,
    where: Destination,
    *,
    blend: str | None,
    wanted: Wanted,
    plot: bool,
    evaluate: bool,
    record: bool,
    device: str,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Make takes, print each as it comes unless `quiet`, and return them as JSON has them."""
    console = messages()
    if config.loop:
        print_warnings(console, tuple(filter(None, [loop_note(config.file_format)])))
    with waiting(console, "loading the model"):
        from small_dataset_audio.cli.take_view import print_take, to_json
        from small_dataset_audio.workflow import generate_takes

        pipeline, config = load_both(model, blend, config, device)
    config = near_wanted(pipeline, config, wanted)
    bar = _Bar()
    coming = generate_takes(
        pipeline,
        config,
        count=where.count,
        output_dir=where.folder,
        filename=where.filename,
        plot=plot,
        evaluate=evaluate,
        record=record,
        on_progress=bar,
    )
    made: list[dict[str, Any]] = []
    while True:
        with rendering(console, f"take {len(made) + 1} of {where.count}") as bar.show:
            take = next(coming, None)
        if take is None:
            return made
        made.append(to_json(take))
        if not quiet:
            print_take(take)
        print_warnings(console, take.warnings)


class _Bar:
    """Passes progress on to the bar of the take that is being made: every take has its own."""

    def __init__(self) -> None:
        self.show: Callable[[float, float], None] = lambda *_: None

    def __call__(self, done_s: float, total_s: float) -> None:
        self.show(done_s, total_s)
