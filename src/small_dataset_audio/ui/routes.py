"""What the page fetches and sends beside Gradio's own traffic: sounds, pictures, its script and style, and dropped files.

No path comes from a browser. It names a job of its own session and a file that this job said the browser may have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import fastapi
from starlette.responses import FileResponse, PlainTextResponse, Response

from small_dataset_audio.errors import SdaError, UploadError
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.security import SESSION_KEY, UPLOAD_PATH
from small_dataset_audio.ui.serving import not_found, serve_file
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.uploads import receive_file

STATIC: Final = Path(__file__).parent / "static"
_STATIC_FILES: Final = frozenset({"studio.js", "studio.css"})


def add_routes(app: fastapi.FastAPI, folders: StudioFolders) -> None:
    """Add the studio's own addresses to an application."""

    @app.get("/studio/static/{name}")
    def static(name: str) -> Response:
        if name not in _STATIC_FILES:
            return not_found()
        return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    @app.get("/studio/file/{job_id}/{key}")
    def file_of_job(request: fastapi.Request, job_id: str, key: str, save: bool = False) -> Response:
        session = session_of_request(request, folders)
        status = session.queue.status(session.id, job_id)
        path = Path(status.files[key]) if status is not None and key in status.files else None
        return not_found() if path is None or not path.is_file() else serve_file(path, save=save)

    @app.post(UPLOAD_PATH)
    async def upload(request: fastapi.Request, name: str, corpus: str = "") -> Response:
        session = session_of_request(request, folders)
        try:
            # Without a corpus it is the file of a model.
            folder = session.corpus_folder(corpus) if corpus else session.dropped_model(name).parent
            await receive_file(request.stream(), folder, name, request.headers.get("content-length", ""))
        except UploadError as error:
            return PlainTextResponse(str(error), status_code=413)
        except SdaError as error:
            return PlainTextResponse(str(error), status_code=400)
        return PlainTextResponse("ok")


def session_of_request(request: fastapi.Request, folders: StudioFolders) -> Session:
    """Session that the door found for a request."""
    return Session(request.scope[SESSION_KEY], folders)
