"""``sda kit``: a folder for a sampler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.generate import max_duration_s
from small_dataset_audio.cli.options import Device, Json, parse_bit_depth, parse_duration
from small_dataset_audio.cli.render import counting, messages, print_json, print_line, print_warnings, results, waiting
from small_dataset_audio.cli.walk_view import as_model
from small_dataset_audio.inference.config import GenerationConfig

if TYPE_CHECKING:
    from small_dataset_audio.workflow import Kit

DEFAULT_HITS: Final = 24
DEFAULT_ROUND_ROBINS: Final = 3
DEFAULT_DURATION_S: Final = 10.0

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda kit drums
  sda kit my-recordings --hits 48 --round-robins 4 -o "my kit"
  sda kit rain --seed 7 --novelty high --stereo corpus

Open NAME.sfz in a sampler: each key from 36 up has a sound, or several like it that take turns.
NAME keys.sfz, where there is one, has the sounds with a clear pitch over the keyboard.
Beside each sound in samples/ lies a .json, from which `sda rerender` makes it again."""


def kit(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Name of a model, or its folder; or a folder of recordings."),
    ],
    hits: Annotated[int, typer.Option(metavar="NUMBER", help="How many sounds in all; up to 128.")] = DEFAULT_HITS,
    round_robins: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="How many sounds that are alike take turns on a key, at most; up to 16."),
    ] = DEFAULT_ROUND_ROBINS,
    seed: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="The same seed, the same kit.", show_default="drawn by lot"),
    ] = None,
    duration: Annotated[
        float,
        typer.Option(
            "-d",
            "--duration",
            parser=parse_duration,
            metavar="SECONDS",
            help="Length of the takes that sounds are cut from; up to 60.",
        ),
    ] = DEFAULT_DURATION_S,
    novelty: Annotated[
        Literal["low", "medium", "high"],
        typer.Option(metavar="LEVEL", help="How little of the recordings comes back as it was: low, medium, high."),
    ] = "medium",
    temperature: Annotated[
        float, typer.Option(metavar="0..3", help="0 hardly leaves a recording; over 1 goes where none of them is.")
    ] = GenerationConfig.temperature,
    stereo: Annotated[
        Literal["mono", "mid-side", "dual-seed", "corpus"],
        typer.Option(metavar="MODE", help="mono, mid-side, dual-seed or corpus: see `sda generate --help`."),
    ] = "mono",
    rate: Annotated[
        int, typer.Option(metavar="HZ", help="Sample rate: 44100, 48000 or 96000.")
    ] = GenerationConfig.sample_rate,
    bits: Annotated[
        str, typer.Option(parser=parse_bit_depth, metavar="16|24|32f", help="Bit depth; 32f is 32-bit float.")
    ] = GenerationConfig.bit_depth,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder that the kit becomes; it must not exist yet. Its name is the kit's.",
            show_default="data/generated/MODEL/kit_seedNUMBER",
        ),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make a kit for a sampler: single sounds and an SFZ file, with turns, loops and root keys."""
    with settings_from_options():
        config = GenerationConfig(
            duration_s=duration,
            max_duration_s=max_duration_s(duration),
            seed=seed,
            stereo_mode=stereo.replace("-", "_"),
            sample_rate=rate,
            bit_depth=bits,
            novelty=novelty,
            temperature=temperature,
        )
        console = messages()
        with waiting(console, "starting"):
            from small_dataset_audio.workflow import load_pipeline, make_kit
            from small_dataset_audio.workflow.kit import check_kit

            check_kit(config, hits, round_robins)
        model = as_model(model, device)
        with waiting(console, "loading the model"):
            pipeline = load_pipeline(model, device=device)
        with counting(console, "sounds found") as show:
            made = make_kit(pipeline, config, hits=hits, round_robins=round_robins, folder=output, on_progress=show)
    print_warnings(console, made.notes)
    if as_json:
        print_json(
            {
                "model": model,
                "folder": str(made.folder.absolute()),
                "sfz": str(made.sfz_path.absolute()),
                "keys_sfz": None if made.keys_sfz_path is None else str(made.keys_sfz_path.absolute()),
                "json": str(made.json_path.absolute()),
                "notes": list(made.notes),
                "samples": [str(sample.shot.audio_path.absolute()) for sample in made.samples],
            }
        )
    else:
        _print(made)


def _print(made: Kit) -> None:
    cuts = [sample.shot.cut for sample in made.samples]
    num_keys = len({sample.key for sample in made.samples})
    held = sum(cut.loop_first is not None for cut in cuts)
    console = results()
    words = f"{len(cuts)} {'sound' if len(cuts) == 1 else 'sounds'} on {num_keys} {'key' if num_keys == 1 else 'keys'}"
    print_line(console, (str(made.sfz_path), "bold"), f"  {words}; {held} with a loop")
    if made.keys_sfz_path is not None:
        pitched = len({cut.root_key for cut in cuts} - {None})
        print_line(
            console, (str(made.keys_sfz_path), "bold"), f"  {pitched} with a clear pitch, laid over the keyboard"
        )
