from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.conftest import Sda
from small_dataset_audio.cli import confirm
from small_dataset_audio.cli.app import app
from tiny import hashes_below


@pytest.fixture
def own_tiny(home: Path, tiny_model_folder: Path) -> Path:
    """The test's own library, with the model ``tiny`` in it."""
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    return home


@pytest.fixture
def two(sda: Sda, own_tiny: Path) -> list[dict[str, Any]]:
    """Two short takes in the folder ``takes``, recorded."""
    done = sda("generate", "tiny", "-n", "2", "-d", "0.2", "--seed", "7", "-o", "takes", "--no-evaluate", "--json")
    assert done.code == 0
    return done.json["takes"]


def test_takes_are_recorded_and_say_their_number(sda: Sda, two: list[dict[str, Any]], own_tiny: Path):
    assert [take["history"] for take in two] == [1, 2]
    listed = sda("history", "--json").json
    assert listed["total"] == 2
    assert [take["id"] for take in listed["takes"]] == [2, 1]
    newest = listed["takes"][0]
    assert (newest["model"], newest["seed"], newest["state"], newest["stars"]) == ("tiny", 8, "undecided", 0)
    assert newest["settings"]["duration_s"] == 0.2
    for key, kind in (("audio", ".wav"), ("json", ".json"), ("thumbnail", ".png")):
        assert Path(newest[key]).is_file()
        assert Path(newest[key]).suffix == kind
    assert Path(newest["thumbnail"]).is_relative_to(own_tiny)
    assert sda("history", "list", "--json").json == listed
    assert two[1]["wav"] in sda("history", "show", "2").out.replace("\n", "")


def test_no_history_records_nothing(sda: Sda, own_tiny: Path):
    done = sda("generate", "tiny", "-n", "1", "-d", "0.2", "-o", "takes", "--no-evaluate", "--no-history", "--json")
    assert done.json["takes"][0]["history"] is None
    assert not (own_tiny / "history.sqlite").exists()
    assert "no takes yet" in sda("history").out
    assert sda("history", "--json").json == {"total": 0, "takes": []}


def test_a_history_that_cannot_be_written_is_a_note_and_the_takes_are_there(sda: Sda, own_tiny: Path):
    (own_tiny / "history.sqlite").mkdir()
    done = sda("generate", "tiny", "-n", "1", "-d", "0.2", "-o", "takes", "--no-evaluate", "--json")
    assert done.code == 0
    assert "is not in the history" in done.err
    assert Path(done.json["takes"][0]["wav"]).is_file()


def test_stars_notes_and_search(sda: Sda, two: list[dict[str, Any]]):
    assert sda("history", "rate", 1, 4, "--json").json["stars"] == 4
    assert "the long fade" in sda("history", "note", 1, "the long fade").out
    for search in (("--stars", 3), ("--search", "LONG fade"), ("--search", "seed7", "--model", "tiny")):
        assert [take["id"] for take in sda("history", *search, "--json").json["takes"]] == [1]
    assert "****" in sda("history").out
    assert sda("history", "--search", "nothing").out.strip() == "no such takes"
    for wrong, message in ((("rate", 1, 6), "stars is '6'"), (("rate", 9, 1), "no take 9"), (("show", 3), "no take 3")):
        sda("history", *wrong).assert_one_error_line(message)
    assert sda("history", "rate", 1, 6).code == 2
    assert sda("history", "rate", 9, 1).code == 1
    assert sda("history", "--kept", "--discarded").code == 2
    assert sda("history", "--since", "yesterday").code == 2


def test_a_take_is_discarded_only_where_it_was_asked_and_comes_back(sda: Sda, two: list[dict[str, Any]]):
    before = hashes_below(Path("takes"))
    refused = sda("history", "discard", 1)
    assert refused.code == 2
    refused.assert_one_error_line("Move take 1 with all files to the trash?", "--yes")
    assert hashes_below(Path("takes")) == before
    (record,) = sda("history", "discard", 1, "--yes", "--json").json["takes"]
    assert (record["state"], record["missing"]) == ("discarded", True)
    assert Path(record["trash"]).is_dir()
    assert not Path(two[0]["wav"]).exists()
    assert "in the trash" in sda("history", "--discarded").out
    assert sda("model", "trash", "--json").json["entries"][0]["kind"] == "take"
    assert sda("history", "restore", 1).code == 0
    assert hashes_below(Path("takes")) == before
    sda("history", "discard", 1, 2, "-y")
    assert [take["state"] for take in sda("history", "keep", 2, 1, "--json").json["takes"]] == ["kept", "kept"]
    assert hashes_below(Path("takes")) == before


def test_of_several_takes_none_is_touched_where_one_is_none(sda: Sda, two: list[dict[str, Any]]):
    sda("history", "discard", 1, 5, "--yes").assert_one_error_line("no take 5 in the history")
    assert Path(two[0]["wav"]).is_file()
    assert sda("history", "show", 1, "--json").json["state"] == "undecided"


@pytest.mark.parametrize(("answer", "code", "there"), [("y\n", 0, False), ("n\n", 1, True), ("\n", 1, True)])
def test_whoever_sits_at_a_terminal_is_asked(
    two: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, answer: str, code: int, there: bool
):
    monkeypatch.setattr(confirm, "_can_be_asked", lambda: True)
    done = CliRunner().invoke(app, ["history", "discard", "1"], input=answer)
    assert done.exit_code == code
    assert "Move take 1" in done.stderr
    assert Path(two[0]["wav"]).exists() == there


def test_a_take_is_forgotten_with_its_files_or_without(sda: Sda, two: list[dict[str, Any]]):
    assert sda("history", "forget", 1).code == 2
    assert sda("history", "forget", 1, "--yes", "--json").json == {"forgotten": 1, "trash": None}
    assert Path(two[0]["wav"]).is_file()
    assert Path(sda("history", "forget", 2, "--with-files", "-y", "--json").json["trash"]).is_dir()
    assert sda("history", "--json").json["total"] == 0


def test_two_takes_are_compared_in_words_and_in_a_picture(sda: Sda, two: list[dict[str, Any]]):
    done = sda("history", "compare", 1, 2, "--json").json
    assert done["settings"] == {"seed": [7, 8]}
    assert done["picture"] is None
    shown = sda("history", "compare", 1, 2, "-o", "both.png")
    assert "seed" in shown.out
    assert Path("both.png").read_bytes().startswith(b"\x89PNG")


def test_moved_takes_are_found(sda: Sda, two: list[dict[str, Any]]):
    Path("takes").rename("moved")
    assert "missing" in sda("history").out
    done = sda("history", "scan", ".", "--json").json
    assert [take["id"] for take in done["found"]] == [1, 2]
    assert Path(sda("history", "show", 1, "--json").json["audio"]).is_file()


def test_a_name_full_of_escapes_is_shown_and_not_obeyed(sda: Sda, two: list[dict[str, Any]]):
    text = "\x1b[31mred\x1b]0;title\x07 [bold]plain[/bold]"
    assert sda("history", "note", 1, text).code == 0
    for arguments in (("history",), ("history", "show", 1), ("history", "compare", 1, 2)):
        shown = sda(*arguments).out
        assert "\x1b" not in shown
        assert "\x07" not in shown
    assert "[bold]plain[/bold]" in sda("history", "show", 1).out
    assert json.loads(sda("history", "show", 1, "--json").out)["note"] == text
