"""What the worker does for the library: a take made again, a model into a file and out of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.workflow import export_model, get_take, import_model, rerender


def make_again(desk: Desk, request: dict[str, Any]) -> None:
    """Make a take of the history again, and compare it bit for bit."""
    record = get_take(int(request["number"]), library=desk.library)

    def progress(done_s: float, total_s: float) -> None:
        desk.say(progress=done_s / total_s, message=f"making take {record.id} again")

    report = rerender(record.sidecar_path, library=desk.library, on_progress=progress)
    if report.identical:
        words = f"Take {record.id} was made again, the same to the last bit: {report.wav_path.name}."
    elif report.identical is None:
        words = f"Take {record.id} was made again as {report.wav_path.name}; there is nothing to compare it with."
    else:
        words = (
            f"Take {record.id} was made again, but differs ({'; '.join(report.differences)}): {report.wav_path.name}."
        )
    desk.say(
        message=words,
        progress=1.0,
        files={"wav": str(report.wav_path.absolute())},
        news={"identical": report.identical, "differences": list(report.differences)},
    )


def save_model(desk: Desk, request: dict[str, Any]) -> None:
    """Write a model into one file, for the browser to fetch."""
    desk.say(message=f"packing {request['model']}", at_once=True)
    path = export_model(
        str(request["model"]), desk.own_folder / f"{request['model']}.sda", desk.library, overwrite=True
    )
    desk.say(message=f"{request['model']} is packed.", files={"file": str(path)}, news={"name": path.name})


def take_in_model(desk: Desk, request: dict[str, Any]) -> None:
    """Take a model out of a file that was dropped; the file goes."""
    path = Path(request["path"])
    desk.say(message=f"looking at {path.name}", at_once=True)
    try:
        folder = import_model(path, desk.library)
    finally:
        path.unlink(missing_ok=True)
    desk.say(message=f"{folder.name} is in your library.")
