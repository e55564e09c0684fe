from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("with_tiny")


@pytest.fixture
def sidecar(sda: Any) -> Path:
    done = sda("generate", "tiny", "-d", "0.6", "-n", "1", "--seed", "4", "-o", "takes", "--json")
    return Path(done.json["takes"][0]["json"])


def change(sidecar: Path, **provenance: Any) -> None:
    values = json.loads(sidecar.read_text())
    values["provenance"].update(provenance)
    sidecar.write_text(json.dumps(values))


def test_a_take_made_again_is_identical_and_exits_with_0(sda: Any, sidecar: Path):
    done = sda("rerender", sidecar, "--json")
    assert done.code == 0
    assert set(done.json) == {"audio", "wav", "json", "identical", "same_file", "differences"}
    assert done.json["identical"] is True
    assert done.json["differences"] == []
    assert Path(done.json["wav"]).read_bytes() == sidecar.with_suffix(".wav").read_bytes()
    assert "identical, bit for bit" in sda("rerender", sidecar.with_suffix(".wav"), "-o", "again").out
    assert len(list(Path("again").glob("*.wav"))) == 1


def test_a_file_of_another_encoder_is_told_and_its_take_is_identical_all_the_same(sda: Any):
    done = sda("generate", "tiny", "-d", "0.3", "-n", "1", "-o", "take.mp3", "--json")
    take = Path(done.json["takes"][0]["json"])
    change(take, file_sha256="0" * 64, environment={"libsndfile": "1.1.0"})
    done = sda("rerender", "take.mp3")
    assert done.code == 0
    assert "take_rerender.mp3  identical, bit for bit" in " ".join(done.out.split("\n")[0].split(" "))
    assert "the file is another one: its encoder" in done.out
    assert "differs: libsndfile: 1.1.0 then" in done.out


def test_a_take_that_differs_exits_with_1_and_says_what_is_not_as_it_was(sda: Any, sidecar: Path):
    change(sidecar, audio_sha256="0" * 64, model_sha256="f" * 64)
    done = sda("rerender", sidecar)
    assert done.code == 1
    assert "not identical" in done.out
    assert "differs: the model: ffffffffffff then" in done.out


def test_a_take_that_differs_though_nothing_else_does_is_told_so(sda: Any, sidecar: Path):
    change(sidecar, audio_sha256="0" * 64)
    done = sda("rerender", sidecar)
    assert done.code == 1
    assert "may have been changed" in done.out


def test_a_take_that_cannot_be_compared_is_made_and_does_not_pass_for_identical(sda: Any, sidecar: Path):
    values = json.loads(sidecar.read_text())
    del values["provenance"]
    sidecar.write_text(json.dumps(values))
    done = sda("rerender", sidecar)
    assert done.code == 1
    assert "not comparable" in done.out
    assert len(list(Path("takes").glob("*_rerender.wav"))) == 1


def test_a_take_from_before_novelty_is_told_what_it_was_made_again_with(sda: Any, sidecar: Path):
    values = json.loads(sidecar.read_text())
    values["provenance"]["audio_sha256"] = "0" * 64
    del values["generation"]["novelty"], values["generation"]["temperature"]
    sidecar.write_text(json.dumps(values))
    done = sda("rerender", sidecar)
    assert done.code == 1
    assert "not identical" in done.out
    assert "differs: novelty: no such setting then, 'medium' now" in done.out
    assert "may have been changed" not in done.out


def test_progress_is_shown_while_a_take_is_made_again(sda: Any, sidecar: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[tuple[float, float]] = []

    @contextlib.contextmanager
    def listen(*_: object) -> Iterator[Callable[[float, float], None]]:
        yield lambda done_s, total_s: told.append((done_s, total_s))

    monkeypatch.setattr("small_dataset_audio.cli.rerender.rendering", listen)
    assert sda("rerender", sidecar).code == 0
    assert told[-1] == (0.6, 0.6)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}', '{"version": NaN}'])
def test_a_damaged_sidecar_is_an_error_in_one_line(sda: Any, tmp_path: Path, text: str):
    damaged = tmp_path / "take.json"
    damaged.write_text(text)
    done = sda("rerender", damaged)
    assert done.code == 1
    done.assert_one_error_line(str(damaged))


def test_a_missing_sidecar_is_an_error_in_one_line(sda: Any):
    done = sda("rerender", "nowhere.json")
    assert done.code == 1
    done.assert_one_error_line("nowhere.json")


def test_a_model_that_is_gone_is_named_with_what_there_is(sda: Any, sidecar: Path):
    values = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**values, "model_name": "gone"}))
    done = sda("rerender", sidecar)
    assert done.code == 1
    done.assert_one_error_line("'gone'", "tiny")
    assert sda("rerender", sidecar, "--model", "tiny").code == 0
