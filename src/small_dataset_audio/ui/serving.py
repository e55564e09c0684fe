"""Files as answers: as they are, or, where no browser plays them, as what they sound like."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import soundfile as sf
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from small_dataset_audio.audio import read_audio
from small_dataset_audio.errors import AudioFileError
from small_dataset_audio.write_errors import explain_write_error

_MEDIA_TYPES: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
_PLAIN: Final = frozenset({".png", ".json", ".zip", ".sda"})
_LONGEST_HEARD_S: Final = 600
_HEARD_RATE_HZ: Final = 48_000
_SENT_AT_ONCE: Final = 2**18


def serve_file(path: Path, *, save: bool = False) -> Response:
    """Send a file as it is, or, where no browser plays it, what it sounds like."""
    if save or path.suffix.lower() in _PLAIN or path.suffix.lower() in _MEDIA_TYPES:
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
        return not_found()
    buffer = io.BytesIO()
    sf.write(buffer, decoded.audio.T, decoded.sample_rate, format="WAV", subtype="PCM_16")
    return Response(buffer.getvalue(), media_type="audio/wav")


def serve_packed(pack: Callable[[IO[bytes]], None], name: str, folder: Path) -> Response:
    """Send a ZIP that is made now, and leave no file behind, whatever becomes of the browser.

    Parameters
    ----------
    pack : callable
        Writes it.
    name : str
        It is saved as.
    folder : Path
        On a disk with room for it.
    """
    packed = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it is sent after this call, and closed with it
    try:
        pack(packed)
    except OSError as error:
        packed.close()
        return PlainTextResponse(f"{explain_write_error(error, folder)}\n", status_code=507)
    headers = {
        "content-length": str(packed.tell()),
        "content-disposition": f"attachment; filename*=utf-8''{quote(name)}",
    }
    packed.seek(0)
    return StreamingResponse(_pieces(packed), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_SENT_AT_ONCE):
            yield piece


def not_found() -> Response:
    """Say that there is nothing, whatever the reason."""
    return PlainTextResponse("There is nothing here.\n", status_code=404)
