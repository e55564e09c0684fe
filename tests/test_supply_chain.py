"""What the program is made of: every package pinned, every licence known, and nothing stronger than the LGPL when it runs."""

from __future__ import annotations

import json
import runpy
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import make_licences  # noqa: E402 - a program beside the page that it makes

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PINNED = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in LINES}


@pytest.mark.parametrize(
    "required",
    [PROJECT["project"]["dependencies"], PROJECT["dependency-groups"]["dev"]],
    ids=["to run", "to develop"],
)
def test_every_dependency_is_pinned_to_the_version_that_is_installed(required: list[str]):
    found = {
        canonicalize_name(package.name): package.version.partition("+")[0]
        for package in make_licences.installed_closure(required)
    }
    assert len(found) > len(required)  # what is required requires something in turn
    unpinned = {name: pinned for name, pinned in found.items() if PINNED.get(name) != pinned}
    assert unpinned == {}, "add these to constraints.txt"


def test_pins_are_exact_each_once_in_order():
    assert len(PINNED) == len(LINES)
    for line in LINES:
        (specifier,) = Requirement(line).specifier
        assert specifier.operator == "=="
    assert list(PINNED) == sorted(PINNED)


def test_the_tested_torch_is_the_same_for_every_installer():
    assert PINNED["torch"] == "2.13.0" == version("torch").partition("+")[0]
    assert PROJECT["tool"]["uv"]["constraint-dependencies"] == ["torch==2.13.0"]


def test_what_the_makefile_installs_by_itself_is_pinned_as_well():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"--no-deps aisfx=={PINNED['aisfx']}" in makefile


def test_no_licence_is_stronger_than_the_lgpl():
    packages = make_licences.run_time_packages()
    assert {"torch", "librosa", "soxr", "soundfile"} <= {package.name for package in packages}
    strong = {package.name: make_licences.too_strong(package.licence) for package in packages}
    assert {name: parts for name, parts in strong.items() if parts} == {}


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", []),
        ("LGPL-2.1-or-later", []),
        ("BSD-3-Clause AND (MIT OR Apache-2.0)", []),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", []),
        ("GPL-3.0-only", ["GPL-3.0-only"]),
        ("MIT AND AGPL-3.0-only", ["AGPL-3.0-only"]),
        ("MIT OR GPL-2.0-only", []),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", ["GPL-3.0-only"]),
        ("(MIT AND GPL-2.0-only) OR AGPL-3.0-only", ["GPL-2.0-only"]),
        ("SSPL-1.0", ["SSPL-1.0"]),
        ("Free for private use", ["Free for private use"]),
        ("unknown", ["unknown"]),
    ],
)
def test_a_licence_is_judged_by_all_its_parts_and_the_mildest_alternative(licence: str, refused: list[str]):
    assert make_licences.too_strong(licence) == refused


def test_the_page_of_licences_lists_every_package_as_it_is():
    listed = set(make_licences.PAGE.read_text(encoding="utf-8").splitlines())
    missing = [row for row in map(make_licences.row, make_licences.run_time_packages()) if row not in listed]
    assert missing == [], "run python docs/make_licences.py"
    for row in listed:
        # On another system some packages are not needed; a page may list them, but nothing that is not pinned.
        if row.startswith("| ") and not row.startswith(("| package", "| ---")):
            assert canonicalize_name(row.split("|")[1].strip()) in PINNED, row


# ---- the audit


judge = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["judge"]


def printed(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages})


SOUND = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_a_known_vulnerability_fails_the_audit_and_is_named():
    assert judge(printed(SOUND, WEAK, UNKNOWN)) == (
        1,
        "error: known vulnerabilities in what constraints.txt pins:\nb 2: PYSEC-1, mended in 3",
    )


@pytest.mark.parametrize("answer", ["", "Traceback (most recent call last):", "[]", printed(UNKNOWN)])
def test_a_database_out_of_reach_is_a_warning(answer: str):
    code, words = judge(answer)
    assert code == 0
    assert words.startswith("warning: ")
    assert words.endswith("nothing was audited")


def test_an_audit_that_took_place_says_how_much_it_covered():
    assert judge(printed(SOUND, UNKNOWN)) == (0, "audited 1 of 2 packages: no known vulnerability")
