"""Work and its state, on disk: what is to be done, how far it is, what came of it.

A job has a file in the queue until its work is done, whatever happens to the processes: who starts next finds it there and does
it again, or goes on with it. Its state is a second file, in the folder of the browser that asked for it, and stays.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from small_dataset_audio.errors import SidecarError
from small_dataset_audio.files import dump_json, write_bytes
from small_dataset_audio.json_types import read_from_json
from small_dataset_audio.ui.places_on_disk import StudioFolders

State: TypeAlias = Literal["waiting", "running", "done", "stopped", "failed"]
FINISHED: Final = frozenset({"done", "stopped", "failed"})
_ID_LETTERS: Final = frozenset("0123456789abcdef-")


@read_from_json
@dataclass(frozen=True)
class Job:
    """What is to be done.

    Parameters
    ----------
    id : str
        Sorts by time.
    session : str
        Of the browser that asked.
    kind : str
        See :mod:`small_dataset_audio.ui.work`.
    request : mapping
        Plain values.
    """

    id: str
    session: str
    kind: str
    request: dict[str, Any] = field(default_factory=dict)


@read_from_json
@dataclass(frozen=True)
class JobStatus:
    """How a job stands.

    Parameters
    ----------
    state : {"waiting", "running", "done", "stopped", "failed"}
    kind : str
    message : str
        What is being done, or what went wrong, in words for people.
    progress : float [0 to 1]
    begun : int
        How often a worker began with it.
    request : mapping
    news : mapping
        What came of it so far, plain values.
    files : mapping of str to str
        Files that the browser may have, by a name that this job gives them.
    """

    state: State
    kind: str
    message: str = ""
    progress: float = 0.0
    begun: int = 0
    request: dict[str, Any] = field(default_factory=dict)
    news: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINISHED


class JobQueue:
    """The queue of one library.

    Parameters
    ----------
    folders : StudioFolders
    """

    def __init__(self, folders: StudioFolders) -> None:
        self._folders = folders

    def submit(self, session: str, kind: str, request: Mapping[str, Any]) -> str:
        """Ask for work; returns the job's id."""
        job = Job(f"{time.time_ns():016x}-{secrets.token_hex(4)}", session, kind, dict(request))
        self.write_status(job, JobStatus("waiting", kind, request=job.request))
        _write(self._folders.queue / f"{job.id}.json", job)
        return job.id

    def waiting(self) -> list[Job]:
        """Jobs that are not done, in the order that they were asked for."""
        jobs = []
        for path in sorted(self._folders.queue.glob("[!.]*.json")):
            try:
                jobs.append(msgspec.json.decode(path.read_bytes(), type=Job))
            except (OSError, msgspec.MsgspecError):  # done meanwhile; or no job of this release
                continue
        return jobs

    def status(self, session: str, job_id: str) -> JobStatus | None:
        """State of a job of this session; None where there is none."""
        if not job_id or not set(job_id) <= _ID_LETTERS:
            return None
        try:
            return msgspec.json.decode(self._status_path(session, job_id).read_bytes(), type=JobStatus)
        except (OSError, msgspec.MsgspecError):
            return None

    def write_status(self, job: Job, status: JobStatus) -> None:
        """Write down how a job stands."""
        _write(self._status_path(job.session, job.id), status)

    def finish(self, job: Job, status: JobStatus) -> None:
        """Write down what came of a job and take it out of the queue."""
        self.write_status(job, status)
        (self._folders.queue / f"{job.id}.json").unlink(missing_ok=True)
        self._stop_path(job.session, job.id).unlink(missing_ok=True)

    def ask_to_stop(self, session: str, job_id: str) -> None:
        """Ask for an end; one that has not begun never begins."""
        status = self.status(session, job_id)
        if status is not None and not status.is_finished:
            self._stop_path(session, job_id).touch()

    def is_asked_to_stop(self, job: Job) -> bool:
        """Whether the user wants it to end."""
        return self._stop_path(job.session, job.id).exists()

    def begin(self, job: Job) -> JobStatus:
        """Write down that a worker begins with it."""
        before = self.status(job.session, job.id) or JobStatus("waiting", job.kind, request=job.request)
        status = replace(before, state="running", begun=before.begun + 1)
        self.write_status(job, status)
        return status

    def of_session(self, session: str, kind: str) -> list[tuple[str, JobStatus]]:
        """All jobs of a kind that a browser asked for, newest first."""
        folder = self._folders.session(session) / "jobs"
        found = []
        for path in sorted(folder.glob("[!.]*.json"), reverse=True):
            status = self.status(session, path.stem)
            if status is not None and status.kind == kind:
                found.append((path.stem, status))
        return found

    def _status_path(self, session: str, job_id: str) -> Path:
        return self._folders.session(session) / "jobs" / f"{job_id}.json"

    def _stop_path(self, session: str, job_id: str) -> Path:
        return self._folders.session(session) / "jobs" / f"{job_id}.stop"


def _write(path: Path, value: Job | JobStatus) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, dump_json(msgspec.to_builtins(value)).encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that this program wrote; an empty one where it is missing or damaged."""
    try:
        value = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, SidecarError):
        return {}
    return value if isinstance(value, dict) else {}
