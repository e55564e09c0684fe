"""``docs/formats.md`` is what its program makes of the table of formats."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import make_formats  # noqa: E402 - a program beside the page that it makes

from small_dataset_audio.inference.file_formats import FILE_FORMATS, format_of  # noqa: E402


def test_the_page_is_what_the_program_makes():
    assert make_formats.PAGE.read_text(encoding="utf-8") == make_formats.page(), "run python docs/make_formats.py"


def test_every_format_has_a_row_that_says_what_it_holds():
    for name, entry in FILE_FORMATS.items():
        (line,) = [line for line in make_formats.page().splitlines() if line.startswith(f"| `{name}`")]
        assert all(f"`{suffix}`" in line for suffix in entry.suffixes)
        assert ("96000" in line) == (96_000 in entry.sample_rates)
        assert ("32-bit float" in line) == ("32-bit float" in entry.bit_depths)


def test_the_files_that_the_page_names_are_of_formats_that_there_are():
    named = [
        word for line in make_formats.HEAD.splitlines() if "-o " in line for word in line.split() if "drone." in word
    ]
    assert len(named) == 2
    assert all(format_of(name) for name in named)


def test_the_readme_leads_to_the_page():
    assert "docs/formats.md" in (ROOT / "README.md").read_text(encoding="utf-8")
