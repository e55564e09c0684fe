"""Weights from anywhere. The number in a test's name is the row of the fault table.

Every refusal is timed, and those that could be large are measured in a process of their own: refused in under a second of the
processor's time (on a busy machine the clock says nothing about the code), with under 1 GB.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from faults.hostile import (
    CORPUS,
    MODEL,
    change_header,
    listed,
    metadata_text,
    posix,
    refused,
    refused_in_its_own_process,
    weights_bytes,
)
from models.modelfiles import KEY, rewrite
from small_dataset_audio.errors import (
    ModelNotFoundError,
)
from small_dataset_audio.library import Library
from small_dataset_audio.models import load_bundle, read_metadata
from small_dataset_audio.models.weights_file import MAX_HEADER_BYTES
from traps import pickled_trap, spring, torch_trap

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


@posix
def test_row_27_sizes_within_range_that_the_file_does_not_hold_allocate_nothing(folder: Path):
    rewrite(folder, metadata=_sizes(2048, 1024))  # 1.1 GB of weights, if they were made room for
    message = refused_in_its_own_process("model", folder)
    assert "tensor vae.encoder.0.weight does not fit the configuration" in message


# ---- numbers


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["vae.decoder.0.bias", "density.latents", "density.neighbour_distances"])
def test_row_27_a_number_that_is_none_is_refused(folder: Path, name: str, number: float):
    rewrite(folder, tensors=lambda tensors: tensors[name].view(-1)[1].fill_(number))
    assert "non-finite" in refused(folder)


@pytest.mark.parametrize("num_dimensions", [3, 65])
def test_row_27_a_density_of_more_dimensions_than_an_array_can_have_is_refused(folder: Path, num_dimensions: int):
    def wrap(tensors: dict[str, torch.Tensor]) -> None:
        latents = tensors["density.latents"]
        tensors["density.latents"] = latents.reshape((1,) * (num_dimensions - 2) + latents.shape)

    rewrite(folder, tensors=wrap)
    assert f"density.latents has {num_dimensions} dimensions" in refused(folder)


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


# ---- what is no file


@posix
@pytest.mark.parametrize("name", [MODEL, CORPUS])
def test_row_27_a_named_pipe_does_not_hang(library: Library, folder: Path, name: str):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    message = refused(folder, name)
    assert "it is no plain file" in message
    # A listing reads what a model says of itself, and nothing of its audio.
    assert listed(library)["hostile"] == (message if name == MODEL else "")


@posix
@pytest.mark.parametrize("name", [MODEL, CORPUS])
@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "../sound/model.safetensors"])
def test_row_27_a_link_that_leads_out_of_the_folder_is_not_followed(
    library: Library, folder: Path, name: str, target: str
):
    (folder / name).unlink()
    (folder / name).symlink_to(target)
    message = refused(folder, name)
    assert "it is a link that leads out of its folder" in message
    assert listed(library)["hostile"] == (message if name == MODEL else "")


@posix
def test_row_27_a_link_to_itself_is_refused(library: Library, folder: Path):
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder / MODEL)
    assert refused(folder) == listed(library)["hostile"]


@posix
def test_row_27_a_link_to_nothing_is_a_model_that_is_not_there(library: Library, folder: Path):
    (folder / MODEL).unlink()
    (folder / MODEL).symlink_to(folder / "gone")
    with pytest.raises(ModelNotFoundError):
        load_bundle(folder)
    assert "holds no model.safetensors" in listed(library)["hostile"]


@posix
def test_row_27_a_folder_that_is_a_link_out_of_the_library_is_listed_and_not_gone_through(
    monkeypatch: pytest.MonkeyPatch, library: Library, folder: Path
):
    shutil.rmtree(folder)
    folder.symlink_to("/")
    seen: list[Path] = []
    walk = os.walk
    monkeypatch.setattr("os.walk", lambda top: [seen.append(top), *walk(top)][1:])
    assert f"leads out of {library.models_folder}" in listed(library)["hostile"]
    assert seen == [library.folder_of("sound")]


@posix
def test_a_link_within_the_folder_is_followed(folder: Path):
    (folder / MODEL).rename(folder / "weights")
    (folder / MODEL).symlink_to("weights")
    assert load_bundle(folder).metadata.name == "tiny"


def test_the_untouched_models_of_these_tests_are_sound(library: Library, folder: Path):
    assert read_metadata(folder) == load_bundle(folder).metadata
    assert set(listed(library).values()) == {""}
    tensors = load_file(folder / MODEL)
    save_file(tensors, folder / MODEL, metadata={KEY: metadata_text(folder / MODEL)})
    load_bundle(folder)
