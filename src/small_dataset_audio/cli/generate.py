"""``sda generate``: a model makes takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from small_dataset_audio.cli.blend import Blend, BlendIn, parse_blend
from small_dataset_audio.cli.destination import Format, destination
from small_dataset_audio.cli.errors import settings_from_options
from small_dataset_audio.cli.near import (
    DEFAULT_AMOUNT,
    Amount,
    At,
    Like,
    Morph,
    Strength,
    Then,
    Vary,
    Way,
    check_model_given,
    read_wanted,
    vary_take,
)
from small_dataset_audio.cli.one_shots import check_one_shots, cut_one_shots
from small_dataset_audio.cli.options import Device, Json, parse_bit_depth, parse_duration
from small_dataset_audio.cli.render import print_json
from small_dataset_audio.cli.settings_given import fields_given, recalled
from small_dataset_audio.cli.steering import read_settings
from small_dataset_audio.cli.take_maker import make_takes
from small_dataset_audio.cli.walk_view import as_model
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.inference.config import LONGEST_DURATION_S, GenerationConfig, check_count

DEFAULT_DURATION_S: Final = 10.0
_LONGEST_OVERLAP_MS: Final = 60_000.0
SAMPLES_PER_MS: Final = SAMPLE_RATE / 1000  # overlaps are counted at 48 kHz, whatever rate a take has

EXAMPLES: Final = """\
[bold]Examples[/bold]
  sda generate rain
  sda generate my-recordings
  sda generate rain -d 30 -n 8 --seed 100 -o takes
  sda generate rain -d 10m -n 1
  sda generate rain -d 8 --loop
  sda generate drums --one-shots 16 -o hits
  sda generate rain --set brightness=+3 --set density=-5:+5
  sda generate rain --stereo corpus
  sda generate rain --preset "slow drift" -n 8
  sda generate rain --stereo mid-side --width 1.0 --plot
  sda generate rain --concat latent-interpolation --rate 96000 --bits 32f
  sda generate rain -d 30 -o drone.flac
  sda generate rain --blend wood:0.4
  sda generate rain --like door.wav --strength 0.9
  sda generate rain --morph wood.wav glass.wav -d 30
  sda generate rain --path "-8,2;0,0;6,-5"
  sda generate --vary take.json --amount 0.1 -n 8

Every take has its own seed, going up from the first.
Beside each take lies a .json, from which `sda rerender` makes the same take again.
`sda history` lists what was made, to note, keep and compare."""


def generate(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Name of a model (`sda models` lists them), or its folder; or a folder of recordings, for a first sound in "
            "seconds, without training.",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        float,
        typer.Option(
            "-d",
            "--duration",
            parser=parse_duration,
            metavar="SECONDS",
            help="Length of each take; up to 1h, also as 2m. With --one-shots: of those they are cut from; up to 60.",
        ),
    ] = DEFAULT_DURATION_S,
    count: Annotated[
        int | None,
        typer.Option(
            "-n", "--count", metavar="NUMBER", help="How many takes.", show_default="4, or 1 where -o names a file"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Seed of the first take.", show_default="drawn by lot")
    ] = None,
    concat: Annotated[
        Literal["crossfade", "latent-interpolation"],
        typer.Option(
            metavar="MODE",
            help="crossfade: a walk through the recordings, moment joined to moment; latent-interpolation: single "
            "moments turn slowly into one another.",
        ),
    ] = "crossfade",
    stereo: Annotated[
        Literal["mono", "mid-side", "dual-seed", "corpus"],
        typer.Option(
            metavar="MODE",
            help="mono: one channel; mid-side: one made wide; dual-seed: two different ones, left and right; corpus: each "
            "sound where your recordings have it (mono ones stay in the middle).",
        ),
    ] = "mono",
    width: Annotated[
        float, typer.Option(metavar="0..1.5", help="How wide, for --stereo mid-side; 0 is mono.")
    ] = GenerationConfig.stereo_width,
    novelty: Annotated[
        Literal["low", "medium", "high"],
        typer.Option(
            metavar="LEVEL",
            help="How little of the recordings comes back as it was, for crossfade: low plays stretches of them as they are, "
            "medium faster, slower and a little off pitch, high more of that, and two that sound alike as one. "
            "Without mosaic, low and medium are the same.",
        ),
    ] = "medium",
    temperature: Annotated[
        float,
        typer.Option(
            metavar="0..3",
            help="For crossfade: 0 hardly leaves a recording; over 1 goes to sounds that are in none of them (slower).",
        ),
    ] = GenerationConfig.temperature,
    vocoder: Annotated[
        Literal["auto", "mosaic", "griffin-lim"],
        typer.Option(
            metavar="NAME",
            help="mosaic: sounds out of pieces of your recordings; griffin-lim: computed without them; auto: mosaic where "
            "the model keeps the recordings.",
        ),
    ] = "auto",
    rate: Annotated[
        int, typer.Option(metavar="HZ", help="Sample rate: 44100, 48000 or 96000.")
    ] = GenerationConfig.sample_rate,
    bits: Annotated[
        str, typer.Option(parser=parse_bit_depth, metavar="16|24|32f", help="Bit depth; 32f is 32-bit float.")
    ] = GenerationConfig.bit_depth,
    chunk: Annotated[
        float, typer.Option(metavar="SECONDS", help="Length of one moment.")
    ] = GenerationConfig.chunk_duration_s,
    overlap: Annotated[
        float, typer.Option(metavar="MS", help="Crossfade between two moments, in milliseconds.")
    ] = GenerationConfig.overlap_samples / SAMPLES_PER_MS,
    steps_between: Annotated[
        int, typer.Option(metavar="NUMBER", help="Steps from one moment to the next, for latent-interpolation.")
    ] = GenerationConfig.steps_between,
    loop: Annotated[
        bool,
        typer.Option(
            "--loop",
            help="Let the end of each take lead into its beginning, and mark the loop in the file (WAV and AIFF).",
        ),
    ] = False,
    one_shots: Annotated[
        int | None,
        typer.Option(
            "--one-shots",
            metavar="NUMBER",
            help="Cut so many single sounds, each unlike the others, out of takes, and write those instead (up to 128).",
            show_default="whole takes",
        ),
    ] = None,
    controls: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Steer a control, -10 to +10; -5:+5 is a ramp over the take, @FILE a JSON of [[seconds, value], ...]. "
            "`sda controls MODEL` says which are live. May be given several times.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR|FILE",
            help="Folder for the takes, or name of a file, such as drone.flac; several are numbered.",
            show_default="data/generated/MODEL",
        ),
    ] = None,
    file_format: Format = None,
    like: Like = None,
    morph: Morph = None,
    then: Then = None,
    at: At = None,
    way: Way = None,
    strength: Strength = GenerationConfig.near_strength,
    vary: Vary = None,
    amount: Amount = DEFAULT_AMOUNT,
    blend: Blend = None,
    blend_in: BlendIn = "auto",
    plot: Annotated[bool, typer.Option("--plot", help="Draw waveform and spectrogram beside each take.")] = False,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate/--no-evaluate", help="Compare each take with your recordings, and say what is copied."
        ),
    ] = True,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Settings that were kept by `sda preset save`; options given here come before them.",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Record the takes; `sda history` lists them.")
    ] = True,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make new takes with a model, as sound files for your DAW."""
    where, second = destination(output, file_format, count), parse_blend(blend)
    wanted = read_wanted(like, morph, then, at, way)
    with settings_from_options():
        config = GenerationConfig(
            duration_s=duration,
            max_duration_s=max_duration_s(duration),
            seed=seed,
            chunk_duration_s=chunk,
            concat_mode=concat.replace("-", "_"),
            stereo_mode=stereo.replace("-", "_"),
            stereo_width=width,
            sample_rate=rate,
            bit_depth=bits,
            steps_between=steps_between,
            overlap_samples=_overlap_samples(overlap, chunk),
            vocoder=vocoder.replace("-", "_"),
            novelty=novelty,
            temperature=temperature,
            loop=loop,
            file_format=where.file_format,
            blend_model=second.model,
            blend_weight=second.weight,
            blend_in=blend_in,
            controls=read_settings(controls or [], duration),
            near_strength=strength,
        )
        if one_shots is not None:
            check_one_shots(ctx, config, one_shots)
        config.validate()
        if ctx.obj is not None:  # `sda preset save` wants to know the settings, and no take
            ctx.obj(config)
            return
        check_count(config, where.count)  # a folder is made into a model before takes are asked for
        check_model_given(model, vary)
        chosen = "" if model is None else as_model(model, device)
        if vary is not None:
            keep = fields_given(ctx) | ({"file_format"} if where.filename else set())
            chosen, config = vary_take(model and chosen, vary, amount, seed, config, keep)
        blend = None if second.model is None else as_model(second.model, device)
        if preset is not None:
            config = recalled(ctx, chosen, preset, config, {"file_format"} if where.filename else ())
            check_count(config, where.count)
        if one_shots is not None:
            cut_one_shots(
                *(chosen, config, one_shots, where),
                blend=blend,
                wanted=wanted,
                evaluate=evaluate,
                record=history,
                device=device,
                as_json=as_json,
            )
            return
        takes = make_takes(
            *(chosen, config, where),
            blend=blend,
            wanted=wanted,
            plot=plot,
            evaluate=evaluate,
            record=history,
            device=device,
            quiet=as_json,
        )
    if as_json:
        print_json({"model": chosen, "takes": takes})


def max_duration_s(duration_s: float) -> float:
    """Raise the guard of the library against a slip of the finger, which `-d 120` is not, to an hour."""
    usual = GenerationConfig.max_duration_s
    return usual if duration_s <= usual else LONGEST_DURATION_S


def _overlap_samples(overlap_ms: float, chunk_s: float) -> int:
    """Count an overlap in samples; one that cannot be is told in milliseconds, as it was written."""
    chunk_ms = 1000.0 * chunk_s
    limit_ms = chunk_ms if 0.0 < chunk_ms < math.inf else _LONGEST_OVERLAP_MS  # a wrong --chunk is told by its own name
    if not 0.0 <= overlap_ms < limit_ms:
        raise typer.BadParameter(
            f"{overlap_ms:g} ms; it must be 0 or more, and shorter than --chunk ({chunk_ms:g} ms)",
            param_hint="'--overlap'",
        )
    return round(overlap_ms * SAMPLES_PER_MS)
