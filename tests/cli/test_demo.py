from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import soundfile

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.workflow import DemoFinished, generate_takes, load_pipeline


def test_the_demo_makes_recordings_a_model_and_takes_and_says_where_they_are(sda: Any, home: Path):
    done = sda("demo", "--budget", "5s", "-o", "try-out", "--json")
    assert done.code == 0
    made = done.json
    assert made["model"] == "demo"
    assert made["folder"] == str(home / "models" / "demo")
    assert len(made["corpus"]) >= 10
    assert Path(made["loss_picture"]).is_file()
    assert len(made["takes"]) == 4
    for take in made["takes"]:
        assert Path(take["wav"]).parent == Path.cwd() / "try-out" / "takes"
        assert soundfile.info(take["wav"]).frames == 480_000
        assert Path(take["json"]).is_file()
        assert Path(take["picture"]).read_bytes().startswith(b"\x89PNG")
        assert take["quality"]["rating"] in {"green", "yellow", "red"}
    assert f"{len(made['corpus'])} recordings in" in done.err
    assert done.err.count("take: ") == 4


def test_the_demo_tells_where_everything_is_and_how_good_it_is(
    sda: Any, home: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def finished(request: Any, **_: object) -> Any:
        folder = request.folder / "takes"
        takes = generate_takes(
            load_pipeline(str(tiny_model_folder)), GenerationConfig(seed=1), count=2, output_dir=folder
        )
        yield DemoFinished((Path("corpus/a.wav"),), "demo-2", home, home / "losses.png", tuple(takes))

    monkeypatch.setattr("small_dataset_audio.workflow.run_demo", finished)
    done = sda("demo", "-o", "try-out")
    assert done.code == 0
    lines = done.out.splitlines()
    for seed in (1, 2):
        assert any(
            line.startswith("try-out") and re.search(rf"_seed{seed}\.wav  #\d+  1\.00 s", line) for line in lines
        )
        assert any(line.startswith("sidecar") and line.endswith(f"_seed{seed}.json") for line in lines)
    assert f"losses     {home / 'losses.png'}" in lines
    assert any(line.startswith("quality    2 takes: ") for line in lines)
    assert lines[-1] == "next       sda generate demo-2 --stereo dual-seed"
