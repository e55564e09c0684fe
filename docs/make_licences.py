"""Writes ``docs/licences.md``: every package that the program needs when it runs, and its licence, as installed here.

    python docs/make_licences.py

Licences are read from the packages' own metadata; where those say it in free words, :data:`_IN_OTHER_WORDS` says it in SPDX's.
:func:`too_strong` is what a test refuses: anything that asks more of whoever distributes the program than the LGPL does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "licences.md"
PROJECT: Final = "small-dataset-audio"

ALLOWED: Final = frozenset(
    {
        *(
            "0BSD",
            "Apache-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "BSL-1.0",
            "HPND",
            "ISC",
            "MIT",
            "MIT-0",
            "MIT-CMU",
            "MPL-2.0",
        ),
        *("PSF-2.0", "Python-2.0", "Unlicense", "Zlib", "CC0-1.0", "BSD-3-Clause-Open-MPI", "OFL-1.1", "NCSA"),
        *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
    }
)
"""Licences (SPDX) that are no stronger than the LGPL. One that is not here has to be looked at by a person first."""

_EXCEPTIONS: Final = frozenset({"GCC-exception-3.1", "LLVM-exception"})

_IN_OTHER_WORDS: Final = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "new BSD": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "ISC": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "PSF": "PSF-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
}


@dataclass(frozen=True)
class Package:
    """An installed package.

    Parameters
    ----------
    name : str
    licence : str
        An SPDX expression, or the package's own words where nobody has looked at them yet.
    """

    name: str
    licence: str


def installed_closure(requirements: Iterator[str] | list[str]) -> Iterator[Distribution]:
    """Go through what is required, and all that it requires in turn, as far as it applies to this system."""
    pending = [Requirement(text) for text in requirements]
    seen: set[tuple[str, str]] = set()
    given: set[str] = set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        extras = ["", *sorted(requirement.extras)]
        found = distribution(name)
        for extra in extras:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in found.requires or []:
                inner = Requirement(text)
                if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                    pending.append(inner)
        if name not in given:
            given.add(name)
            yield found


def run_time_packages() -> list[Package]:
    """All packages that the program needs when it runs, by name."""
    found = installed_closure(distribution(PROJECT).requires or [])
    packages = [Package(package.name, licence_of(package)) for package in found]
    return sorted(packages, key=lambda package: canonicalize_name(package.name))


def licence_of(package: Distribution) -> str:
    """Licence of a package in SPDX's words, where they are known."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    words = [word for word in classifiers if word != "OSI Approved"] or [str(metadata.get("License") or "unknown")]
    first_lines = [word.strip().splitlines()[0] if word.strip() else "unknown" for word in words]
    return " AND ".join(sorted({_IN_OTHER_WORDS.get(line, line) for line in first_lines}))


def too_strong(licence: str) -> list[str]:
    """Name what in an SPDX expression is stronger than the LGPL, or unknown; of alternatives, the mildest counts."""
    tokens = re.findall(r"[()]|\bAND\b|\bOR\b|(?:(?!\bAND\b|\bOR\b)[^()])+", licence)
    return _any_of([token.strip() for token in tokens if token.strip()])


def _any_of(tokens: list[str]) -> list[str]:
    """Read alternatives off the front of `tokens`: what the mildest of them refuses."""
    refused = [_all_of(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        refused.append(_all_of(tokens))
    return min(refused, key=len)


def _all_of(tokens: list[str]) -> list[str]:
    """Read what holds together off the front of `tokens`."""
    refused = _one_of(tokens)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        refused = refused + _one_of(tokens)
    return refused


def _one_of(tokens: list[str]) -> list[str]:
    """Read one licence, or what is in brackets, off the front of `tokens`."""
    first = tokens.pop(0) if tokens else ""
    if first != "(":
        return [] if _is_allowed(first) else [first]
    inside = _any_of(tokens)
    if tokens:
        tokens.pop(0)  # the bracket that ends it
    return inside


def _is_allowed(part: str) -> bool:
    base, _, exception = part.partition(" WITH ")
    # An exception gives leave: what is built with such a GPL library is not bound by it.
    return base in ALLOWED or (bool(exception) and exception in _EXCEPTIONS)


def row(package: Package) -> str:
    """Row of the page's table."""
    return f"| {package.name} | {package.licence} |"


def page() -> str:
    """Text of the page."""
    rows = "\n".join(row(package) for package in run_time_packages())
    return f"""# Licences of what the program needs when it runs

Made by `python docs/make_licences.py` from the metadata of the installed packages; do not edit. A test refuses a package
whose licence is stronger than the LGPL, or is not known. Versions are those of `constraints.txt`. The program itself is under
the MIT licence (`LICENSE`).

Wheels bring native libraries along, which metadata do not always tell: `soundfile` has libsndfile (LGPL-2.1-or-later) as a
shared library of its own, `soxr` is built with libsoxr (LGPL-2.1-or-later), and numpy and scipy come with OpenBLAS
(BSD-3-Clause) and GCC's run-time libraries (GPL-3.0 with the GCC run-time exception, LGPL-2.1 for libquadmath). All of them are
files that the user can replace.

| package | licence (SPDX) |
| --- | --- |
{rows}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {len(run_time_packages())} packages\n")
