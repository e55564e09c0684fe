"""Second opinions on a written take: WAV readers that share no code with soundfile, and a JSON parser without mercy."""

from __future__ import annotations

import json
import shutil
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

SOX_STEP = 2.0**-31
"""sox computes in 32-bit integers: a float sample comes out of it at most one step of theirs away."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reader found; `tolerance` is what its own arithmetic may cost.

    Parameters
    ----------
    samples : ndarray [shape=(frames, channels), float64]
    sample_rate : int [Hz]
    bits : int
    tolerance : float
    """

    samples: np.ndarray
    sample_rate: int
    bits: int
    tolerance: float = 0.0


def read_pcm(path: Path) -> Reading:
    """Read 16 or 24 bits with the standard library."""
    with wave.open(str(path), "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        data = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width).astype(np.int64)
        sample_rate = file.getframerate()
    # little-endian two's complement, by hand: no reader's idea of 24 bits comes into it
    values = (data << (8 * np.arange(width))).sum(axis=1)
    values -= (values >= 1 << (8 * width - 1)).astype(np.int64) << (8 * width)
    return Reading((values / 2 ** (8 * width - 1)).reshape(-1, channels), sample_rate, 8 * width)


def read_with_sox(path: Path) -> Reading:
    """Read floating point with sox; skips where there is none."""
    if shutil.which("sox") is None or shutil.which("soxi") is None:
        pytest.skip("sox is not installed, so nothing but soundfile has read the floating-point takes")
    channels, rate, bits = (int(_run("soxi", option, path)) for option in ("-c", "-r", "-b"))
    # as 64-bit floats: sox cuts its 32-bit floats to 24 bits
    samples = np.frombuffer(_run("sox", path, "-t", "f64", "-"), np.float64)
    return Reading(samples.reshape(-1, channels), rate, bits, SOX_STEP)


def parse_strictly(text: str) -> dict[str, Any]:
    """Parse JSON as the standard has it: no NaN, no Infinity, and no key twice."""
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError(f"a key twice in {[key for key, _ in pairs]}")
    return dict(pairs)


def _run(*command: str | Path) -> bytes:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout
