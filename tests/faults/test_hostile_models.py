"""Models, checkpoints and sidecars from anywhere. The number in a test's name is the row of the fault table.

Every refusal is timed, and those that could be large are measured in a process of their own: refused in under a second of the
processor's time (on a busy machine the clock says nothing about the code), with under 1 GB.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from faults.hostile import CORPUS, MODEL, change_header, metadata_text, weights_bytes, with_metadata_text
from models.modelfiles import KEY, rewrite, set_in
from models.tiny import CLIP_LENGTHS, tiny_bundle
from small_dataset_audio.corpus.records import ScanConfig
from small_dataset_audio.errors import (
    CheckpointError,
    InvalidConfigError,
    ModelDamagedError,
    ModelError,
    ModelNotFoundError,
    ModelVersionError,
    SidecarError,
)
from small_dataset_audio.files import sha256_file
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle, read_metadata, save_bundle
from small_dataset_audio.models.metadata_limits import LONGEST_CORPUS_S, MAX_RECORDINGS, is_contained
from small_dataset_audio.models.weights_file import MAX_HEADER_BYTES
from small_dataset_audio.training import TrainingConfig, load_checkpoint, save_checkpoint
from small_dataset_audio.training.checkpoint import new_state
from small_dataset_audio.workflow import rerender
from tiny import narrow_model, start_python
from traps import pickled_trap, spring, torch_trap

REFUSED_WITHIN_S = 1.0
REFUSED_WITHIN_MB = 1000

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither named pipes nor /dev/zero")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two models: ``sound``, and ``hostile``, which a test changes."""
    library = Library(tmp_path / "home")
    for name in ("hostile", "sound"):
        save_bundle(library.folder_of(name), tiny_bundle())
    return library


@pytest.fixture
def folder(library: Library) -> Path:
    return library.folder_of("hostile")


def refused(folder: Path, file_name: str = MODEL, error: type[ModelError] = ModelDamagedError) -> str:
    """The message; and proof that it came at once, names the file, and is one line that can be read."""
    begin = time.process_time()
    with pytest.raises(ModelError) as caught:
        load_bundle(folder)
    took_s = time.process_time() - begin
    assert type(caught.value) is error, caught.value
    message = str(caught.value)
    assert str(folder / file_name) in message
    assert "\n" not in message
    assert len(message) < 800
    assert took_s < REFUSED_WITHIN_S
    return message


def listed(library: Library) -> dict[str, str]:
    """Problems by folder, as `sda models` lists them; the sound model must be there without one."""
    problems = {entry.folder.name: entry.problem for entry in library.entries()}
    assert problems["sound"] == ""
    return problems


# ---- pickles


TRAPS = {".pt": torch_trap, ".pth": torch_trap, ".pkl": pickled_trap}


@pytest.mark.parametrize("ending", TRAPS)
def test_row_27_a_pickle_renamed_to_a_model_is_called_one_and_never_read(library, folder: Path, tmp_path, ending: str):
    trace = tmp_path / "was run"
    (folder / MODEL).write_bytes(TRAPS[ending](trace))
    message = refused(folder)
    assert "it is a pickle, which could run any program, and is never read" in message
    assert message == listed(library)["hostile"]
    assert not trace.exists()
    spring((folder / MODEL).read_bytes())
    assert trace.exists()


@pytest.mark.parametrize("ending", TRAPS)
def test_row_27_a_pickle_in_place_of_a_checkpoint_is_never_read(tmp_path: Path, ending: str):
    trace, path = tmp_path / "was run", tmp_path / "checkpoint.safetensors"
    path.write_bytes(TRAPS[ending](trace))
    with pytest.raises(CheckpointError, match="it is a pickle"):
        load_checkpoint(path)
    assert not trace.exists()


# ---- headers that claim what is not there


@pytest.mark.parametrize("claimed", [2**63 + 5, 2**40, 100_000_001, MAX_HEADER_BYTES + 1])
def test_row_27_a_header_that_claims_more_than_is_read_is_refused_before_the_library_sees_it(
    monkeypatch: pytest.MonkeyPatch, library: Library, folder: Path, claimed: int
):
    path = folder / MODEL
    with path.open("r+b") as file:
        file.write(struct.pack("<Q", claimed))
        file.truncate(2**29)  # a sparse file: as long as it likes to be, and hardly anything on disk
    monkeypatch.setattr("small_dataset_audio.models.weights_file.safe_open", lambda *_, **__: pytest.fail("was opened"))
    assert f"its header claims {claimed} bytes" in refused(folder)


def test_row_27_a_file_over_a_gigabyte_is_refused_by_its_size(library: Library, folder: Path):
    with (folder / MODEL).open("r+b") as file:
        file.truncate(2**30 + 1)
    assert "at most 1073741824 are read" in refused(folder)
    assert "at most" in listed(library)["hostile"]


TENSOR = "vae.decoder.0.bias"


def _claim(**claims: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header[TENSOR].update(claims)


CLAIMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a shape of a terabyte": _claim(shape=[2**38]),
    "a shape that overflows to the right size": _claim(shape=[2**32, 2**32 + 1, 8]),
    "a shape with nothing in it": _claim(shape=[0, 2**60]),
    "offsets beyond the end": _claim(data_offsets=[0, 2**50]),
    "offsets the wrong way round": _claim(data_offsets=[64, 32]),
    "offsets under zero": _claim(data_offsets=[-32, 0]),
    "another type of the same size": _claim(dtype="I32"),
    "a type that there is not": _claim(dtype="OBJECT"),
    "two dimensions for one": _claim(shape=[2, 4]),
    "offsets of another tensor": lambda header: header[TENSOR].update(
        data_offsets=header["vae.decoder.0.weight"]["data_offsets"]
    ),
    "no offsets": lambda header: header[TENSOR].pop("data_offsets"),
    "a thousand dimensions": _claim(shape=[1] * 1000 + [8]),
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS.keys())
def test_row_27_a_tensor_that_claims_what_is_not_there_is_refused(library: Library, folder: Path, change):
    change_header(folder / MODEL, change)
    refused(folder)


def test_row_27_the_same_tensor_twice_in_a_header_is_refused_or_does_no_harm(folder: Path):
    path = folder / MODEL
    contents = path.read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    text = contents[8 : 8 + length].rstrip()
    twice = text[:-1] + b',"' + TENSOR.encode() + b'":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path.write_bytes(weights_bytes(twice, contents[8 + length :]))
    refused(folder)


# ---- configurations that claim more than the file holds


def _sizes(width: int, latent_dim: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(metadata: dict[str, Any]) -> dict[str, Any]:
        metadata["vae"].update(width=width, latent_dim=latent_dim, frames_per_step=8)
        return metadata

    return change


@pytest.mark.parametrize(("width", "latent_dim"), [(10**9, 3), (8, 10**9), (2**70, 3), (8, -1)])
def test_row_27_sizes_out_of_range_are_refused(folder: Path, width: int, latent_dim: int):
    rewrite(folder, metadata=_sizes(width, latent_dim))
    assert "damaged metadata" in refused(folder)


IN_ITS_OWN_PROCESS = """
import resource, sys, time
from pathlib import Path
from small_dataset_audio.errors import SdaError
from small_dataset_audio.models import load_bundle
from small_dataset_audio.training import load_checkpoint
import torch, soundfile, small_dataset_audio.models.vae
kind, path = sys.argv[1:]
before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
begin = time.process_time()
try:
    load_bundle(Path(path)) if kind == "model" else load_checkpoint(Path(path))
except SdaError as error:
    took_s = time.process_time() - begin
    print(took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, type(error).__name__, error, sep="|")
"""


def refused_in_its_own_process(kind: str, path: Path) -> str:
    """The message, and that it came in under a second with under 1 GB."""
    done = start_python(IN_ITS_OWN_PROCESS, kind, path)
    assert done.returncode == 0, done.stderr
    took_s, most_mb, _, message = done.stdout.strip().split("|", 3)
    assert float(took_s) < REFUSED_WITHIN_S
    assert float(most_mb) < REFUSED_WITHIN_MB
    return message


@posix
def test_row_27_sizes_within_range_that_the_file_does_not_hold_allocate_nothing(folder: Path):
    rewrite(folder, metadata=_sizes(2048, 1024))  # 1.1 GB of weights, if they were made room for
    message = refused_in_its_own_process("model", folder)
    assert "tensor vae.encoder.0.weight does not fit the configuration" in message


@posix
def test_row_27_a_checkpoint_whose_sizes_are_not_in_the_file_allocates_nothing(tmp_path: Path):
    path = checkpoint(tmp_path)
    rewrite_checkpoint(path, lambda header: header["vae"].update(width=2048, frames_per_step=8))
    assert "misshapen" in refused_in_its_own_process("checkpoint", path)


# ---- numbers


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["vae.decoder.0.bias", "density.latents", "density.neighbour_distances"])
def test_row_27_a_number_that_is_none_is_refused(folder: Path, name: str, number: float):
    rewrite(folder, tensors=lambda tensors: tensors[name].view(-1)[1].fill_(number))
    assert "non-finite" in refused(folder)


@pytest.mark.parametrize("name", ["density.neighbours", "density.partners"])
@pytest.mark.parametrize("index", [-1, 10, 2**63 - 1, -(2**63)])
def test_row_27_an_index_that_leads_out_of_the_latents_is_refused(folder: Path, name: str, index: int):
    rewrite(folder, tensors=lambda tensors: tensors[name].view(-1)[3].fill_(index))
    assert "do not fit one another" in refused(folder)


LENGTHS = {
    "negative": [15, -6, 1],
    "not the sum": [5, 1, 3],
    "none": [10, 0, 0],
    "too many": [2] * 5,
    "overflowing to the right sum": [2**63 - 1, 2**63 - 1, 12],
    "the least there is": [-(2**63), 5, 5],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS.keys())
def test_row_27_paths_that_do_not_add_up_are_refused(folder: Path, lengths: list[int]):
    rewrite(folder, tensors=lambda tensors: tensors.update({"density.path_lengths": torch.tensor(lengths)}))
    refused(folder)


@pytest.mark.parametrize("name", ["neighbours", "partners"])
def test_row_27_more_candidates_than_the_configuration_says_are_refused(folder: Path, name: str):
    def widen(tensors: dict[str, torch.Tensor]) -> None:
        for wide in (f"density.{name}", *(["density.neighbour_distances"] if name == "neighbours" else [])):
            tensors[wide] = tensors[wide].repeat(1, 100)

    rewrite(folder, tensors=widen)
    assert f"{name} a step; its configuration says" in refused(folder)


# ---- what a model says of itself


def test_row_27_half_a_gigabyte_of_metadata_is_refused_by_its_length(library: Library, folder: Path):
    path = folder / MODEL
    size = 500 * 10**6
    with path.open("wb") as file:
        file.write(struct.pack("<Q", size) + b'{"__metadata__":{"' + KEY.encode() + b'":"')
        file.truncate(size + 1000)
    assert "its header claims 500000000 bytes" in refused(folder)
    assert "claims" in listed(library)["hostile"]


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a":' * 10**5, '{"corpus":{"clips":' + "[" * 10**5])
def test_row_27_metadata_that_nest_without_end_are_refused(folder: Path, text: str):
    with_metadata_text(folder / MODEL, text)
    refused(folder)


def test_row_27_a_header_that_nests_without_end_is_refused(folder: Path):
    (folder / MODEL).write_bytes(weights_bytes(b'{"a":' * 10**6 + b"1" + b"}" * 10**6))
    refused(folder)


NAMES = {
    "above the corpus": "../../.ssh/id_rsa",
    "above the corpus, later": "takes/../../x.wav",
    "above the corpus, on Windows": "..\\x.wav",
    "absolute": "/etc/passwd",
    "absolute on Windows": "C:\\Windows\\x.wav",
    "a share": "\\\\server\\share\\x.wav",
    "empty": "",
    "a line break": "a\nb.wav",
    "an escape": "\x1b[2Jx.wav",
    "a null": "a\0b.wav",
    "a line separator": "a\u2028b.wav",
    "a megabyte": "x" * 10**6,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_row_27_a_recordings_name_that_is_none_is_refused(library: Library, folder: Path, name: str):
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "name", value=name))
    assert "corpus.clips[0].name" in refused(folder)
    assert "corpus.clips[0].name" in listed(library)["hostile"]


@pytest.mark.parametrize(
    "name", ["a.wav", "my takes/a b.wav", "..a/b...wav", "\\x83.wav", "שלום/🔔.flac", "C: major.wav"]
)
def test_names_that_recordings_really_have_are_contained(name: str):
    assert is_contained(name)


FIELDS: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "a name that leaves the library": (("name",), "../x"),
    "a name of a megabyte": (("name",), "x" * 10**6),
    "a folder with an escape": (("corpus", "folder_name"), "\x1b]0;owned\x07"),
    "a licence of a megabyte": (("corpus", "licence"), "x" * 10**6),
    "no date": (("created",), "yesterday"),
    "a date before the calendar": (("created",), "0001-01-01T00:00:00+00:00"),
    "a date after it": (("created",), "9999-12-31T23:59:59+00:00"),
    "a clip under zero": (("corpus", "clips", 0, "num_samples"), -1),
    "a clip of a year": (("corpus", "clips", 0, "num_samples"), 48_000 * 365 * 86_400),
    "a clip beyond floating point": (("corpus", "clips", 0, "num_samples"), 10**308),
    "a level beyond all": (("corpus", "clips", 0, "level_db"), 1e300),
    "a seed under zero": (("training", "seed"), -1),
    "steps beyond a machine's word": (("training", "steps"), 2**64),
    "time under zero": (("training", "elapsed_s"), -5.0),
    "an amplifying gain": (("corpus_audio", "gain"), 2.0),
    "a gain that is nothing in single precision": (("corpus_audio", "gain"), 1e-320),
}


@pytest.mark.parametrize(("keys", "value"), FIELDS.values(), ids=FIELDS.keys())
def test_row_27_metadata_out_of_bounds_are_refused(library: Library, folder: Path, keys, value: Any):
    rewrite(folder, metadata=set_in(*keys, value=value))
    message = refused(folder)
    assert str(keys[-1]) in message
    assert message == listed(library)["hostile"]


def test_row_27_a_number_too_large_for_any_float_is_refused(folder: Path):
    with_metadata_text(folder / MODEL, metadata_text(folder / MODEL).replace("61.5", "1e999"))
    refused(folder)


@posix
def test_row_27_a_million_recordings_are_refused_by_the_length_of_their_list(folder: Path):
    clip = {"name": "a.wav", "num_samples": 1, "content_hash": "", "level_db": 0.0}
    rewrite(folder, metadata=set_in("corpus", "clips", value=[clip] * 10**6))
    assert "at most" in refused_in_its_own_process("model", folder)


@posix
def test_row_27_as_many_recordings_as_fit_into_a_header_are_counted(folder: Path):
    clip = {"name": "a", "num_samples": 1, "content_hash": ""}
    rewrite(folder, metadata=set_in("corpus", "clips", value=[clip] * 200_000))
    message = refused_in_its_own_process("model", folder)
    assert f"array` of length <= {MAX_RECORDINGS} - at `$.corpus.clips`" in message


def test_what_cannot_be_read_again_is_not_saved(tmp_path: Path):
    bundle = tiny_bundle()
    clip = bundle.metadata.corpus.clips[0]
    corpus = dataclasses.replace(bundle.metadata.corpus, clips=(clip,) * (MAX_RECORDINGS + 1))
    with pytest.raises(InvalidConfigError, match=r"corpus\.clips has 50001 recordings"):
        save_bundle(
            tmp_path / "model",
            dataclasses.replace(bundle, metadata=dataclasses.replace(bundle.metadata, corpus=corpus)),
        )
    assert not (tmp_path / "model").exists()


def test_a_control_character_in_a_file_name_is_saved_as_a_question_mark(tmp_path: Path):
    bundle = tiny_bundle()
    first, *others = bundle.metadata.corpus.clips
    clips = (dataclasses.replace(first, name="tab\there.wav"), *others)
    corpus = dataclasses.replace(bundle.metadata.corpus, clips=clips, folder_name="two\nlines", licence="mine\n")
    metadata = dataclasses.replace(bundle.metadata, corpus=corpus, name="a\x07bell")
    save_bundle(tmp_path / "model", dataclasses.replace(bundle, metadata=metadata))
    loaded = load_bundle(tmp_path / "model").metadata
    assert (loaded.name, loaded.corpus.folder_name, loaded.corpus.licence) == ("a?bell", "two?lines", "mine?")
    assert loaded.corpus.clips[0].name == "tab?here.wav"


def test_every_corpus_that_a_scan_holds_may_be_listed():
    assert ScanConfig().max_total_s < LONGEST_CORPUS_S


# ---- corpus audio


def store_audio(folder: Path, contents: bytes, **entry: Any) -> None:
    """Put a file in the corpus audio's place, with a hash that agrees with it."""
    (folder / CORPUS).write_bytes(contents)

    def change(metadata: dict[str, Any]) -> dict[str, Any]:
        metadata["corpus_audio"].update(sha256=sha256_file(folder / CORPUS), **entry)
        return metadata

    rewrite(folder, metadata=change)


def encoded(audio: np.ndarray, rate: int = 48_000, **kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, **{"format": "FLAC", **kind})
    return file.getvalue()


SILENCE = np.zeros(sum(CLIP_LENGTHS), np.float32)


def test_row_27_audio_at_another_rate_is_refused(folder: Path):
    store_audio(folder, encoded(SILENCE, 65_535))
    assert "does not hold the clips" in refused(folder, CORPUS)


@pytest.mark.parametrize("kind", [{"format": "WAV"}, {"format": "WAV", "subtype": "IMA_ADPCM"}, {"format": "OGG"}])
def test_row_27_audio_of_another_format_is_refused_before_a_decoder_sees_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path, kind: dict[str, str]
):
    store_audio(folder, encoded(SILENCE, **kind))
    monkeypatch.setattr(
        "small_dataset_audio.models.corpus_audio.soundfile.SoundFile", lambda *_, **__: pytest.fail("was opened")
    )
    assert "is no FLAC file" in refused(folder, CORPUS)


def test_row_27_audio_with_hours_more_than_is_listed_is_refused_undecoded(folder: Path):
    ten_minutes = encoded(np.zeros(48_000 * 600, np.float32))
    assert len(ten_minutes) < 200_000
    store_audio(folder, ten_minutes)
    assert "does not hold the clips" in refused(folder, CORPUS)


def test_row_27_a_file_larger_than_its_clips_can_be_is_refused_without_being_hashed(
    monkeypatch: pytest.MonkeyPatch, folder: Path
):
    with (folder / CORPUS).open("r+b") as file:
        file.truncate(2**40)
    monkeypatch.setattr("small_dataset_audio.models.corpus_audio.sha256_file", lambda _: pytest.fail("was hashed"))
    assert "the clips that the model lists take at most" in refused(folder, CORPUS)


def _claiming(contents: bytes, num_frames: int) -> bytes:
    """The same FLAC with another number of frames in its header (36 bits, at the end of bytes 21 to 25)."""
    changed = bytearray(contents)
    changed[21] = (changed[21] & 0xF0) | (num_frames >> 32)
    changed[22:26] = (num_frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(changed)


@posix
@pytest.mark.parametrize("hours", [4, 7.9])
def test_row_27_a_header_and_a_list_that_both_claim_hours_fill_no_memory(folder: Path, hours: float):
    claimed = round(hours * 3600 * 48_000)
    store_audio(folder, _claiming(encoded(SILENCE), claimed))
    assert soundfile.info(folder / CORPUS).frames == claimed
    rest = claimed - sum(CLIP_LENGTHS[1:])
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "num_samples", value=rest))
    assert str(folder / CORPUS) in refused_in_its_own_process("model", folder)


def test_row_27_more_audio_than_a_corpus_can_have_is_refused_before_it_is_looked_for(folder: Path):
    rewrite(folder, metadata=set_in("corpus", "clips", 0, "num_samples", value=9 * 3600 * 48_000))
    (folder / CORPUS).unlink()
    assert "all together may be 0 to 1382400000 (8 h)" in refused(folder)


# ---- what is no file


@posix
@pytest.mark.parametrize("name", [MODEL, CORPUS])
def test_row_27_a_named_pipe_does_not_hang(library: Library, folder: Path, name: str):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "it is no plain file" in refused(folder, name)
    assert listed(library).keys() == {"hostile", "sound"}


@posix
@pytest.mark.parametrize("name", [MODEL, CORPUS])
@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "../sound/model.safetensors"])
def test_row_27_a_link_that_leads_out_of_the_folder_is_not_followed(
    library: Library, folder: Path, name: str, target: str
):
    (folder / name).unlink()
    (folder / name).symlink_to(target)
    assert "it is a link that leads out of its folder" in refused(folder, name)
    assert listed(library).keys() == {"hostile", "sound"}


@posix
def test_row_27_a_link_to_itself_is_refused(library: Library, folder: Path):
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder / MODEL)
    refused(folder)
    assert listed(library)["hostile"] == "holds no model"


@posix
def test_row_27_a_link_to_nothing_is_a_model_that_is_not_there(library: Library, folder: Path):
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder / "gone")
    with pytest.raises(ModelNotFoundError):
        load_bundle(folder)
    assert listed(library)["hostile"] == "holds no model"


@posix
def test_a_link_within_the_folder_is_followed(folder: Path):
    (folder / MODEL).rename(folder / "weights")
    (folder / MODEL).symlink_to("weights")
    assert load_bundle(folder).metadata.name == "tiny"


# ---- row 28: versions


@pytest.mark.parametrize("version", [3, 4, 999_999])
def test_row_28_a_newer_format_is_left_alone_whatever_else_it_holds(library: Library, folder: Path, version: int):
    with_metadata_text(folder / MODEL, json.dumps({"format_version": version, "sda_version": "9.1", "name": ["a"]}))
    before = (folder / MODEL).read_bytes()
    message = refused(folder, error=ModelVersionError)
    assert f"was made by sda 9.1 (model format {version}); upgrade this release" in message
    assert listed(library)["hostile"] == message
    assert (folder / MODEL).read_bytes() == before


@pytest.mark.parametrize("release", ["9" * 10**5, "\x1b[2J", "9\n1", None, 9, ["9"]])
def test_row_28_a_newer_release_with_no_readable_name_is_still_answered_in_one_line(folder: Path, release: Any):
    with_metadata_text(folder / MODEL, json.dumps({"format_version": 3, "sda_version": release}))
    message = refused(folder, error=ModelVersionError)
    assert message.isprintable()


@pytest.mark.parametrize("version", [0, -1, -(2**63), 10**6, 10**300, True, None, 2.0, 2.5, "2", "x" * 10**5, [2], {}])
def test_row_28_a_format_that_no_release_ever_wrote_is_damage(folder: Path, version: Any):
    rewrite(folder, metadata=set_in("format_version", value=version))
    assert "format_version is" in refused(folder)


# ---- checkpoints


def checkpoint(folder: Path) -> Path:
    path = folder / "checkpoint.safetensors"
    config = TrainingConfig(max_steps=6, batch_size=2, crop_frames=32)
    save_checkpoint(path, new_state(narrow_model(), config), config, "c0ffee")
    load_checkpoint(path)
    return path


def rewrite_checkpoint(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    key = f"{KEY}_checkpoint"

    def change_metadata(header: dict[str, Any]) -> None:
        content = json.loads(header["__metadata__"][key])
        change(content)
        header["__metadata__"][key] = json.dumps(content)

    change_header(path, change_metadata)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", -1),
        ("step", 10**300),
        ("progress", 1.5),
        ("progress", -0.1),
        ("elapsed_s", -1.0),
        ("best_progress", 7.0),
    ],
)
def test_row_27_a_checkpoint_of_a_place_that_no_training_comes_to_is_refused(tmp_path: Path, field: str, value: Any):
    path = checkpoint(tmp_path)
    rewrite_checkpoint(path, lambda header: header.update({field: value}))
    with pytest.raises(CheckpointError, match=rf"damaged header \({field} is"):
        load_checkpoint(path)


@posix
def test_row_27_a_checkpoint_that_is_a_pipe_or_leads_out_is_refused(tmp_path: Path):
    path = tmp_path / "here" / "checkpoint.safetensors"
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="it is no plain file"):
        load_checkpoint(path)
    path.unlink()
    path.symlink_to(checkpoint(tmp_path))
    with pytest.raises(CheckpointError, match="leads out"):
        load_checkpoint(path)


# ---- sidecars


def sidecar(folder: Path, **content: Any) -> Path:
    path = folder / "take.json"
    whole = {"version": 1, "model_name": "sound", "seed": 1, "generation": {"duration_s": 0.1}, **content}
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize("written", ["absolute", "relative", "a name in the folder one is in"])
def test_row_27_a_sidecars_model_is_looked_for_in_the_library_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Library, written: str
):
    elsewhere = tmp_path / "elsewhere" / "planted"
    save_bundle(elsewhere, tiny_bundle())
    monkeypatch.chdir(elsewhere.parent)
    monkeypatch.setattr("small_dataset_audio.workflow.generate.load_bundle", lambda *_: pytest.fail("was loaded"))
    name = {"absolute": str(elsewhere), "relative": "./planted", "a name in the folder one is in": "planted"}[written]
    with pytest.raises(
        (ModelNotFoundError, ValueError), match=r"not a usable name|give the one that the take was made"
    ):
        rerender(sidecar(tmp_path, model_name=name), library=library)


@posix
def test_row_27_a_sidecar_that_is_a_pipe_does_not_hang(tmp_path: Path, library: Library):
    os.mkfifo(tmp_path / "take.json")
    with pytest.raises(SidecarError, match="cannot be read"):
        rerender(tmp_path / "take.json", library=library)


def test_row_28_a_sidecar_of_a_newer_version_asks_for_an_upgrade(tmp_path: Path, library: Library):
    for version in (2, 10**300):
        with pytest.raises(SidecarError, match="upgrade this release") as caught:
            rerender(sidecar(tmp_path, version=version), library=library)
        assert len(str(caught.value)) < 300


def test_the_untouched_models_of_these_tests_are_sound(library: Library, folder: Path):
    assert read_metadata(folder) == load_bundle(folder).metadata
    assert set(listed(library).values()) == {""}
    tensors = load_file(folder / MODEL)
    save_file(tensors, folder / MODEL, metadata={KEY: metadata_text(folder / MODEL)})
    load_bundle(folder)
