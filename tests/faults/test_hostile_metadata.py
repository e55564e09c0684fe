"""What a model from anywhere says of itself. The number in a test's name is the row of the fault table."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from faults.hostile import (
    MODEL,
    listed,
    metadata_text,
    posix,
    refused,
    refused_in_its_own_process,
    weights_bytes,
    with_metadata_text,
)
from models.modelfiles import KEY, rewrite, set_in
from models.tiny import tiny_bundle
from small_dataset_audio.corpus.records import ScanConfig
from small_dataset_audio.errors import (
    InvalidConfigError,
    ModelVersionError,
)
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle, save_bundle
from small_dataset_audio.models.metadata_limits import LONGEST_CORPUS_S, MAX_RECORDINGS, is_contained

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
    "a hash that is a path": (("corpus_audio", "sha256"), "../../x"),
    "a hash in capitals": (("corpus_audio", "sha256"), "C0" * 32),
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
