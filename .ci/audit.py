"""Asks whether a known vulnerability is in what ``constraints.txt`` pins: fails for one, only warns where nobody answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
_PATIENCE_S = 180


def audit() -> str:
    """What pip-audit prints, as JSON; anything else where it could not ask."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), *options]
    try:
        # This interpreter, and words that stand here.
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)  # noqa: S603 - see above
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def judge(printed: str) -> tuple[int, str]:
    """Exit code, and what to say."""
    try:
        packages: list[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, "warning: the database of vulnerabilities cannot be reached; nothing was audited"
    found = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'none'}"
        for package in packages
        for weakness in package.get("vulns", [])
    ]
    if found:
        return 1, "\n".join(["error: known vulnerabilities in what constraints.txt pins:", *found])
    unknown = sum("skip_reason" in package for package in packages)
    if unknown == len(packages):
        return 0, "warning: the database of vulnerabilities knows none of these packages here; nothing was audited"
    return 0, f"audited {len(packages) - unknown} of {len(packages)} packages: no known vulnerability"


if __name__ == "__main__":
    code, words = judge(audit())
    sys.stdout.write(f"{words}\n")
    sys.exit(code)
