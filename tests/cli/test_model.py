from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.conftest import Sda
from tiny import hashes_below


@pytest.fixture(autouse=True)
def own_tiny(home: Path, tiny_model_folder: Path) -> Path:
    shutil.copytree(tiny_model_folder, home / "models" / "tiny")
    return home


def names(sda: Sda, *arguments: object) -> list[str]:
    return sorted(model["name"] for model in sda("models", *arguments, "--json").json["models"])


def test_a_model_is_renamed_duplicated_deleted_and_restored(sda: Sda):
    assert sda("model", "rename", "tiny", "summer rain").code == 0
    assert sda("model", "duplicate", "summer rain", "before").code == 0
    assert names(sda) == ["before", "summer rain"]
    assert sda("model", "delete", "before").code == 0
    assert names(sda) == ["summer rain"]
    (entry,) = sda("model", "trash", "--json").json["entries"]
    assert (entry["kind"], entry["name"]) == ("model", "before")
    assert Path(entry["path"]).is_dir()
    assert sda("model", "restore", "before", "--name", "again").code == 0
    assert names(sda) == ["again", "summer rain"]
    sda("model", "restore", "before").assert_one_error_line("no model 'before' in the trash")
    for wrong in (
        ("rename", "x", "y"),
        ("duplicate", "again", "summer rain"),
        ("delete", "x"),
        ("rename", "again", "../x"),
    ):
        done = sda("model", *wrong)
        assert done.code == 1
        done.assert_one_error_line()
    assert names(sda) == ["again", "summer rain"]


def test_the_trash_is_emptied_only_where_it_was_asked(sda: Sda, home: Path):
    assert "the trash is empty" in sda("model", "trash").out
    sda("model", "delete", "tiny")
    refused = sda("model", "trash", "empty")
    assert refused.code == 2
    refused.assert_one_error_line("Remove 1 deleted thing for ever?", "--yes")
    assert len(sda("model", "trash", "--json").json["entries"]) == 1
    assert sda("model", "trash", "empty", "--yes").code == 0
    assert list((home / "trash").iterdir()) == []


def test_models_are_found_by_words_and_kind(sda: Sda):
    sda("model", "duplicate", "tiny", "other")
    sda("model", "licence", "other", "CC BY 4.0, by the rain")
    assert names(sda, "--search", "RAIN by") == ["other"]
    assert names(sda, "--search", "pluck 3") == ["other", "tiny"]
    assert names(sda, "--kind", "walk") == []
    assert names(sda, "--kind", "trained") == ["other", "tiny"]
    assert "no such models" in sda("models", "--search", "nothing").out
    order = [model["name"] for model in sda("models", "--sort", "name", "--json").json["models"]]
    assert order == ["other", "tiny"]


def test_a_model_goes_to_a_file_and_comes_back_with_its_presets(sda: Sda, home: Path):
    sda("preset", "save", "tiny", "slow", "-d", "3")
    sda("model", "licence", "tiny", "CC BY 4.0")
    exported = sda("model", "export", "tiny")
    assert exported.code == 0
    assert Path("tiny.sda").is_file()
    sda("model", "export", "tiny").assert_one_error_line("tiny.sda", "exists already")
    assert sda("model", "export", "tiny", "--force").code == 0
    sda("model", "import", "tiny.sda").assert_one_error_line("exists already; import it under another --name")
    imported = sda("model", "import", "tiny.sda", "--name", "theirs", "--json")
    assert imported.json["name"] == "theirs"
    assert sda("preset", "list", "theirs", "--json").json["presets"][0]["settings"]["duration_s"] == 3.0
    (licence,) = {model["licence"] for model in sda("models", "--json").json["models"]}
    assert licence == "CC BY 4.0"
    before, after = (hashes_below(home / "models" / name) for name in ("tiny", "theirs"))
    assert before["model.safetensors"][0] == after["model.safetensors"][0]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_model_leaves_the_library_as_it_was(sda: Sda, home: Path, content: bytes):
    Path("x.sda").write_bytes(content)
    before = hashes_below(home)
    done = sda("model", "import", "x.sda")
    assert done.code == 1
    done.assert_one_error_line("x.sda")
    assert hashes_below(home) == before
    sda("model", "import", "nowhere.sda").assert_one_error_line("nowhere.sda is no file")


def test_a_card_in_words_in_json_and_as_pages(sda: Sda):
    sda("model", "licence", "tiny", "CC BY 4.0")
    said = sda("model", "card", "tiny").out
    card = sda("model", "card", "tiny", "--json").json
    for text in (said, str(card)):
        for word in ("CC BY 4.0", "pluck 3.wav", "plucks"):
            assert word in text
    assert card["recordings"]["recordings"] == "5"
    assert sda("model", "card", "tiny", "-o", "card/tiny.md").code == 0
    assert sorted(path.name for path in Path("card").iterdir()) == ["tiny.md", "tiny_recordings.png"]
    assert "(<tiny_recordings.png>)" in Path("card/tiny.md").read_text()
    assert sda("model", "card", "tiny", "-o", "tiny.html").code == 0
    page = Path("tiny.html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page
    sda("model", "card", "tiny", "-o", "tiny.html").assert_one_error_line("exists already")
    sda("model", "card", "tiny", "-o", "tiny.pdf").assert_one_error_line("end it in .md or .html")
