"""Addresses of what the library holds: takes by their number in the history, pictures of models and kits by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import fastapi
from starlette.responses import Response

from small_dataset_audio.audio import read_audio
from small_dataset_audio.errors import SdaError
from small_dataset_audio.history import TakeRecord
from small_dataset_audio.library import Library
from small_dataset_audio.plots import plot_bare_spectrogram
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.serving import not_found, serve_file, serve_packed
from small_dataset_audio.workflow import find_kit, get_take, take_thumbnail, write_kit_archive

LOSS_PICTURE: Final = "losses.png"
_SHOWN_S: Final = 60.0


def add_library_routes(app: fastapi.FastAPI, library: Library) -> None:
    """Add the addresses to an application."""

    @app.get("/studio/take/{number}/{part}")
    def part_of_take(number: int, part: str, save: bool = False) -> Response:
        try:
            record = get_take(number, library=library)
            path = _part(record, part, library)
        except SdaError:
            return not_found()
        return not_found() if path is None or not path.is_file() else serve_file(path, save=save)

    @app.get("/studio/model/{name}/losses")
    def losses(name: str) -> Response:
        try:
            path = library.folder_of(name) / LOSS_PICTURE
        except SdaError:
            return not_found()
        return serve_file(path) if path.is_file() and not path.is_symlink() else not_found()

    @app.get("/studio/kit/{model}/{name}/{part}")
    def part_of_kit(model: str, name: str, part: str) -> Response:
        folders = StudioFolders(library.root)
        kit = find_kit(f"{model}/{name}", folders.takes)
        if kit is None:
            return not_found()
        if part == "zip":
            return serve_packed(lambda file: write_kit_archive(kit.folder, file), f"{kit.name}.zip", folders.root)
        known = part.isascii() and part.isdecimal() and int(part[:6]) < len(kit.sounds)
        return serve_file(kit.sounds[int(part[:6])].path) if known else not_found()


def _part(record: TakeRecord, part: str, library: Library) -> Path | None:
    if part == "sound":
        return record.audio_path
    if part == "recipe":
        return record.sidecar_path
    if part == "thumbnail":
        return take_thumbnail(record.id, library=library)
    return _picture(record, StudioFolders(library.root)) if part == "picture" else None


def _picture(record: TakeRecord, folders: StudioFolders) -> Path:
    """Large spectrogram of a take, drawn when it is first looked at."""
    path = folders.pictures / f"{record.id}.png"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        rate, channels = min(max(record.sample_rate, 1), 192_000), min(max(record.channels, 1), 2)
        shown = read_audio(record.audio_path, max_samples=round(_SHOWN_S * rate) * channels)
        plot_bare_spectrogram(shown.audio, shown.sample_rate, path)
    return path
