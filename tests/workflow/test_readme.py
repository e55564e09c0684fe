"""What the README says to type works as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from small_dataset_audio.workflow import rerender

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.usefixtures("quick_training")
def test_the_ten_lines_of_python_make_a_take_that_can_be_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recordings: Path
):
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(program.splitlines()) <= 10
    assert "budget_s=180" in program
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDA_HOME", str(tmp_path / "home"))
    shutil.copytree(recordings, "my-recordings")
    exec(program.replace("budget_s=180", "budget_s=5"), {})  # noqa: S102 - the text of the README is what is tested
    (sidecar,) = Path("takes").glob("*.json")
    report = rerender(sidecar)
    assert report.identical is True
    assert report.differences == ()
