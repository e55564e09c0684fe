"""Every take that is written is recorded in the history of its library; a take is never lost for the history's sake."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from small_dataset_audio.errors import HistoryError, OutputError, SdaError, SidecarError
from small_dataset_audio.history import History, TakeRecord
from small_dataset_audio.history.records import RATINGS
from small_dataset_audio.inference.config import MAX_SEED
from small_dataset_audio.inference.sidecars import read_sidecar

_MAX_TEXT_CHARACTERS: Final = 1000
_NUMBERS: Final = int | float


@dataclass(frozen=True)
class Recorded:
    """What came of recording a take.

    Parameters
    ----------
    id : int or None
        Its number in the history; None where it could not be recorded.
    warning : str
        What did not go as it should; empty where all is well.
    """

    id: int | None
    warning: str = ""


def record_take(history: History, audio_path: Path, sidecar_path: Path, picture_path: Path | None) -> Recorded:
    """Record a take that was just written; the take is whole, whatever comes of this.

    A history that turns out to be damaged is set aside, and the take is the first of a new one.
    """
    warning = ""
    try:
        record = describe_take(read_sidecar(sidecar_path), audio_path, sidecar_path, picture_path)
        try:
            return Recorded(history.add(record).id)
        except HistoryError as error:
            if history.path.exists():
                raise
            warning = str(error)
        return Recorded(history.add(record).id, warning)
    except (HistoryError, OutputError, SidecarError) as error:
        return Recorded(None, f"{audio_path.name} is written, but is not in the history: {error}")


def describe_take(
    sidecar: Mapping[str, Any], audio_path: Path, sidecar_path: Path, picture_path: Path | None
) -> TakeRecord:
    """Say of a take what the history keeps, by its sidecar, whoever wrote that.

    Raises
    ------
    SidecarError
        It lacks what every sidecar has, or says what cannot be.
    """
    audio, quality = _section(sidecar, "audio"), _section(sidecar, "quality")
    evaluation, provenance = _section(sidecar, "evaluation"), _section(sidecar, "provenance")
    seed, rating = sidecar["seed"], _text(quality, "rating")
    duration_s = _number(audio, "duration_s")
    if not 0 <= seed <= MAX_SEED or rating not in RATINGS or duration_s is None:
        raise SidecarError(f"{sidecar_path} has no usable seed, rating or length; give the .json beside a take")
    similarity, share = _number(evaluation, "similarity_percent"), _number(evaluation, "copied_share")
    return TakeRecord(
        id=0,
        made_at=_moment(sidecar, sidecar_path),
        model_name=str(sidecar["model_name"])[:_MAX_TEXT_CHARACTERS],
        model_sha256=_text(provenance, "model_sha256"),
        seed=seed,
        audio_path=audio_path,
        sidecar_path=sidecar_path,
        picture_path=picture_path,
        duration_s=duration_s,
        sample_rate=round(_number(audio, "sample_rate") or 0),
        bit_depth=_text(audio, "bit_depth"),
        channels=round(_number(audio, "channels") or 0),
        rating=rating,
        reason=_text(quality, "reason"),
        similarity_percent=similarity,
        copied_share=share,
        audio_sha256=_text(provenance, "audio_sha256"),
        settings=sidecar["generation"],
    )


def _section(sidecar: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = sidecar.get(name)
    return section if isinstance(section, dict) else {}


def _text(section: Mapping[str, Any], name: str) -> str:
    value = section.get(name)
    return value[:_MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""


def _number(section: Mapping[str, Any], name: str) -> float | None:
    """Return a number that is one; whole numbers of any size may stand in a JSON."""
    value = section.get(name)
    if isinstance(value, bool) or not isinstance(value, _NUMBERS) or abs(value) > 2**53:
        return None
    return float(value) if math.isfinite(value) else None


def _moment(sidecar: Mapping[str, Any], path: Path) -> str:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(_text(sidecar, "timestamp")).isoformat(timespec="seconds")
    raise SidecarError(f"{path} has no usable 'timestamp'; give the .json beside a take")


def recorded_again(history: History, audio_path: Path, sidecar_path: Path) -> str:
    """Note a take that was made again: where the first one is gone, the history points to this one.

    A take that is still there, or that the history does not know, is left as it is.

    Returns
    -------
    str
        A warning where the history cannot be used; else empty.
    """
    try:
        sha256 = _text(_section(read_sidecar(sidecar_path), "provenance"), "audio_sha256")
        known = history.with_audio(sha256)
        if known and all(record.is_missing for record in known):
            history.relocate(known[0].id, audio_path, sidecar_path, None)
        elif not known:
            return record_take(history, audio_path, sidecar_path, None).warning
    except SdaError as error:
        return f"{audio_path.name} is written, but is not in the history: {error}"
    return ""
