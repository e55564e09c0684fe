"""``docs/errors.md`` is what its program makes of the error classes, the faults and the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import make_errors  # noqa: E402 - a program beside the page that it makes

import small_dataset_audio.errors as errors_module  # noqa: E402
from small_dataset_audio.errors import SdaError  # noqa: E402


def test_the_page_is_what_the_program_makes():
    assert make_errors.PAGE.read_text(encoding="utf-8") == make_errors.page(), "run python docs/make_errors.py"


def test_every_error_is_on_the_page_and_says_what_to_do():
    kinds = list(make_errors.error_classes())
    assert {kind.__name__ for kind in kinds} >= set(errors_module.__all__)
    for kind in kinds:
        assert "next_step" in vars(kind), f"{kind.__name__} takes another error's next step"
        assert kind.next_step.endswith(".")
        assert "|" not in kind.next_step


def test_every_error_is_a_builtin_too():
    for kind in make_errors.error_classes():
        assert kind is SdaError or make_errors.error_row(kind).split(" | ")[1] != "`Exception`"


def test_tests_are_found_by_the_number_in_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(make_errors, "ROOT", tmp_path)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "test_a.py").write_text("def test_row_07_x(): ...\ndef test_row_7_y(): ...\ndef test_plain(): ...\n")
    (tmp_path / "deeper" / "test_b.py").write_text("class TestIt:\n    def test_fault_12_z(self): ...\n")
    (tmp_path / "helper.py").write_text("def test_row_99_no_test(): ...\n")
    assert make_errors.numbered_tests(tmp_path) == {
        7: ["`test_a.py::test_row_07_x` and more"],
        12: ["`deeper/test_b.py::test_fault_12_z`"],
    }


@pytest.mark.parametrize("change", ["a fault without a test", "a test without a fault"])
def test_a_fault_without_a_test_and_a_test_without_a_fault_stop_the_program(tmp_path: Path, change: str):
    tests = {fault.number: ["`test`"] for fault in make_errors.FAULTS}
    if change == "a fault without a test":
        del tests[27]
    else:
        tests[35] = ["`test`"]
    with pytest.raises(LookupError, match=r"\[27\]|\[35\]"):
        list(make_errors.fault_rows(tmp_path, tests))
