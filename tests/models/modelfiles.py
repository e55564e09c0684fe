"""Reading and changing model files behind the program's back, as a fault or a hostile program would."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from small_dataset_audio.errors import ModelDamagedError, SdaError
from small_dataset_audio.models import load_bundle

KEY = "small_dataset_audio"


def header_of(path: Path) -> dict[str, Any]:
    """Header of a safetensors file, read as the format is documented: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))


def rewrite(
    folder: Path,
    *,
    metadata: Callable[[dict[str, Any]], Any] = lambda metadata: metadata,
    tensors: Callable[[dict[str, torch.Tensor]], Any] = lambda _: None,
) -> None:
    """Change a model file as a faulty or hostile program would: well-formed, with other contents."""
    path = folder / "model.safetensors"
    contents = load_file(path)
    text = json.loads(header_of(path)["__metadata__"][KEY])
    changed = metadata(text)
    tensors(contents)
    save_file(contents, path, metadata={KEY: changed if isinstance(changed, str) else json.dumps(changed or text)})


def set_in(*keys: str | int, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(metadata: dict[str, Any]) -> dict[str, Any]:
        place: Any = metadata
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return metadata

    return change


def remove(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda metadata: {name: value for name, value in metadata.items() if name != key}


def assert_refused(folder: Path, file_name: str, error: type[SdaError] = ModelDamagedError) -> None:
    with pytest.raises(error) as caught:
        load_bundle(folder)
    message = str(caught.value)
    assert type(caught.value) is error
    assert str(folder / file_name) in message
    assert "\n" not in message
    assert isinstance(caught.value, ValueError)
