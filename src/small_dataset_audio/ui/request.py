"""How the studio is to be served, and what has to be set before Gradio is imported. Loads nothing heavy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.ui.places_on_disk import StudioFolders

DEFAULT_PORT: Final = 7860
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class StudioRequest:
    """How the studio is to be served.

    Parameters
    ----------
    port : int or None
        None takes the first free one from :data:`DEFAULT_PORT` on.
    host : str or None
        Address by which other machines are let in; goes with `login` only.
    login : str or None
        ``name:password``; goes with `host` only.
    """

    port: int | None = None
    host: str | None = None
    login: str | None = None

    def validate(self) -> None:
        """Check that nobody is let in from outside without a password.

        Raises
        ------
        InvalidConfigError
        """
        if (self.host is None) != (self.login is None):
            raise InvalidConfigError(
                "host and auth go together: the studio is for this machine alone, or for others with a password; "
                "give both or none"
            )
        if self.login is not None and not all(self.login.partition(":")[::2]):
            raise InvalidConfigError("auth is no name and password; give both as NAME:PASSWORD")
        if self.port is not None and not 1 <= self.port <= 65_535:
            raise InvalidConfigError(f"port is {self.port}; it must be 1 to 65535")


def keep_quiet(folders: StudioFolders) -> None:
    """Have the libraries of the page send nothing anywhere, and keep what they cache in the studio's folder."""
    os.environ.update(
        {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_SHARE": "False",
            "GRADIO_MCP_SERVER": "False",
            "GRADIO_TEMP_DIR": str(folders.root / "cache"),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
        }
    )
