from __future__ import annotations

import pytest
import torch

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.workflow import resolve_device


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    def build(*, cuda: bool = False, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return build


@pytest.mark.parametrize(
    ("there", "chosen"),
    [({}, "cpu"), ({"cuda": True}, "cuda"), ({"mps": True}, "mps"), ({"cuda": True, "mps": True}, "cuda")],
)
def test_auto_takes_the_fastest_there_is(machine, there: dict[str, bool], chosen: str):
    machine(**there)
    assert resolve_device() == resolve_device("auto") == torch.device(chosen)


def test_the_cpu_can_always_be_chosen(machine):
    machine(cuda=True)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(machine, name: str):
    machine()
    with pytest.raises(InvalidConfigError, match=f"device is '{name}', which this machine or this torch build lacks"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:0", "tpu"])
def test_an_unknown_device_is_refused_with_those_there_are(name: str):
    with pytest.raises(InvalidConfigError, match=f"device is '{name}'; it must be one of auto, cpu, cuda, mps"):
        resolve_device(name)
