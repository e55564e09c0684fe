"""The command line as a whole: help, version, exit codes, faults; in processes of their own where imports matter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from small_dataset_audio import __version__
from tiny import run_python

COMMANDS = ["inspect", "train", "generate", "rerender", "models", "demo"]
HEAVY = {"torch", "numpy", "scipy", "matplotlib", "librosa", "soundfile", "soxr", "safetensors"}

HELP_OF_EVERYTHING = """
import json, sys
from small_dataset_audio.cli.app import run
for arguments in ([], ["--help"], ["--version"], *([name, "--help"] for name in sys.argv[1:])):
    sys.argv = ["sda", *arguments]
    assert run() == 0, arguments
print("LOADED " + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_and_version_load_nothing_heavy():
    loaded = json.loads(run_python(HELP_OF_EVERYTHING, *COMMANDS).rpartition("LOADED ")[2])
    assert "small_dataset_audio" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_python_m_runs_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "small_dataset_audio", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"sda {__version__}\n"


def test_the_help_lists_every_command_and_every_exit_code(sda: Any):
    done = sda("--help")
    assert done.code == 0
    assert set(COMMANDS) <= set(done.out.split())
    for code in ("0", "1", "2", "130"):
        assert any(line.split()[:1] == [code] for line in done.out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples(sda: Any, command: str):
    done = sda(command, "--help")
    assert done.code == 0
    assert "Examples" in done.out
    assert f"sda {command}" in done.out.partition("Examples")[2]


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (["nonsense"], "No such command"),
        (["inspect"], "FOLDER"),
        (["inspect", ".", "--nonsense"], "--nonsense"),
        (["train", ".", "--budget", "soon"], "'soon'"),
        (["train", ".", "--seed", "x"], "--seed"),
        (["train", ".", "--seed", "-1"], "--seed is -1"),
        (["train", ".", "--budget", "1s"], "--budget is 1s; it must be from 5s to 168h"),
        (["generate", "m", "--seed", "-1"], "--seed is -1; it must be from 0 to 2**63 - 1"),
        (["generate", "m", "--stereo", "quadro"], "mid-side"),
        (["generate", "m", "--rate", "22050"], "--rate is 22050"),
        (["generate", "m", "--bits", "8"], "--bits"),
        (["generate", "m", "--width", "2"], "--width is 2.0"),
        (["generate", "m", "--width", "nan"], "--width is nan"),
        (["generate", "m", "--overlap", "2000"], "2000 ms; it must be 0 or more, and shorter than --chunk (1000 ms)"),
        (["generate", "m", "--overlap", "nan"], "'--overlap': nan ms; it must be"),
        (["generate", "m", "--overlap", "inf"], "'--overlap': inf ms; it must be"),
        (["generate", "m", "--overlap", "-1"], "'--overlap': -1 ms; it must be"),
        (["generate", "m", "--chunk", "nan"], "--chunk is nan"),
        (["generate", "m", "--chunk", "0"], "--chunk is 0.0"),
        (["generate", "m", "-d", "2h"], "--duration is 2h; it must be over 0s and at most 1h"),
        (["generate", "m", "-d", "0"], "no duration over 0"),
        (["demo", "--budget", "1s"], "--budget is 1s"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line_and_exits_with_2(sda: Any, arguments: list[str], mention: str):
    done = sda(*arguments)
    assert done.code == 2
    done.assert_one_error_line(mention)


def test_what_the_parser_of_a_value_says_comes_without_the_words_of_pydantic(sda: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        typer.BadParameter, "format_message", lambda _: "Invalid value for '--bits': Value error, '8' is none."
    )
    done = sda("generate", "m", "--bits", "8")
    done.assert_one_error_line("error: Invalid value for '--bits': '8' is none; ")


def test_debug_shows_the_traceback_of_an_error_before_its_line(sda: Any):
    done = sda("--debug", "inspect", "nowhere")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert done.err.splitlines()[-1].startswith("error: nowhere does not exist")


def test_ctrl_c_exits_with_130_and_one_line(sda: Any, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("small_dataset_audio.corpus.scan_corpus", interrupted)
    done = sda("inspect", ".")
    assert done.code == 130
    done.assert_one_error_line("Ctrl-C")


FAULTY = "import small_dataset_audio.cli.app as app; app.run = lambda: 1 / 0; import small_dataset_audio.cli as cli; cli.main()"


def test_a_fault_of_the_program_is_one_line_too():
    done = python(FAULTY)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: a fault in sda itself (ZeroDivisionError")


def test_a_fault_of_the_program_shows_its_traceback_in_debugging():
    done = python(FAULTY, SDA_DEBUG="1")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_a_reader_that_leaves_early_causes_no_complaint(home: Path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "small_dataset_audio", "models", "--json"],
            env={**os.environ, "SDA_HOME": str(home)},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 1
    assert not list(home.iterdir())


SHOW_WAITING = """
import os
import small_dataset_audio.cli.app as app
app.run = lambda: print(os.environ["OMP_WAIT_POLICY"], os.environ["KMP_BLOCKTIME"]) or 0
import small_dataset_audio.cli as cli
cli.main()
"""


def test_threads_of_torch_wait_without_spinning(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("KMP_BLOCKTIME", raising=False)
    assert python(SHOW_WAITING).stdout == "passive 0\n"


def test_a_user_who_has_set_how_threads_wait_is_left_alone():
    assert python(SHOW_WAITING, OMP_WAIT_POLICY="active", KMP_BLOCKTIME="7").stdout == "active 7\n"
