"""The linter, with this project's own settings, refuses what would run code out of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("src/small_dataset_audio/models/planted.py", "tests/test_planted.py", "benchmarks/planted.py")

BANNED = {
    "import pickle": "TID251",
    "from pickle import loads": "TID251",
    "import cloudpickle": "TID251",
    "import dill": "TID251",
    "import joblib": "TID251",
    "import shelve": "TID251",
    "import marshal": "TID251",
    "import torch\ntorch.load('x')": "TID251",
    "import torch\ntorch.load('x', weights_only=True)": "TID251",
    "from torch import save\nsave({}, 'x')": "TID251",
    "import numpy as np\nnp.load('x', allow_pickle=True)": "TID251",
    "import yaml\nyaml.load('x')": "TID251",
    "import yaml\nyaml.load('x', yaml.Loader)": "S506",
    "import pickle\npickle.loads(b'')": "S301",
    "import marshal\nmarshal.loads(b'')": "S302",
    "eval('1')": "S307",
    "exec('1')": "S102",
}


def rules_broken(code: str, place: str) -> set[str]:
    """What the linter says of `code`, were it in a file at `place`."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format=json", "--stdin-filename", place, "-"],
        input=f"{code}\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode in (0, 1), done.stderr
    return {finding["code"] for finding in json.loads(done.stdout)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("code", "rule"), BANNED.items(), ids=[code.splitlines()[-1] for code in BANNED])
def test_what_runs_code_out_of_a_file_is_refused_wherever_it_stands(place: str, code: str, rule: str):
    assert rule in rules_broken(code, place)


@pytest.mark.parametrize("place", PLACES)
def test_what_does_not_is_let_through(place: str):
    plain = '"""Planted."""\n\nimport ast\nimport json\n\nVALUE = json.loads("1"), ast.literal_eval("1")'
    assert rules_broken(plain, place) == set()


def test_every_exception_says_why():
    for path in (*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/**/*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for rule in {"TID251", "S301", "S302", "S307", "S102", "S506"}:
                if f"# noqa: {rule}" in line:
                    assert f"{rule} - " in line, f"{path.relative_to(ROOT)}: {line.strip()}"


def test_the_package_itself_has_no_exception():
    for path in ROOT.glob("src/**/*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [rule for rule in ("TID251", "S301", "S307", "S102", "S506") if f"noqa: {rule}" in text], path
