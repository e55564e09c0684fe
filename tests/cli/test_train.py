from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from small_dataset_audio.corpus import Corpus
from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.models.bundle import ModelBundle
from small_dataset_audio.training import TrainingSetback, load_checkpoint
from small_dataset_audio.workflow import FirstSound, ModelSaved, NotSaved, PreviewMade, TrainingStarted, TrainRequest
from small_dataset_audio.workflow.corpus_changes import CorpusChanges
from tiny import hashes_below, write_recordings


def test_the_json_says_what_was_made(trained: tuple[Path, Any], recordings: Path):
    home, done = trained
    assert done.code == 0
    made = done.json
    assert made["model"] == "plucks"
    assert made["folder"] == str(home / "models" / "plucks")
    assert (made["licence"], made["seed"], made["cancelled"]) == ("CC0-1.0", 0, False)
    assert made["stop_reason"] in {"budget", "plateau"}
    assert made["resume_command"] is None
    assert made["steps"] >= 1
    few = f"only {made['steps']} step" if made["steps"] < 50 else None
    assert (made["warning"] or "").startswith(few or "")
    assert (made["warning"] is None) == (few is None)
    assert made["loss"] > 0
    assert made["corpus"]["used"] == 5
    assert len(made["held_out"]) == 1
    assert re.fullmatch(r"[0-9a-f]{64}", made["sha256"])
    assert Path(made["loss_picture"]).read_bytes().startswith(b"\x89PNG")
    assert all(Path(preview).is_file() for preview in made["previews"])
    assert soundfile.info(made["first_sound"]).duration == 10.0


def test_a_first_sound_is_told_before_the_training_begins(trained: tuple[Path, Any]):
    _, done = trained
    lines = done.err.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith("first sound after ")]
    assert lines[first].endswith(str(Path("plucks") / "previews" / "first_sound.wav"))
    assert first < next(number for number, line in enumerate(lines) if line.startswith("training"))


def test_the_first_sound_stands_before_the_previews(
    sda: Any, tiny_bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
):
    def training(request: TrainRequest, **_: object) -> Any:
        yield FirstSound(Path("m/first_sound.wav"), 5.6)
        yield TrainingStarted("rain", Path("m"), Corpus(request.folder, (), ()), (), "cpu", 0)
        yield PreviewMade(7, Path("m/step.wav"))
        yield ModelSaved(Path("m"), tiny_bundle, Path("m/losses.png"), False)

    monkeypatch.setattr("small_dataset_audio.cli.training_view.train_corpus", training)
    done = sda("train", "rain")
    assert f"first sound after 6 s, without training: {Path('m/first_sound.wav')}" in done.err
    heard = [line.split() for line in done.out.splitlines() if line.startswith(("first", "preview"))]
    assert heard == [["first", str(Path("m/first_sound.wav"))], ["preview", str(Path("m/step.wav"))]]


def test_what_was_done_to_the_recordings_is_told_on_the_way(trained: tuple[Path, Any]):
    _, done = trained
    assert "5 of 5 files usable" in done.err
    assert "3 resampled to 48000 Hz, 1 mixed down to mono" in done.err
    assert "held out" in done.err


def test_the_recordings_are_not_touched(sda: Any, trained: tuple[Path, Any], recordings: Path):
    assert {Path(name).suffix for name in hashes_below(recordings)} == {".wav"}
    assert len(hashes_below(recordings)) == 5


def test_the_trained_model_makes_a_take_that_can_be_made_again(sda: Any, trained: tuple[Path, Any]):
    home, _ = trained
    made = sda("generate", "plucks", "-d", "0.5", "-n", "1", "-o", "takes", "--json", home=home)
    assert made.code == 0
    assert sda("rerender", made.json["takes"][0]["json"], home=home).code == 0


def test_a_model_that_was_hardly_trained_is_not_shown_as_if_it_were(
    sda: Any, tiny_bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
):
    warning = "only 3 steps were trained: give it --budget 3m or more"

    def hardly_trained(request: TrainRequest, **_: object) -> Any:
        yield TrainingStarted("rain", Path("m"), Corpus(request.folder, (), ()), (), "cpu", 0)
        yield ModelSaved(Path("m"), tiny_bundle, Path("m/losses.png"), False, warning)

    monkeypatch.setattr("small_dataset_audio.cli.training_view.train_corpus", hardly_trained)
    assert f"note: {warning}" in sda("train", "rain").err
    done = sda("train", "rain", "--json")
    assert done.json["warning"] == warning
    assert f"note: {warning}" in done.err


@pytest.mark.parametrize(("written", "asked"), [([], None), (["--no-audio"], False), (["--keep-audio"], True)])
def test_keeping_the_audio_can_be_asked_for_refused_or_left_as_it_was(
    sda: Any, monkeypatch: pytest.MonkeyPatch, written: list[str], asked: bool | None
):
    requests = []

    def listen(request: TrainRequest, **_: object) -> Any:
        requests.append(request)
        return iter(())

    monkeypatch.setattr("small_dataset_audio.cli.training_view.train_corpus", listen)
    assert sda("train", "rain", "--resume", *written).code == 0
    assert [(request.keep_audio, request.licence) for request in requests] == [(asked, None)]


def test_the_help_says_that_a_budget_is_the_total_when_resuming(sda: Any):
    assert "With --resume it is the total" in " ".join(sda("train", "--help").out.replace("│", " ").split())


def test_a_name_that_is_taken_is_an_error_that_says_what_to_do(sda: Any, trained: tuple[Path, Any], recordings: Path):
    home, _ = trained
    before = hashes_below(home)
    done = sda("train", recordings, "--name", "plucks", home=home)
    assert done.code == 1
    done.assert_one_error_line("'plucks'", "--name")
    assert hashes_below(home) == before


def test_there_is_nothing_to_resume_in_a_finished_training(sda: Any, trained: tuple[Path, Any], recordings: Path):
    home, _ = trained
    for name, says in (("plucks", "finished"), ("rain", "does not exist")):
        done = sda("train", recordings, "--name", name, "--resume", home=home)
        assert done.code == 1
        done.assert_one_error_line(repr(name), says)


@pytest.mark.parametrize("name", ["../x", "/absolute", "", ".", ".."])
def test_row_20_a_name_that_leaves_the_library_is_refused(sda: Any, recordings: Path, home: Path, name: str):
    done = sda("train", recordings, "--name", name)
    assert done.code == 1
    done.assert_one_error_line(repr(name))
    assert not list(home.iterdir())


def test_row_23_a_folder_that_is_missing_is_an_error_and_leaves_no_model(sda: Any, home: Path):
    done = sda("train", "nowhere")
    assert done.code == 1
    done.assert_one_error_line("nowhere", "does not exist")
    assert sda("models", "--json").json["models"] == []


def test_row_13_a_corpus_of_silence_is_an_error_and_leaves_no_model(sda: Any, tmp_path: Path):
    (tmp_path / "silent").mkdir()
    soundfile.write(tmp_path / "silent" / "nothing.wav", np.zeros(48_000), 48_000)
    done = sda("train", tmp_path / "silent")
    assert done.code == 1
    done.assert_one_error_line("silence", "put recordings into it")
    assert sda("models", "--json").json["models"] == []


def test_row_34_a_library_that_cannot_be_written_is_an_error_before_the_work(
    sda: Any, recordings: Path, tmp_path: Path
):
    (tmp_path / "file").touch()
    done = sda("train", recordings, home=tmp_path / "file")
    assert done.code == 1
    done.assert_one_error_line(str(tmp_path / "file"), "have the library elsewhere by SDA_HOME")


def test_accepting_changes_goes_with_resuming_only(sda: Any, recordings: Path, home: Path):
    done = sda("train", recordings, "--accept-changes")
    assert done.code == 2
    done.assert_one_error_line("--accept-changes goes with --resume only")
    assert not list(home.iterdir())


def show(sda: Any, monkeypatch: pytest.MonkeyPatch, bundle: ModelBundle, *events: Any, changes: Any = None) -> Any:
    """``sda train --json`` of a training that is only told of."""

    def told(request: TrainRequest, **_: object) -> Any:
        corpus = Corpus(request.folder, (), ())
        yield TrainingStarted("rain", Path("m"), corpus, (), "cpu", 3, changes=changes)
        yield from events
        yield ModelSaved(Path("m"), bundle, Path("m/losses.png"), False)

    monkeypatch.setattr("small_dataset_audio.cli.training_view.train_corpus", told)
    return sda("train", "rain", "--json")


def test_row_30_a_setback_is_told(sda: Any, monkeypatch: pytest.MonkeyPatch, tiny_bundle: ModelBundle):
    done = show(
        sda,
        monkeypatch,
        tiny_bundle,
        TrainingSetback(125, 120, "not finite", 0.5, 16),
        TrainingSetback(126, 120, "not finite", 0.25, 16),
        TrainingSetback(127, 120, "out of memory", 0.25, 8),
    )
    notes = [line for line in done.err.splitlines() if line.startswith("note: step")]
    assert notes == [
        "note: step 125 came to no number: back to step 120, with half the learning rate",
        "note: step 126 came to no number: back to step 120, with 1/4 of the learning rate",
        "note: step 127 found no memory: back to step 120, with batches of 8",
    ]


def test_row_24_a_checkpoint_that_could_not_be_written_on_the_way_is_a_warning(
    sda: Any, monkeypatch: pytest.MonkeyPatch, tiny_bundle: ModelBundle
):
    event = NotSaved(125, "checkpoint.safetensors cannot be written: the disk is full (9 bytes are needed, 1 are free)")
    done = show(sda, monkeypatch, tiny_bundle, event)
    assert done.code == 0
    assert f"step 125: {event.reason}; training goes on" in done.err


def test_a_budget_that_is_used_already_is_a_wrong_command_line(sda: Any, monkeypatch: pytest.MonkeyPatch):
    def refuses(*_: object, **__: object) -> Any:
        raise InvalidConfigError("budget_s 300 is the total, and 10920 are used already; give more than that")
        yield

    monkeypatch.setattr("small_dataset_audio.cli.training_view.train_corpus", refuses)
    done = sda("train", "x", "--resume", "--budget", "5m")
    assert done.code == 2
    done.assert_one_error_line("--budget 5m is the total, and 3h2m are used already; give more than that")


def test_row_32_accepted_changes_are_told_and_that_it_is_another_training_now(
    sda: Any, monkeypatch: pytest.MonkeyPatch, tiny_bundle: ModelBundle
):
    done = show(sda, monkeypatch, tiny_bundle, changes=CorpusChanges(("new.wav",), (), ("rain.wav",)))
    assert "1 added (new.wav), 1 changed (rain.wav); this is no longer the training that was begun" in done.err
    assert done.json["corpus_changes"] == {"added": ["new.wav"], "removed": [], "changed": ["rain.wav"]}
    assert show(sda, monkeypatch, tiny_bundle).json["corpus_changes"] is None


def test_row_32_changes_are_accepted_where_that_is_asked_for(sda: Any, monkeypatch: pytest.MonkeyPatch):
    requests = []
    monkeypatch.setattr(
        "small_dataset_audio.cli.training_view.train_corpus", lambda request, **_: iter(requests.append(request) or ())
    )
    for options in ([], ["--accept-changes"]):
        assert sda("train", "rain", "--resume", *options).code == 0
    assert [(request.resume, request.accept_changes) for request in requests] == [(True, False), (True, True)]


def start_training(folder: Path, home: Path) -> subprocess.Popen[str]:
    """``sda train`` in a process of its own that Ctrl-C reaches, however the tests were started."""
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from small_dataset_audio.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "train", str(folder), "--name", "my rain", "--budget", "10m"],
        env={**os.environ, "SDA_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(beginning):
            return
    pytest.fail(f"no line begins with {beginning!r}")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_row_33_ctrl_c_leaves_a_model_that_can_be_used_and_a_training_that_goes_on(
    sda: Any, home: Path, tmp_path: Path
):
    folder = write_recordings(tmp_path / "my recordings")
    with start_training(folder, home) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopping: saving" in err
    assert "Traceback" not in err
    resume = f"sda train '{folder}' --name 'my rain' --resume"
    assert resume in out
    assert "the model can be used as it is" in out

    assert sda("generate", "my rain", "-d", "0.5", "-n", "1", "-o", "takes").code == 0
    steps = sda("models", "--json").json["models"][0]["steps"]
    resumed = sda("train", folder, "--name", "my rain", "--resume", "--budget", "5s")
    assert resumed.code == 0
    assert re.search(rf"going on from step {steps} \(\S+ of the budget used already\)", resumed.err)
    assert "sda generate 'my rain'" in resumed.out
    (model,) = sda("models", "--json").json["models"]
    assert model["steps"] > steps
    assert not (home / "models" / "my rain" / "checkpoint.safetensors").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_row_33_a_second_ctrl_c_while_the_first_is_answered_loses_nothing(sda: Any, home: Path, tmp_path: Path):
    folder = write_recordings(tmp_path / "my recordings")
    with start_training(folder, home) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGINT)
        wait_for(process, "stopping: saving")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    resume = f"sda train '{folder}' --name 'my rain' --resume"
    if process.returncode == 0:  # the model was saved before the second press came
        assert resume in out
    else:
        assert process.returncode == 130
        assert err.splitlines()[-1].startswith("error: stopped at once")
        assert out == ""
    assert "Traceback" not in err
    assert not list((home / "models").rglob(".sda-tmp-*"))
    if (home / "models" / "my rain" / "checkpoint.safetensors").exists():
        assert resume in out + err
        state, _ = load_checkpoint(home / "models" / "my rain" / "checkpoint.safetensors")
        assert state.step >= 1


@pytest.mark.parametrize("with_checkpoint", [True, False])
def test_row_33_a_second_ctrl_c_stops_at_once_and_says_what_is_left(
    sda: Any, recordings: Path, home: Path, monkeypatch: pytest.MonkeyPatch, with_checkpoint: bool
):
    from small_dataset_audio.cli import training_view
    from small_dataset_audio.corpus import scan_corpus
    from small_dataset_audio.workflow import TrainingStarted

    def pressed_twice(request: Any, **_: object) -> Any:
        folder = home / "models" / "plucks"
        folder.mkdir(parents=True)
        yield TrainingStarted("plucks", folder, scan_corpus(recordings), (), "cpu", 0)
        if with_checkpoint:
            (folder / "checkpoint.safetensors").touch()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(training_view, "train_corpus", pressed_twice)
    done = sda("train", recordings)
    assert done.code == 130
    assert done.out == ""
    last = done.err.splitlines()[-1]
    assert last.startswith("error: stopped at once")
    assert ("--name plucks --resume" in last) == with_checkpoint
