"""The edge set that every public audio function meets, and the form in which a function is entered for it.

`USABLE` are mono signals that must go through, `UNUSABLE` are arrays that must be refused with InvalidAudioError. A function is
entered as an :class:`AudioFunction` in ``tests/test_edges.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32)


def sine(frequency_hz: float, num_samples: int, sample_rate: int = 48_000, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / sample_rate + phase).astype(np.float32)


USABLE: dict[str, np.ndarray] = {
    "silence": np.zeros(4800, np.float32),
    "one sample": np.array([0.25], np.float32),
    "one silent sample": np.zeros(1, np.float32),
    "two samples": np.array([0.5, -0.5], np.float32),
    "one click in silence": np.eye(1, 4801, 2400, dtype=np.float32)[0],
    "constant": np.full(4801, 0.5, np.float32),
    "full scale square": np.tile(np.array([1, 1, 1, 1, -1, -1, -1, -1], np.float32), 601),
    "over full scale": 4 * sine(997.0, 4801),
    "denormal numbers": np.full(4801, 1e-42, np.float32),
    "noise": noise(4801),
    "sine": sine(440.0, 4801),
}

UNUSABLE: dict[str, Any] = {
    "NaN": np.array([0.0, np.nan, 0.0], np.float32),
    "infinity": np.array([0.0, np.inf, 0.0], np.float32),
    "no samples": np.zeros(0, np.float32),
    "integers": np.zeros(480, np.int16),
    "a number": np.float32(0.5),
    "three dimensions": np.zeros((1, 2, 480), np.float32),
    "stereo with NaN": np.full((2, 480), np.nan, np.float32),
    "stereo without samples": np.zeros((2, 0), np.float32),
}


def both_channels(mono_result: Any) -> Any:
    """What a function that treats channels alike returns for a stereo of two equal monos."""
    return np.stack([mono_result, mono_result])


def as_for_mono(mono_result: Any) -> Any:
    """What a measurement that does not depend on the number of equal channels returns."""
    return mono_result


@dataclass(frozen=True)
class AudioFunction:
    """One function under test.

    Parameters
    ----------
    name : str
    call : callable
        Takes one array; other arguments are bound.
    of_two_monos : callable or None
        From the result for a mono signal to the result for a stereo of two such channels; None where only mono is taken.
    """

    name: str
    call: Callable[[Any], Any]
    of_two_monos: Callable[[Any], Any] | None = both_channels


def assert_equal(actual: Any, expected: Any, tolerance: float = 0.0) -> None:
    """Compare arrays, numbers, texts, and dicts and tuples of them."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_equal(actual[key], expected[key], tolerance)
    elif isinstance(expected, tuple | list):
        for one, other in zip(actual, expected, strict=True):
            assert_equal(one, other, tolerance)
    elif expected is None or isinstance(expected, str | bool):
        assert actual == expected
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def assert_finite(result: Any) -> None:
    """Refuse NaN and infinity wherever they hide in a result."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple | list):
        for item in result:
            assert_finite(item)
    elif result is not None and not isinstance(result, str):
        assert np.isfinite(result).all(), result
