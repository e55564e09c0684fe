"""One browser: what it was doing, on disk, so that a reload or a restart loses nothing and no other browser sees it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from small_dataset_audio.files import dump_json, write_bytes
from small_dataset_audio.names import safe_folder_name
from small_dataset_audio.ui.jobs import JobQueue, JobStatus, read_json
from small_dataset_audio.ui.places_on_disk import StudioFolders

COOKIE: Final = "sda_studio"
KEY_PARAMETER: Final = "key"


class SessionKeys:
    """Signs the cookies of browsers that were let in.

    Parameters
    ----------
    secret : str
        Known to this user alone; whoever knows it is let in.
    """

    def __init__(self, secret: str) -> None:
        self.secret = secret

    @classmethod
    def of(cls, folders: StudioFolders) -> SessionKeys:
        """Read the secret of this library, or make it, so that cookies outlive the server."""
        path = folders.key_file
        if not path.is_file():
            write_bytes(path, secrets.token_urlsafe(24).encode())
            path.chmod(0o600)
        return cls(path.read_text("ascii").strip())

    def is_secret(self, given: str) -> bool:
        """Whether somebody has the secret; takes the same time for every wrong one."""
        return hmac.compare_digest(given.encode(), self.secret.encode())

    def new_cookie(self) -> str:
        """Cookie of a new browser."""
        token = secrets.token_hex(16)
        return f"{token}.{self._signature(token)}"

    def session_of(self, cookie: str) -> str | None:
        """Name of the session that a cookie stands for; None where it was not made here."""
        token, _, signature = cookie.partition(".")
        if not token or not hmac.compare_digest(signature.encode(), self._signature(token).encode()):
            return None
        return hashlib.sha256(token.encode()).hexdigest()[:24]

    def _signature(self, token: str) -> str:
        return hmac.new(self.secret.encode(), token.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Session:
    """What one browser did and does.

    Parameters
    ----------
    id : str
    folders : StudioFolders
    """

    id: str
    folders: StudioFolders

    @property
    def folder(self) -> Path:
        """Its folder; it is there once something was written."""
        return self.folders.session(self.id)

    @property
    def queue(self) -> JobQueue:
        """Where it asks for work."""
        return JobQueue(self.folders)

    def recall(self, key: str) -> dict[str, Any]:
        """What was remembered under `key`, a word of this program; empty where nothing was."""
        return read_json(self.folder / "state" / f"{key}.json")

    def remember(self, key: str, values: dict[str, Any]) -> None:
        """Keep plain values under `key`."""
        path = self.folder / "state" / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, dump_json(values).encode())

    def job(self, kind: str) -> tuple[str, JobStatus] | None:
        """The last job of a kind that is remembered, and how it stands."""
        job_id = str(self.recall(f"job-{kind}").get("id", ""))
        status = self.queue.status(self.id, job_id)
        return None if status is None else (job_id, status)

    def start(self, kind: str, request: dict[str, Any]) -> str:
        """Ask for work and remember it as the last of its kind."""
        job_id = self.queue.submit(self.id, kind, request)
        self.remember(f"job-{kind}", {"id": job_id})
        return job_id

    def corpus_folder(self, name: str) -> Path:
        """Folder for recordings that were dropped into the page, under a name that the user gave.

        Raises
        ------
        InvalidNameError
        """
        return self.folder / "recordings" / safe_folder_name(name)

    def dropped_model(self, name: str) -> Path:
        """Where a model's file lies that was dropped into the page.

        Raises
        ------
        InvalidNameError
        """
        return self.folder / "models" / safe_folder_name(name)
