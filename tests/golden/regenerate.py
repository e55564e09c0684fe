"""Golden results, and the program that makes them again.

Run it where a change of results is meant, look at the difference, and commit both together:

    cd tests && python -m golden.regenerate

Each result is a function here and a JSON file of its name beside it. The test compares them with these tolerances:

- ``mel``: 1e-4 in log10 amplitude (0.002 dB). Two FFT libraries differ by float32 round-off, about 1e-5 at these levels;
  a wrong window, scale, band or frame is off by 1e-2 and more.
- ``walk``: none for the steps. A seed and a novelty stand for one walk, on every machine and in every release; anything else
  makes old takes impossible to render again. 1e-6 for latents that drift, whose last bit depends on the processor.
- ``model_file``, ``model_file_linear``: none. Bytes that another release has to read.

``model_file_format_1`` is what the first format was; nothing makes it again, and every release reads it.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.tiny import tiny_bundle, tiny_density, tiny_linear_bundle
from small_dataset_audio.audio import AudioSpectrogram, SpectrogramConfig
from small_dataset_audio.files import write_json
from small_dataset_audio.inference.config import NOVELTIES, GenerationConfig
from small_dataset_audio.models import ModelBundle, save_bundle
from small_dataset_audio.models.draws import SpreadDraws

_MEL_FRAMES = (0, 3, 6, 9)


def mel() -> dict[str, Any]:
    """Log mels of signals that a formula describes, at four frames; 16 bands keep the file readable."""
    config = SpectrogramConfig(n_mels=16)
    samples = np.arange(9 * config.hop_length - 100)
    seconds = samples / config.sample_rate
    signals = {
        "silence": np.zeros(len(samples)),
        "full-scale sine of 440 Hz": np.sin(2 * np.pi * 440 * seconds),
        "two sines 60 dB apart": np.sin(2 * np.pi * 150 * seconds) / 2 + np.sin(2 * np.pi * 9000 * seconds) / 2000,
        "sweep from 100 Hz to 20 kHz": 0.5
        * np.sin(2 * np.pi * (100 * seconds + 19_900 / 2 * seconds**2 / seconds[-1])),
        "click": 0.9 * (samples == 1600),
        "alternating signs that fade": np.where(samples % 2, 1.0, -1.0) * np.exp(-samples / 500),
    }
    spectrogram = AudioSpectrogram(config)
    values = {}
    for name, signal in signals.items():
        frames = spectrogram.waveform_to_mel(torch.from_numpy(signal))[0, 0][:, list(_MEL_FRAMES)]
        values[name] = [[round(value, 5) for value in frame] for frame in frames.T.double().tolist()]
    return {"frames": list(_MEL_FRAMES), "n_mels": config.n_mels, "log10 amplitude": values}


def walk() -> dict[str, Any]:
    """Steps that each voice visits, and a walk that drifts, over ten steps written down by hand."""
    density = tiny_density()
    drifting = density.walk(8, np.random.default_rng([0, 0]), GenerationConfig(temperature=2.0).walk_style)
    return {
        "voices by novelty and seed": {
            novelty: {
                str(seed): density.walk(32, np.random.default_rng([seed, 0]), style, SpreadDraws(seed)).rows.tolist()
                for seed in range(4)
            }
            for novelty, style in NOVELTIES.items()
        },
        "latents at temperature 2": drifting.latents(0, 8).tolist(),
        "anchors": density.draw_anchors(8, np.random.default_rng([0, 0]))[:, 0].astype(int).tolist(),
    }


def model_file() -> dict[str, Any]:
    """Header of the smallest file of a trained model, byte for byte, and the file's hash."""
    return _file_of(tiny_bundle(()))


def model_file_linear() -> dict[str, Any]:
    """Do the same for a model without training."""
    return _file_of(tiny_linear_bundle(()))


def _file_of(bundle: ModelBundle) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        save_bundle(Path(folder), bundle)
        contents = (Path(folder) / "model.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", contents[:8])
    return {"header": contents[8 : 8 + size].decode(), "sha256": hashlib.sha256(contents).hexdigest()}


GOLDEN: dict[str, Callable[[], dict[str, Any]]] = {
    "mel": mel,
    "walk": walk,
    "model_file": model_file,
    "model_file_linear": model_file_linear,
}


def read_golden(name: str) -> dict[str, Any]:
    """What is stored under `name`."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    for golden_name, compute in GOLDEN.items():
        write_json(Path(__file__).with_name(f"{golden_name}.json"), compute())
