"""What is swept at the start: pictures and states of work that nobody will look at again. No recording, take or model."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Final

from small_dataset_audio.ui.jobs import JobQueue, read_json
from small_dataset_audio.ui.places_on_disk import StudioFolders

KEPT_S: Final = 7 * 24 * 3600.0


def sweep(folders: StudioFolders, now_s: float) -> int:
    """Remove what finished jobs left in the folders of browsers, and large spectrograms of takes, when they are a week old.

    A job that is in the queue still, or the last of its kind in its browser, stays with all its files: the page shows it.

    Parameters
    ----------
    folders : StudioFolders
    now_s : float [s]
        Time since the epoch.

    Returns
    -------
    int
        How many jobs and pictures were removed. What cannot be removed stays.
    """
    queued = {job.id for job in JobQueue(folders).waiting()}
    swept = sum(_sweep_session(session, queued, now_s - KEPT_S) for session in (folders.root / "sessions").glob("*"))
    for picture in folders.pictures.glob("*.png"):
        swept += _is_older(picture, now_s - KEPT_S) and _removed(picture)
    return swept


def _sweep_session(session: Path, queued: set[str], before_s: float) -> int:
    shown = {str(read_json(path).get("id", "")) for path in (session / "state").glob("job-*.json")}
    swept = 0
    for status in (session / "jobs").glob("*.json"):
        if status.stem not in queued | shown and _is_older(status, before_s):
            swept += _removed(session / "made" / status.stem) and _removed(status)
    for folder in (session / "made").glob("*"):  # of a job that left no state
        if not (session / "jobs" / f"{folder.name}.json").exists() and _is_older(folder, before_s):
            swept += _removed(folder)
    return swept


def _is_older(path: Path, before_s: float) -> bool:
    try:
        return path.stat(follow_symlinks=False).st_mtime < before_s
    except OSError:  # gone meanwhile
        return False


def _removed(path: Path) -> bool:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return not path.exists()
