"""A small corpus for the evaluation: plucks, a drone, strokes; and what is to be told from them."""

from __future__ import annotations

import numpy as np

from small_dataset_audio.evaluation.similarity import average_noise
from tiny import RATE, pluck


def drone(frequency_hz: float, duration_s: float, seed: int) -> np.ndarray:
    """Slowly beating partials with some breath."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * RATE)) / RATE
    partials = [
        rng.uniform(0.2, 1.0)
        / number
        * np.sin(2 * np.pi * frequency_hz * number * time_s + rng.uniform(0, 6.28))
        * (1.0 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.1, 1.0) * time_s + rng.uniform(0, 6.28)))
        for number in range(1, 8)
    ]
    return (0.1 * sum(partials) + 0.003 * rng.standard_normal(len(time_s))).astype(np.float32)


def stroke(seed: int, duration_s: float = 0.3) -> np.ndarray:
    """A filtered burst that dies away."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * RATE)) / RATE
    ring = np.sin(2 * np.pi * rng.uniform(150.0, 900.0) * time_s)
    hit = rng.standard_normal(len(time_s)) * np.exp(-200.0 * time_s)
    return (0.5 * (ring + hit) * np.exp(-rng.uniform(8.0, 25.0) * time_s)).astype(np.float32)


def a_corpus() -> dict[str, np.ndarray]:
    plucks = {f"pluck {n}.wav": pluck(110.0 * 1.25**n, 2.0, seed=n) for n in range(6)}
    drones = {f"drone {n}.wav": drone(70.0 * 1.3**n, 4.0, seed=n) for n in range(3)}
    strokes = {f"stroke {n}.wav": stroke(n) for n in range(10)}
    return plucks | drones | strokes


def noise_of(corpus: dict[str, np.ndarray], seconds: float = 6.0, seed: int = 1) -> np.ndarray:
    return average_noise(list(corpus.values()), round(seconds * RATE), np.random.default_rng(seed))
