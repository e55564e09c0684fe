"""Runs all tests in two processes at once, for two cores: ``python tests/in_two.py``.

What the first process says is shown as it comes, what the second says once both have ended. Options are passed on to both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SECOND = ("cli", "controls", "inference", "ui", "workflow")
"""Folders of the second process; all others are the first one's, new ones too."""


def main() -> int:
    """Run both; returns the exit code of the first, or of the second where the first is 0."""
    folders = [str(TESTS / name) for name in SECOND]
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    with tempfile.TemporaryFile("w+") as said:
        second = subprocess.Popen([*command, "-p", "no:cacheprovider", *folders], stdout=said, stderr=subprocess.STDOUT)
        try:
            first = subprocess.call([*command, *(f"--ignore={folder}" for folder in folders)])
            code = second.wait()
        except KeyboardInterrupt:
            second.wait()  # it was told too
            return 130
        said.seek(0)
        for line in said:
            sys.stdout.write(line)
    return first or code


if __name__ == "__main__":
    sys.exit(main())
