"""The figures of a model's last evaluation, in a file of its own beside the weights that they are of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from small_dataset_audio.errors import SidecarError
from small_dataset_audio.files import parse_json, sha256_file, write_json
from small_dataset_audio.models.metadata import MODEL_FILE

EVALUATION_FILE: Final = "evaluation.json"

_VERSION: Final = 1
_MAX_BYTES: Final = 1 << 20
_FIGURES: Final = ("similarity_percent", "coverage", "copied_share")


@dataclass(frozen=True)
class StageFigures:
    """How one stage did; None where something was not measured.

    Parameters
    ----------
    name : str
    similarity_percent, coverage, copied_share : float or None
    """

    name: str
    similarity_percent: float | None
    coverage: float | None
    copied_share: float | None


def keep_evaluation(folder: Path, model_sha256: str, evaluation: Mapping[str, Any]) -> None:
    """Write the figures of an evaluation into a model's folder, over those of the one before.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    page = {
        "version": _VERSION,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model_sha256": model_sha256,
        "evaluation": dict(evaluation),
    }
    write_json(folder / EVALUATION_FILE, page)


def known_evaluation(folder: Path) -> tuple[StageFigures, ...]:
    """Figures of the last evaluation of just these weights; none where it was never evaluated, or cannot be read."""
    path = folder / EVALUATION_FILE
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return ()
        page = parse_json(path.read_text("utf-8"), source=str(path))
        if page.get("version") != _VERSION or page.get("model_sha256") != sha256_file(folder / MODEL_FILE):
            return ()
    except (OSError, UnicodeDecodeError, SidecarError):  # figures can be measured again
        return ()
    evaluation = page.get("evaluation")
    stages = evaluation.get("stages") if isinstance(evaluation, dict) else None
    return (
        tuple(_figures(stage) for stage in stages[:20] if isinstance(stage, dict)) if isinstance(stages, list) else ()
    )


def _figures(stage: Mapping[str, Any]) -> StageFigures:
    similarity, coverage, copied = (_number(stage.get(name)) for name in _FIGURES)
    return StageFigures(str(stage.get("stage", stage.get("name", "?")))[:40], similarity, coverage, copied)


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if usable and isinstance(value, int | float) and math.isfinite(value) else None
