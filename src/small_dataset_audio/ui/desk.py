"""What the work of one job is done with: where things are, how it is told, when it has to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from small_dataset_audio.library import Library
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.pipelines import Pipelines
from small_dataset_audio.ui.places_on_disk import StudioFolders

_TELL_EVERY_S: Final = 0.4

Tell: TypeAlias = Callable[[JobStatus], None]


@dataclass
class Desk:
    """What the work of one job is done with.

    Parameters
    ----------
    folders : StudioFolders
    library : Library
    status : JobStatus
        As last told.
    tell : callable
        Writes a state down.
    should_stop : callable
        Whether the user, or the end of the server, asks for an end.
    between : callable
        Called between two steps of long work, for what does not wait.
    pipelines : Pipelines
        Models that are loaded.
    own_folder : Path
        For files of this job alone; made by whoever writes into it.
    """

    folders: StudioFolders
    library: Library
    status: JobStatus
    tell: Tell
    should_stop: Callable[[], bool]
    between: Callable[[], None]
    pipelines: Pipelines
    own_folder: Path
    _told_at: float = field(default=0.0, repr=False)

    def say(self, *, at_once: bool = False, **changes: Any) -> None:  # noqa: ANN401 - fields of JobStatus
        """Change the state; it is written down now and then, or at once."""
        self.status = replace(self.status, **changes)
        if at_once or time.monotonic() - self._told_at > _TELL_EVERY_S:
            self.tell(self.status)
            self._told_at = time.monotonic()
