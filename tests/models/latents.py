"""Latent paths made by hand, for tests of what is fitted to them and walked along them."""

from __future__ import annotations

import numpy as np


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def wandering_paths(lengths: tuple[int, ...], dim: int = 4, seed: int = 0) -> list[np.ndarray]:
    """Recordings as random walks through latent space; no two steps are alike."""
    draws = rng(seed)
    return [np.cumsum(draws.normal(0, 0.3, (length, dim)), axis=0).astype(np.float32) for length in lengths]


def with_silence(paths: list[np.ndarray], before: int, after: int, seed: int = 1) -> list[np.ndarray]:
    """The same between stretches of near silence, all in one place: a cluster where every jump is easy."""
    draws = rng(seed)

    def silence(steps: int, dim: int) -> np.ndarray:
        return draws.normal(0, 0.01, (steps, dim)).astype(np.float32)

    return [np.concatenate([silence(before, p.shape[1]), p, silence(after, p.shape[1])]) for p in paths]
