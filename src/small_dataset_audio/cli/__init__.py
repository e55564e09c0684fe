"""Floor 7: the command line. Typer reads it, ``workflow`` does the work, Rich shows it.

The only place with late imports: ``sda --help`` answers at once because torch, NumPy and their like are loaded by the command
that needs them, never by these modules themselves.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

__all__ = ["main"]


def main() -> None:
    """Run ``sda`` with the arguments of this process; ends it with an exit code."""
    # OpenMP's threads spin while they wait for each other. While another program uses the same core that makes a training
    # step up to twenty times slower (measured on 2 cores: 0.24 s alone, 4 s beside one busy process). Waiting passively costs
    # nothing that can be measured. Both must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    if not ({"--debug"} & set(sys.argv) or os.environ.get("SDA_DEBUG")):
        sys.excepthook = _report_fault
    for stream in (sys.stdout, sys.stderr):
        # Names of recordings hold any letter; an old console or a pipe in another encoding shall not stop the work.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        from small_dataset_audio.cli.app import run

        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:  # before the command itself took over
        code = 130
    except BrokenPipeError:  # `sda models | head -1`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _report_fault(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Say in one line what a programming error was; the traceback is for ``--debug``."""
    del trace
    cause = " ".join(f"{kind.__name__}: {value}".split())
    sys.stderr.write(
        f"error: a fault in sda itself ({cause}); run it again as `sda --debug ...` and report what it prints\n"
    )
