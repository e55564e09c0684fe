"""Words for a command line: what a message suggests to type can be pasted."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

__all__ = ["shell_word"]


def shell_word(text: str | Path) -> str:
    """Quote `text` so that it can be pasted into a command line of this system."""
    word = str(text)
    return subprocess.list2cmdline([word]) if os.name == "nt" else shlex.quote(word)
