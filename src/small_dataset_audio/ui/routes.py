"""What the page fetches and sends beside Gradio's own traffic: sounds, pictures, its script and style, and dropped files.

No path comes from a browser. It names a job of its own session and a file that this job said the browser may have.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import fastapi
import soundfile as sf
from starlette.responses import FileResponse, PlainTextResponse, Response

from small_dataset_audio.audio import read_audio
from small_dataset_audio.errors import AudioFileError, SdaError, UploadError
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.security import SESSION_KEY, UPLOAD_PATH
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.uploads import receive_file

STATIC: Final = Path(__file__).parent / "static"
_STATIC_FILES: Final = frozenset({"studio.js", "studio.css"})
_MEDIA_TYPES: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
_LONGEST_HEARD_S: Final = 600
_HEARD_RATE_HZ: Final = 48_000


def add_routes(app: fastapi.FastAPI, folders: StudioFolders) -> None:
    """Add the studio's own addresses to an application."""

    @app.get("/studio/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC_FILES:
            return _not_found()
        return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    @app.get("/studio/file/{job_id}/{key}")
    def file_of_job(request: fastapi.Request, job_id: str, key: str, save: bool = False) -> Response:
        session = session_of_request(request, folders)
        status = session.queue.status(session.id, job_id)
        path = Path(status.files[key]) if status is not None and key in status.files else None
        return _not_found() if path is None or not path.is_file() else _serve(path, save=save)

    @app.post(UPLOAD_PATH)
    async def upload(request: fastapi.Request, corpus: str, name: str) -> Response:
        session = session_of_request(request, folders)
        try:
            folder = session.corpus_folder(corpus)
            await receive_file(request.stream(), folder, name, request.headers.get("content-length", ""))
        except UploadError as error:
            return PlainTextResponse(str(error), status_code=413)
        except SdaError as error:
            return PlainTextResponse(str(error), status_code=400)
        return PlainTextResponse("ok")


def session_of_request(request: fastapi.Request, folders: StudioFolders) -> Session:
    """Session that the door found for a request."""
    return Session(request.scope[SESSION_KEY], folders)


def _serve(path: Path, *, save: bool) -> Response:
    """Send a file as it is, or, where no browser plays it, what it sounds like."""
    if path.suffix.lower() in {".png", ".json", ".zip"} or path.suffix.lower() in _MEDIA_TYPES:
        media_type = _MEDIA_TYPES.get(path.suffix.lower())
        return FileResponse(
            path,
            media_type=media_type,
            filename=path.name if save else None,
            headers={"Cache-Control": "private, max-age=60"},
        )
    try:
        decoded = read_audio(path, max_samples=_LONGEST_HEARD_S * _HEARD_RATE_HZ)
    except AudioFileError:
        return _not_found()
    buffer = io.BytesIO()
    sf.write(buffer, decoded.audio.T, decoded.sample_rate, format="WAV", subtype="PCM_16")
    return Response(buffer.getvalue(), media_type="audio/wav")


def _not_found() -> Response:
    return PlainTextResponse("There is nothing here.\n", status_code=404)
