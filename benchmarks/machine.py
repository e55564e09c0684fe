"""What a benchmark says of where it ran: commit, machine, and the peak memory of its process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path


def peak_mb() -> float:
    """Peak memory of this process alone [MB].

    Not ``ru_maxrss`` where Linux has better: that one begins with the peak of the process that started this one, and
    a benchmark that holds its instruments is larger than most of what it measures.
    """
    status = Path("/proc/self/status")
    if status.exists():
        high_water = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(high_water.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def commit() -> str:
    """Short hash of this checkout's commit, with ``-dirty`` behind it where files other than results have changed since."""
    commit_hash = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":/!benchmarks/results")
    return f"{commit_hash}{'-dirty' if changed else ''}" if commit_hash else "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


def cpu_name() -> str:
    """Name of the processor, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def machine_name() -> str:
    """Architecture, cores and processor."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {cpu_name()}"
