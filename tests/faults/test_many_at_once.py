"""Several processes on one library: no wrong result, no dead lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from small_dataset_audio.library import Library
from small_dataset_audio.workflow.first_sound import quick_model
from tiny import write_recordings

GENERATE = """
import sys
from pathlib import Path
from small_dataset_audio.inference import GenerationConfig
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import generate_takes, load_pipeline
home, takes = map(Path, sys.argv[1:])
for seed in range(3):
    pipeline = load_pipeline("plucks-walk", library=Library(home))
    for take in generate_takes(pipeline, GenerationConfig(duration_s=0.7, seed=seed), output_dir=takes):
        print(seed, take.wav_path.name)
    assert any(entry.metadata and entry.metadata.name == "plucks-walk" for entry in Library(home).entries())
"""
TRAIN = """
import sys
from pathlib import Path
import pytest
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import TrainRequest, train_corpus
from workflow.conftest import make_training_quick
home, recordings = map(Path, sys.argv[1:])
with pytest.MonkeyPatch.context() as patch:
    make_training_quick(patch)
    *_, saved = train_corpus(TrainRequest(recordings, "other", max_steps=40), Library(home))
print(saved.bundle.sha256)
"""
DELETE = """
import shutil, sys
from pathlib import Path
from small_dataset_audio.library import Library
home = Library(Path(sys.argv[1]))
for number in range(20):
    shutil.copytree(home.folder_of("plucks-walk"), home.folder_of(f"third {number}"))
    home.entries()
    shutil.rmtree(home.folder_of(f"third {number}"))
    home.entries()
"""


def start(program: str, *arguments: Path) -> subprocess.Popen[str]:
    search_path = os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": search_path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be deleted there")
def test_eight_generate_while_one_trains_and_one_deletes_and_all_takes_are_right(tmp_path: Path):
    home, takes = tmp_path / "home", tmp_path / "takes"
    recordings = write_recordings(tmp_path / "plucks")
    list(quick_model(recordings, Library(home)))
    busy = [start(GENERATE, home, takes) for _ in range(8)]
    busy += [start(TRAIN, home, recordings), start(DELETE, home)]
    outputs = [process.communicate(timeout=300) for process in busy]
    assert [(process.returncode, errors) for process, (_, errors) in zip(busy, outputs, strict=True)] == [(0, "")] * 10
    written = [line.split(" ", 1) for text, _ in outputs[:8] for line in text.splitlines()]
    assert len({name for _, name in written}) == 24  # nobody wrote over another's
    for seed in range(3):
        names = [name for number, name in written if int(number) == seed]
        assert len(names) == 8
        assert len({hashlib.sha256((takes / name).read_bytes()).hexdigest() for name in names}) == 1
        assert all((takes / name).with_suffix(".json").is_file() for name in names)
    listed = {entry.folder.name: entry.problem for entry in Library(home).entries()}
    assert listed == {"plucks-walk": "", "other": ""}
