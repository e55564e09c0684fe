"""Names from outside (FAILURES rows 20 and 21)."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_dataset_audio.errors import InvalidNameError
from small_dataset_audio.names import quoted, resolve_inside, safe_folder_name

needs_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file systems only")


@pytest.mark.parametrize(
    "name", ["", " ", "\t", ".", "..", " .. ", "../x", "/etc", "a/b", "a\\b", "C:\\x", "a\0b", "\u2003"]
)
def test_row_20_a_name_that_would_leave_the_library_is_refused(name: str):
    with pytest.raises(InvalidNameError) as caught:
        safe_folder_name(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tabla", "tabla"),
        ("Tabla, first session (2024)", "Tabla, first session (2024)"),
        ("Wälder", "Wälder"),
        ("Wa\u0308lder", "Wälder"),
        ("日本の鐘", "日本の鐘"),
        ("ناي", "ناي"),
        ("נבל", "נבל"),
        ("🥁🔥", "🥁🔥"),
        ("👩\u200d🎤", "👩\u200d🎤"),
        ("  padded  ", "padded"),
        ("...hidden", "hidden"),
        ("trailing. . .", "trailing"),
        ("...", "_"),
        ("why?", "why_"),
        ('a<b>c:d"e|f*g', "a_b_c_d_e_f_g"),
        ("bell\x07line\nfeed", "bell_line_feed"),
        ("next\x85line", "next_line"),
        ("para\u2029graph", "para_graph"),
        ("gnp\u202egpj", "gnp_gpj"),
        ("half \udc80 pair", "half _ pair"),
        ("CON", "CON_"),
        ("con", "con_"),
        ("Aux.wav", "Aux_.wav"),
        ("NUL .txt", "NUL_.txt"),
        ("com1", "com1_"),
        ("COM¹", "COM¹_"),
        ("conin$", "conin$_"),
        ("concert", "concert"),
        ("com10", "com10"),
    ],
)
def test_row_21_a_safe_folder_name_is_derived(name: str, folder: str):
    assert safe_folder_name(name) == folder


@pytest.mark.parametrize("name", ["a" * 300, "ä" * 150, "🥁" * 75, "CON." + "x" * 300])
def test_row_21_a_300_byte_name_is_cut_and_stays_distinct(name: str):
    folder = safe_folder_name(name)
    assert len(folder.encode()) <= 120
    assert folder != safe_folder_name(name + "2")


@given(name=st.text(st.characters(codec=None, exclude_categories=()), max_size=80))
@settings(deadline=None, max_examples=400)
def test_row_21_every_folder_name_is_safe_and_comes_back_as_it_is(name: str):
    try:
        folder = safe_folder_name(name)
    except InvalidNameError:
        return
    assert 0 < len(folder.encode()) <= 120
    assert folder not in {".", ".."}
    assert not folder.startswith((".", " "))
    assert not folder.endswith((".", " "))
    assert not set('<>:"/\\|?*\0') & set(folder)
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in folder}
    assert unicodedata.is_normalized("NFC", folder)
    assert safe_folder_name(folder) == folder


@given(name=st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_row_21_every_folder_name_can_be_made(name: str, tmp_path_factory: pytest.TempPathFactory):
    try:
        folder = tmp_path_factory.mktemp("root") / safe_folder_name(name)
    except InvalidNameError:
        return
    folder.mkdir()
    assert folder.is_dir()


def test_a_name_resolves_to_a_folder_inside(tmp_path: Path):
    assert resolve_inside(tmp_path, "tabla") == tmp_path / "tabla"


@needs_posix
def test_row_20_a_link_that_leads_out_is_refused(tmp_path: Path):
    library, elsewhere = tmp_path / "library", tmp_path / "elsewhere"
    library.mkdir()
    elsewhere.mkdir()
    (library / "tabla").symlink_to(elsewhere)
    with pytest.raises(InvalidNameError, match="leads out of"):
        resolve_inside(library, "tabla")


@needs_posix
@pytest.mark.parametrize("target", ["tabla", ".", "..", "deep/er"])
def test_row_20_a_link_to_itself_to_its_folder_or_over_it_or_deeper_is_refused(tmp_path: Path, target: str):
    (tmp_path / "tabla").symlink_to(target)
    with pytest.raises(InvalidNameError, match="tabla"):
        resolve_inside(tmp_path, "tabla")


@needs_posix
def test_a_library_that_is_itself_a_link_and_an_alias_in_it_are_fine(tmp_path: Path):
    (tmp_path / "real" / "tabla").mkdir(parents=True)
    (tmp_path / "library").symlink_to("real")
    (tmp_path / "real" / "drums").symlink_to("tabla")
    assert resolve_inside(tmp_path / "library", "tabla").is_dir()
    assert resolve_inside(tmp_path / "library", "drums").is_dir()


def test_a_value_is_shown_on_one_line_and_cut_where_it_is_long():
    assert quoted("a\nb") == r"'a\nb'"
    assert quoted("x" * 1000) == "'" + "x" * 119 + "..."
