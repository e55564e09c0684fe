"""Stored results against fresh ones; tolerances and the way to renew them stand in regenerate.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.regenerate import mel, model_file, model_file_linear, read_golden, walk
from small_dataset_audio.models import load_bundle


def test_mels_of_analytic_signals_are_as_stored():
    fresh, stored = mel(), read_golden("mel")
    assert fresh.keys() == stored.keys()
    assert fresh["frames"] == stored["frames"]
    assert fresh["log10 amplitude"].keys() == stored["log10 amplitude"].keys()
    for name, values in stored["log10 amplitude"].items():
        np.testing.assert_allclose(fresh["log10 amplitude"][name], values, atol=1e-4, rtol=0, err_msg=name)


def test_a_seed_stands_for_the_walk_that_is_stored():
    fresh, stored = walk(), read_golden("walk")
    drifting = "latents at temperature 2"
    np.testing.assert_allclose(fresh.pop(drifting), stored.pop(drifting), rtol=1e-6, atol=1e-6)
    assert fresh == stored


@pytest.mark.parametrize("make", [model_file, model_file_linear], ids=["trained", "linear"])
def test_a_model_file_is_byte_for_byte_as_stored(make: Callable[[], dict[str, Any]]):
    fresh, stored = make(), read_golden(make.__name__)
    assert fresh["header"] == stored["header"]
    assert fresh["sha256"] == stored["sha256"]


@pytest.mark.parametrize("name", ["model_file", "model_file_linear", "model_file_format_1"])
def test_a_model_file_of_this_and_of_the_first_format_is_still_read(tmp_path: Path, name: str):
    # The header as it was stored, before bytes that are all zero: what counts is that this release takes it.
    header = read_golden(name)["header"].encode()
    ends = [entry["data_offsets"][1] for name, entry in json.loads(header).items() if name != "__metadata__"]
    contents = bytearray(len(header).to_bytes(8, "little") + header + bytes(max(ends)))
    begin, end = json.loads(header)["density.path_lengths"]["data_offsets"]
    data = 8 + len(header)
    contents[data + begin : data + end] = np.array([5, 1, 4], "<i8").tobytes()
    (tmp_path / "model.safetensors").write_bytes(contents)

    bundle = load_bundle(tmp_path)

    assert bundle.metadata.name == "tiny"
    assert bundle.metadata.corpus.folder_name == "Glöckchen 🔔"
    assert bundle.density.walk(5, np.random.default_rng(0)).latents(0, 5).shape == (1, 3, 5)
