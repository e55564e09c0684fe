"""Files as answers: as they are, or, where no browser plays them, as what they sound like."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import soundfile as sf
from starlette.responses import FileResponse, PlainTextResponse, Response

from small_dataset_audio.audio import read_audio
from small_dataset_audio.errors import AudioFileError

_MEDIA_TYPES: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
_PLAIN: Final = frozenset({".png", ".json", ".zip", ".sda"})
_LONGEST_HEARD_S: Final = 600
_HEARD_RATE_HZ: Final = 48_000


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


def not_found() -> Response:
    """Say that there is nothing, whatever the reason."""
    return PlainTextResponse("There is nothing here.\n", status_code=404)
