"""The one process that does the long work: ``python -m small_dataset_audio.ui.worker HOME``.

It takes jobs from the queue on disk, one after the other; between two steps of a training it does what is quick, so that takes
can be made meanwhile. It ends when its standard input does, which is when the server is gone for whatever reason: a training
then saves a checkpoint, and stays in the queue for the next start.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import filelock

from small_dataset_audio.errors import SdaError
from small_dataset_audio.library import Library
from small_dataset_audio.ui import controls_work, library_work, map_work, shots_work, take_work, work
from small_dataset_audio.ui.desk import Desk
from small_dataset_audio.ui.jobs import Job, JobQueue
from small_dataset_audio.ui.pipelines import Pipelines
from small_dataset_audio.ui.places_on_disk import StudioFolders

_POLL_S: Final = 0.05
_MOST_TRIES: Final = 5  # of a job that ends its process each time

KINDS: Final[Mapping[str, Callable[[Desk, dict[str, Any]], None]]] = MappingProxyType(
    {
        "scan": work.scan,
        "train": work.train,
        "take": take_work.make_takes,
        "controls": controls_work.tell_controls,
        "map": map_work.tell_map,
        "shots": shots_work.cut_shots,
        "rerender": library_work.make_again,
        "export": library_work.save_model,
        "import": library_work.take_in_model,
    }
)


class Worker:
    """Does the work that is in the queue of a library.

    Parameters
    ----------
    home : Path
        Root of the library.
    """

    def __init__(self, home: Path) -> None:
        self._folders = StudioFolders(home)
        self._library = Library(home)
        self._queue = JobQueue(self._folders)
        self._pipelines = Pipelines(self._library)
        self.server_is_gone = threading.Event()

    def run(self) -> None:
        """Work until the server is gone."""
        while not self.server_is_gone.is_set():
            waiting = self._queue.waiting()
            if waiting:
                # What is quick goes first, so that nobody waits for a training that begins.
                self.do(min(waiting, key=_is_long))
            else:
                self.server_is_gone.wait(_POLL_S)

    def do(self, job: Job) -> None:
        """Do one job to its end; what the user can act on is told, and anything else ends this process."""
        status = self._queue.begin(job)
        if self._queue.is_asked_to_stop(job) and status.begun == 1:
            self._finish(job, "stopped", "stopped before it began")
            return
        if job.kind not in KINDS:
            self._finish(job, "failed", f"{job.kind} is no work that this release knows")
            return
        if status.begun > _MOST_TRIES:
            self._finish(
                job, "failed", f"tried {_MOST_TRIES} times without an end; {self._folders.worker_log} says why"
            )
            return
        desk = Desk(
            self._folders,
            self._library,
            status,
            lambda told: self._queue.write_status(job, told),
            lambda: self.server_is_gone.is_set() or self._queue.is_asked_to_stop(job),
            self._do_what_is_quick if _is_long(job) else lambda: None,
            self._pipelines,
            self._folders.session(job.session) / "made" / job.id,
        )
        try:
            KINDS[job.kind](desk, job.request)
        except SdaError as error:
            self._queue.finish(job, replace(desk.status, state="failed", message=str(error)))
            return
        if self.server_is_gone.is_set() and desk.status.state == "stopped" and not self._queue.is_asked_to_stop(job):
            # The user did not ask for the end: it stays in the queue, and the next start goes on with it.
            self._queue.write_status(job, replace(desk.status, state="waiting", message="interrupted", begun=1))
            return
        state = desk.status.state if desk.status.is_finished else "done"
        self._queue.finish(job, replace(desk.status, state=state))

    def _do_what_is_quick(self) -> None:
        for job in self._queue.waiting():
            if not _is_long(job):
                self.do(job)

    def _finish(self, job: Job, state: Any, message: str) -> None:  # noqa: ANN401 - a State
        before = self._queue.status(job.session, job.id)
        if before is not None:
            self._queue.finish(job, replace(before, state=state, message=message))


def _is_long(job: Job) -> bool:
    """Whether a job takes minutes, so that what is quick is done in between."""
    return job.kind == "train" or bool(job.request.get("measure"))


def main() -> None:
    """Work for the library at the path that is the first argument."""
    worker = Worker(Path(sys.argv[1]))
    threading.Thread(target=_watch, args=(worker.server_is_gone,), daemon=True).start()
    lock = filelock.FileLock(StudioFolders(Path(sys.argv[1])).worker_lock)
    while not worker.server_is_gone.is_set():
        try:
            with lock.acquire(timeout=0.5):
                worker.run()
        except filelock.Timeout:  # another server's worker does the work of this library
            continue


def _watch(server_is_gone: threading.Event) -> None:
    sys.stdin.buffer.read()
    server_is_gone.set()


if __name__ == "__main__":
    main()
