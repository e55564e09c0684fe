"""The command line in one process, each test in a folder and a library of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from small_dataset_audio.cli.app import app
from tiny import write_recordings


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        value = json.loads(self.out, parse_constant=refuse)
        assert isinstance(value, dict)
        return value

    def assert_one_error_line(self, *mentions: str) -> None:
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert len(self.err.splitlines()) == 1
        for mention in mentions:
            assert mention in self.err


Sda: TypeAlias = Callable[..., Outcome]


def run_sda(*arguments: object, home: Path | None = None) -> Outcome:
    env = {} if home is None else {"SDA_HOME": str(home)}
    result = CliRunner(env=env).invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library; the test runs in an empty folder beside it."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("SDA_HOME", str(home))
    monkeypatch.delenv("SDA_DEBUG", raising=False)
    monkeypatch.chdir(work)
    return home


@pytest.fixture
def sda() -> Sda:
    """Run the command line on the empty library."""
    return run_sda


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short recordings. Read only, please."""
    return write_recordings(tmp_path_factory.mktemp("corpus") / "plucks")


@pytest.fixture(scope="session")
def tiny_home(tiny_model_folder: Path) -> Path:
    """A library that holds the model ``tiny``. Read only, please."""
    return tiny_model_folder.parents[1]


@pytest.fixture
def with_tiny(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the test's library be the one that holds ``tiny``."""
    monkeypatch.setenv("SDA_HOME", str(tiny_home))
    return tiny_home


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> tuple[Path, Outcome]:
    """A library with the model ``plucks`` as ``sda train --json`` made it, and what the command printed."""
    home = tmp_path_factory.mktemp("trained")
    return home, run_sda("train", recordings, "--budget", "5s", "--licence", "CC0-1.0", "--json", home=home)
