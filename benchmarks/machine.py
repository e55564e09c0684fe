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
    """Short hash of this checkout's commit, with ``-dirty`` behind it where files have changed since."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip() or "unknown"


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
