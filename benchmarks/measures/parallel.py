"""Batches on all cores, one thread of torch for each.

Torch's own threads meet at a barrier after every small operation, and wait there busily: on a machine that others use as
well the search for copies took ten times longer with two of its threads than with one. Independent batches never wait.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def map_batches(function: Callable[[Batch], Result], batches: Iterable[Batch]) -> list[Result]:
    """Results in the order of the batches; each runs in inference mode."""

    def infer(batch: Batch) -> Result:
        # OpenMP keeps its count, and torch the inference mode, for each thread: set them in the one that works.
        torch.set_num_threads(1)
        with torch.inference_mode():
            return function(batch)

    with _thread_count_restored(), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(infer, batches))


@contextlib.contextmanager
def _thread_count_restored() -> Iterator[None]:
    count = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(count)
