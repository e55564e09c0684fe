"""Where the studio keeps things: one folder in the library, with a queue of work and a folder for each browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STUDIO_FOLDER = "studio"


@dataclass(frozen=True)
class StudioFolders:
    """Folders of the studio.

    Parameters
    ----------
    home : Path
        Root of the library.
    """

    home: Path

    @property
    def root(self) -> Path:
        """All that is the studio's own."""
        return self.home / STUDIO_FOLDER

    @property
    def queue(self) -> Path:
        """Work that is not done yet, one file each."""
        return self.root / "queue"

    @property
    def takes(self) -> Path:
        """Where takes are written, a folder for each model."""
        return self.home / "takes"

    @property
    def pictures(self) -> Path:
        """Large spectrograms of takes that were looked at."""
        return self.root / "pictures"

    @property
    def demo(self) -> Path:
        """Recordings of the demonstration."""
        return self.root / "demo recordings"

    @property
    def key_file(self) -> Path:
        """The secret that sessions are signed with."""
        return self.root / "key"

    @property
    def worker_lock(self) -> Path:
        """Held by the one process that works."""
        return self.root / "worker.lock"

    @property
    def worker_log(self) -> Path:
        """What the worker prints: tracebacks, if ever."""
        return self.root / "worker.log"

    def session(self, session_id: str) -> Path:
        """Folder of one browser."""
        return self.root / "sessions" / session_id

    def make(self) -> None:
        """Make the folders, for their owner alone."""
        for folder in (self.root, self.queue, self.root / "sessions"):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
