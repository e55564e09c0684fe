"""A take on the screen and in JSON. Loaded late: it stands on the workflow floor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from small_dataset_audio.cli.blend import blend_to_json, describe_blend
from small_dataset_audio.cli.evaluate import format_position
from small_dataset_audio.cli.render import RATING_STYLES, print_line, results
from small_dataset_audio.evaluation import Copying, TakeEvaluation
from small_dataset_audio.inference.file_formats import FILE_FORMATS
from small_dataset_audio.workflow import Take


def print_take(take: Take) -> None:
    """Print path, length, quality and how it stands to the corpus on one line, and the picture's path on the next."""
    quality = take.quality
    rating = quality["rating"]
    console = results()
    number = "" if take.history_id is None else f"  #{take.history_id}"
    length = f"{number}  {take.result.duration_s:.2f} s  "
    seam = describe_seam(quality.get("loop"))
    blend = describe_blend(take.result.config, take.result.blended_in)
    words = "; ".join(filter(None, (blend, quality["reason"], seam, describe(take.evaluation, take.result.duration_s))))
    print_line(console, (str(take.audio_path), "bold"), length, (rating, RATING_STYLES[rating]), f"  {words}")
    if take.picture_path is not None:
        print_line(console, f"  {take.picture_path}")


def describe_seam(seam: Mapping[str, Any] | None) -> str:
    """Say in a few words how well a loop hides where it begins again."""
    if seam is None:
        return ""
    step, flux = seam["step_percentile"], seam["flux_percentile"]
    changes = "" if flux is None else f", {flux:.0f} % of all moments change less"
    return f"seam: {step:.0f} % of all steps are smaller{changes}"


def describe(evaluation: TakeEvaluation | None, duration_s: float) -> str:
    """Say in a few words how a take of some length stands to its corpus: ``sounds like the corpus: 93 %; 12 % copied, ...``.

    What was not measured is not said: of less than a second the similarity, of silence anything.
    """
    if evaluation is None:
        return ""
    similarity = evaluation.similarity_percent
    alike = "" if similarity is None else f"sounds like the corpus: {similarity:.0f} %"
    words = "; ".join(filter(None, (alike, _describe_copying(evaluation.novelty.copying))))
    return f"(its first minute) {words}" if words and evaluation.evaluated_s < duration_s else words


def _describe_copying(copying: Copying) -> str:
    if copying.share is None:
        return ""
    if copying.longest is None:
        return "nothing copied"
    match = copying.longest
    place = format_position(match.file_s)
    return f"{100 * copying.share:.0f} % copied, longest: {match.duration_s:.2f} s of {match.file} {place}"


def to_json(take: Take) -> dict[str, Any]:
    """All that a script may want to know of a take; paths are absolute."""
    result = take.result
    return {
        "audio": str(take.audio_path.absolute()),
        "wav": str(take.audio_path.absolute()) if take.result.config.file_format == "wav" else None,
        "json": str(take.json_path.absolute()),
        "picture": None if take.picture_path is None else str(take.picture_path.absolute()),
        "seed": result.seed_used,
        "duration_s": result.duration_s,
        "sample_rate": result.sample_rate,
        "file_format": result.config.file_format,
        "bit_depth": FILE_FORMATS[result.config.file_format].depth_in_file(result.config.bit_depth),
        "channels": result.channels,
        "blend": blend_to_json(result.config, result.blended_in),
        "quality": take.quality,
        "evaluation": None if take.evaluation is None else take.evaluation.to_json(),
        "history": take.history_id,
        "thumbnail": None if take.thumbnail_path is None else str(take.thumbnail_path.absolute()),
    }
