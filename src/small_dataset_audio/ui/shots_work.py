"""Single sounds, as the worker cuts them out of takes: one by one, or as a kit for a sampler."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from small_dataset_audio.audio import read_audio
from small_dataset_audio.files import atomic_write
from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.plots import waveform_outline
from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.ui.near_state import KEY as NEAR
from small_dataset_audio.ui.near_work import near_config
from small_dataset_audio.ui.take_work import model_of
from small_dataset_audio.workflow import Kit, OneShot, make_kit, make_one_shots, write_kit_archive

SHOT_COLUMNS: Final = 160


def cut_shots(desk: Desk, request: dict[str, Any]) -> None:
    """Cut single sounds, each unlike the others."""
    desk.say(message="loading the model", at_once=True)
    model = model_of(desk, request)
    pipeline = desk.pipelines.of(model, str(request.get("device", "auto")))
    config, count = GenerationConfig.from_mapping(request["settings"]), int(request["count"])
    config = near_config(pipeline, config, request.get(NEAR, {}))

    def progress(found: int, wanted: int, words: object) -> None:
        desk.say(progress=min(1.0, found / max(1, wanted)), message=str(words))

    folder = desk.folders.takes / safe_folder_name(model)
    if request.get("kit"):
        name = f"kit {datetime.now(UTC):%Y-%m-%d %H%M%S}"
        _say_kit(desk, make_kit(pipeline, config, hits=count, folder=folder / name, on_progress=progress))
        return
    made = make_one_shots(
        pipeline,
        config,
        count,
        output_dir=folder / "single sounds",
        evaluate=bool(request["evaluate"]),
        on_progress=progress,
    )
    desk.say(
        progress=1.0,
        message="",
        news={"model": model, "notes": list(made.notes), "shots": [_told(shot) for shot in made.shots]},
        files={f"shot-{number}": str(shot.audio_path.absolute()) for number, shot in enumerate(made.shots)},
    )


def _say_kit(desk: Desk, kit: Kit) -> None:
    """Pack a kit for the browser to fetch, and say where it is."""
    desk.own_folder.mkdir(parents=True, exist_ok=True)
    packed = desk.own_folder / f"{kit.folder.name}.zip"
    with atomic_write(packed) as temporary:
        write_kit_archive(kit.folder, temporary)
    sounds = len(kit.samples)
    news = {"notes": list(kit.notes), "kit": packed.name, "sounds": sounds, "folder": str(kit.folder)}
    desk.say(progress=1.0, message="", news=news, files={"kit": str(packed)})


def _told(shot: OneShot) -> dict[str, Any]:
    decoded = read_audio(shot.audio_path)
    return {
        "name": f"Take {shot.history_id}" if shot.history_id else shot.audio_path.stem,
        "file": shot.audio_path.name,
        "rating": shot.quality["rating"],
        "outline": waveform_outline(decoded.audio, SHOT_COLUMNS),
        "duration_s": shot.duration_s,
    }
