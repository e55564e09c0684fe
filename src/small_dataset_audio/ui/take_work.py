"""Takes, as the worker makes them: written by the workflow, then drawn and put beside what they are nearest to."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from small_dataset_audio.audio import read_audio
from small_dataset_audio.constants import SAMPLE_RATE
from small_dataset_audio.corpus import ScanProgress
from small_dataset_audio.errors import SdaError
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.wav import export_wav
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.plots import plot_bare_spectrogram, waveform_outline
from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.ui.html import OUTLINE_COLUMNS
from small_dataset_audio.ui.near_state import KEY as NEAR
from small_dataset_audio.ui.near_work import near_config
from small_dataset_audio.workflow import (
    ModelPipeline,
    Take,
    WalkModelReady,
    WalkProgress,
    generate_takes,
    quick_model,
    take_thumbnail,
    variation_of,
)

_SHOWN_S: Final = 60.0
_NEAREST_S: Final = 3.0
"""Of the recording that a take comes nearest to, so much is heard, the alike moment in the middle."""


def make_takes(desk: Desk, request: dict[str, Any]) -> None:
    """Make takes: of a model, of a folder of recordings without training, or variations of a take that was made."""
    desk.say(message="loading the model", at_once=True)
    notes: tuple[str, ...] = ()
    if "vary" in request:
        variation = variation_of(Path(request["vary"]), amount=float(request["amount"]), library=desk.library)
        model, config, notes = Path(variation.model).name, variation.config, variation.notes
    else:
        model, config = model_of(desk, request), GenerationConfig.from_mapping(request["settings"])
    pipeline, count = desk.pipelines.of(model, str(request.get("device", "auto"))), int(request["count"])
    config = near_config(pipeline, config, request.get(NEAR, {}))
    news: dict[str, Any] = {"model": model, "takes": []}
    files: dict[str, str] = {}

    def progress(done_s: float, total_s: float) -> None:
        made = len(news["takes"])
        words = "making the take" if count == 1 else f"making take {made + 1} of {count}"
        desk.say(progress=(made + done_s / total_s) / count, message=words)

    folder = desk.folders.takes / safe_folder_name(model)
    for take in generate_takes(
        pipeline, config, count=count, output_dir=folder, evaluate=bool(request["evaluate"]), on_progress=progress
    ):
        number = len(news["takes"])
        told, own = _describe(desk, pipeline, take, number)
        told = {**told, "warnings": [*notes, *told["warnings"]], "near": [target.name for target in config.near]}
        told["varied"] = len(config.variations)
        news = {**news, "takes": [*news["takes"], told]}
        files = {**files, **own}
        desk.say(news=news, files=files, at_once=True)
        if desk.should_stop():
            desk.say(state="stopped", message="stopped", at_once=True)
            return
    desk.say(progress=1.0, message="")


def model_of(desk: Desk, request: dict[str, Any]) -> str:
    """Name of the model that is asked for; of a folder of recordings, one is made in seconds.

    Raises
    ------
    CorpusError, OutputError, InvalidConfigError
    """
    if request["model"]:
        return str(request["model"])
    folder = Path(request["folder"])
    for event in quick_model(folder, desk.library):
        if isinstance(event, ScanProgress):
            desk.say(message=f"listening to {event.report.name}")
        elif isinstance(event, WalkProgress):
            desk.say(message=event.stage)
        elif isinstance(event, WalkModelReady):
            return event.name
    raise SdaError(f"{folder} gave no model; look at it under Corpus")


def _describe(desk: Desk, pipeline: ModelPipeline, take: Take, number: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Say of a take what the page shows, and which files of it the browser may have."""
    summary = take.result
    shown = read_audio(take.wav_path, max_samples=round(_SHOWN_S * summary.sample_rate) * summary.channels)
    desk.own_folder.mkdir(parents=True, exist_ok=True)
    picture = plot_bare_spectrogram(shown.audio, shown.sample_rate, desk.own_folder / f"spectrogram-{number}.png")
    files = {
        f"wav-{number}": str(take.wav_path.absolute()),
        f"json-{number}": str(take.json_path.absolute()),
        f"picture-{number}": str(picture),
    }
    told: dict[str, Any] = {
        "number": number,
        "history_id": take.history_id,
        "name": f"Take {take.history_id}" if take.history_id else take.wav_path.stem,
        "file": take.wav_path.name,
        "seed": str(summary.seed_used),
        "duration_s": summary.duration_s,
        "shown_s": shown.duration_s,
        "rating": take.quality["rating"],
        "reason": take.quality["reason"],
        "loop": take.quality.get("loop"),
        "outline": waveform_outline(shown.audio, OUTLINE_COLUMNS),
        "warnings": list(take.warnings),
    }
    if take.history_id is not None:
        with contextlib.suppress(SdaError):  # the take is whole without
            take_thumbnail(take.history_id, library=desk.library)
    if take.evaluation is not None:
        told["evaluation"] = take.evaluation.to_json()
        nearest = _nearest(desk, pipeline, told["evaluation"]["nearest"], number)
        if nearest is not None:
            told["nearest"], files[f"nearest-{number}"] = nearest
    return told, files


def _nearest(
    desk: Desk, pipeline: ModelPipeline, match: dict[str, Any] | None, number: int
) -> tuple[dict[str, Any], str] | None:
    """Cut the moment that a take comes nearest to out of its recording, to be heard beside the take."""
    recording = None if match is None else dict(pipeline.corpus).get(match["file"])
    if match is None or recording is None:
        return None
    middle_s = match["file_s"] + match["duration_s"] / 2
    first = max(0, round((middle_s - _NEAREST_S / 2) * SAMPLE_RATE))
    cut = np.asarray(recording[first : first + round(_NEAREST_S * SAMPLE_RATE)])
    if len(cut) == 0:
        return None
    path = desk.own_folder / f"nearest-{number}.wav"
    path.unlink(missing_ok=True)
    export_wav(cut, path, SAMPLE_RATE, "16-bit")
    told = {
        "file": match["file"],
        "file_s": max(0.0, match["file_s"]),
        "take_s": match["take_s"],
        "outline": waveform_outline(cut, OUTLINE_COLUMNS),
        "duration_s": len(cut) / SAMPLE_RATE,
    }
    return told, str(path)
