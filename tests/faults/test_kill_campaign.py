"""The short form of the campaign, and whether it would see what it looks for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faults.kill_jobs import ExportJob, Loss
from tiny import start_python

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked copies of itself")


@needs_fork
def test_row_26_nothing_is_lost_by_kills_at_random_moments():
    program = "import sys; from faults.kill_campaign import main; sys.exit(main(['--kills', '30', '--seed', '1']))"
    done = start_python(program)
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert (report["bytes_lost"], report["strays_left"]) == (0, 0)
    assert report["kills"] == dict.fromkeys(("training", "generation", "export", "catalogue", "saving a model"), 6)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """A folder with three takes as the export job makes them; the root of its work."""

    class EnoughError(Exception):
        pass

    def stop_after_three(_: str, __: str) -> None:
        if len(list((tmp_path / "takes").glob("*.wav"))) == 3:
            raise EnoughError

    ExportJob().prepare(tmp_path)
    with pytest.raises(EnoughError):
        ExportJob().run(tmp_path, stop_after_three)
    return tmp_path


def losses(root: Path, *said: str) -> list[Loss]:
    return list(ExportJob().check(root, [("take", name) for name in said]))


def test_whole_takes_are_no_loss_and_neither_is_a_temporary(takes: Path):
    names = [path.name for path in (takes / "takes").glob("*.wav")]
    (takes / "takes" / f".sda-tmp-00000000-{os.getpid()}-0123456789abcdef.wav").write_bytes(b"half")
    assert losses(takes, *names) == []


def test_half_a_take_under_its_final_name_is_seen(takes: Path):
    path = next((takes / "takes").glob("*.wav"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (loss,) = losses(takes)
    assert path.name in loss.what
    assert loss.num_bytes == path.stat().st_size


def test_a_take_without_its_sidecar_is_seen(takes: Path):
    next((takes / "takes").glob("*.json")).unlink()
    assert "it has no sidecar" in losses(takes)[0].what


def test_a_take_that_was_reported_and_is_gone_is_seen(takes: Path):
    assert "gone.wav was reported and is not there" in losses(takes, "gone.wav")[0].what
