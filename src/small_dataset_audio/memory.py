"""Memory that is free in this process, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def release_free_memory() -> None:
    """Give back what has been let go of but is still held for later use; does nothing where the C library cannot.

    Between two stages of work on an hour of recordings: glibc keeps freed blocks of up to 32 MB, and what lies between the
    many small results of one stage is of no use to the next.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
