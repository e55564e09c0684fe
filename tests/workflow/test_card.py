from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from small_dataset_audio.errors import InvalidNameError, ModelNotFoundError, OutputError
from small_dataset_audio.files import sha256_file
from small_dataset_audio.library import Library, keep_evaluation, model_card, rename_model, set_licence
from small_dataset_audio.library.evaluation_file import EVALUATION_FILE
from small_dataset_audio.models.bundle import MODEL_FILE
from small_dataset_audio.workflow import EvaluationFinished, evaluate_model, write_card

HOSTILE = "<script>x</script> [a](http://b) | `c` ![d](e) *f*"


@pytest.fixture
def tiny(library: Library, tiny_model_folder: Path) -> Path:
    folder = library.folder_of("tiny")
    # Other tests evaluate that model where it is, which leaves its figures there.
    shutil.copytree(tiny_model_folder, folder, ignore=shutil.ignore_patterns(EVALUATION_FILE))
    return folder


def rows(library: Library, title: str) -> dict[str, str]:
    (section,) = [section for section in model_card("tiny", library).sections if section.title == title]
    return dict(section.rows)


def test_a_card_says_corpus_length_licence_and_training(library: Library, tiny: Path):
    card = model_card("tiny", library)
    assert card.name == "tiny"
    assert card.summary == "A model trained on 5 recordings (4.00 s) from the folder plucks."
    assert rows(library, "Model")["licence of the recordings"] == "CC0-1.0"
    recordings = rows(library, "Recordings")
    assert (recordings["recordings"], recordings["length"], recordings["pluck 3.wav"]) == ("5", "4.00 s", "0.95 s")
    assert rows(library, "Training")["steps"].startswith("60 in ")
    set_licence("tiny", "unspecified", library)
    assert rows(library, "Model")["licence of the recordings"] == "not stated"
    with pytest.raises(ModelNotFoundError):
        model_card("drone", library)


def test_figures_of_an_evaluation_are_kept_until_the_weights_are_others(library: Library, tiny: Path):
    assert "Evaluation" not in [section.title for section in model_card("tiny", library).sections]
    *_, finished = evaluate_model("tiny", duration_s=1.0, device="cpu", library=library)
    assert isinstance(finished, EvaluationFinished)
    shown = rows(library, "Evaluation")
    assert list(shown) == ["the corpus itself", "vocoder alone", "autoencoder", "takes"]
    assert "coverage " in shown["takes"]
    rename_model("tiny", "x", library)
    rename_model("x", "tiny", library)
    assert rows(library, "Evaluation") == shown
    path = tiny / "evaluation.json"
    path.write_text(path.read_text().replace('"model_sha256": "', '"model_sha256": "0'))
    assert "Evaluation" not in [section.title for section in model_card("tiny", library).sections]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"version": 1}', '{"version": 1e999}', "[" * 5000])
def test_figures_that_cannot_be_read_are_none(library: Library, tiny: Path, text: str):
    (tiny / "evaluation.json").write_text(text)
    assert "Evaluation" not in [section.title for section in model_card("tiny", library).sections]


def test_figures_that_are_no_numbers_are_not_shown(library: Library, tiny: Path):
    stages = [{"name": "generated", "similarity_percent": "93", "coverage": True, "copied_share": 10**400}, 5, None]
    keep_evaluation(tiny, sha256_file(tiny / MODEL_FILE), {"stages": stages})
    assert rows(library, "Evaluation") == {"takes": "not measured"}


def test_a_page_in_markdown_has_its_pictures_beside_it(library: Library, tiny: Path, tmp_path: Path):
    shutil.copy(_picture(tmp_path / "losses.png"), tiny / "losses.png")
    files = write_card("tiny", tmp_path / "card" / "t.md", library=library)
    assert [file.name for file in files] == ["t.md", "t_recordings.png", "t_losses.png"]
    page = files[0].read_text()
    for file in files[1:]:
        assert f"](<{file.name}>)" in page
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert picture.width > 100
    with pytest.raises(OutputError, match="exists already"):
        write_card("tiny", tmp_path / "card" / "t.md", library=library)
    write_card("tiny", tmp_path / "card" / "t.md", overwrite=True, library=library)
    with pytest.raises(InvalidNameError, match=r"end it in \.md or \.html"):
        write_card("tiny", tmp_path / "t.pdf", library=library)


class _Tags(HTMLParser):
    """Names of the tags of a page, and addresses that it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_whatever_names_and_licences_hold_is_text_on_the_page(library: Library, tiny: Path, tmp_path: Path):
    set_licence("tiny", HOSTILE, library)
    (page,) = write_card("tiny", tmp_path / "t.html", library=library)
    found = _Tags()
    found.feed(page.read_text())
    assert "script" not in found.tags
    assert found.addresses
    assert all(address.startswith("data:image/png;base64,") for address in found.addresses)
    write_card("tiny", tmp_path / "t.md", library=library)
    (line,) = [line for line in (tmp_path / "t.md").read_text().splitlines() if "script" in line]
    for special in ("<script", "[a](", "![d]", "*f*", "`c`"):
        assert special not in line.replace("\\" + special[0], "")
    assert line.replace("\\|", "").count("|") == 3


def _picture(path: Path) -> Path:
    Image.new("RGB", (200, 100)).save(path)
    return path
