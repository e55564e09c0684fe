from __future__ import annotations

import numpy as np
import pytest

from small_dataset_audio.inference.take_progress import TakeProgress


def pieces(*lengths: int):
    return (np.zeros((1, length), np.float32) for length in lengths)


def test_without_a_rehearsal_it_counts_what_is_rendered_after_it_is_kept():
    told: list[tuple[float, float]] = []
    stream = TakeProgress(96_000, lambda *both: told.append(both)).of(pieces(24_000, 72_000))
    next(stream)
    assert told == []
    assert len(list(stream)) == 1
    assert told == [(0.5, 2.0), (2.0, 2.0)]


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_rehearsals_are_the_beginning_and_it_ends_where_it_goes_to_however_many_are_needed(needed: int):
    told: list[tuple[float, float]] = []
    progress = TakeProgress(96_000, lambda *both: told.append(both))
    for number in range(needed):
        progress.rehearsed(number + 1, 3)
    list(progress.of(pieces(48_000, 48_000)))
    done = [seconds for seconds, _ in told]
    assert done[:needed] == [0.5 * (number + 1) for number in range(needed)]
    assert done == sorted(done)
    assert done[-1] == 2.0
    assert {whole for _, whole in told} == {2.0}


def test_nobody_has_to_listen():
    progress = TakeProgress(10, None)
    progress.rehearsed(1, 2)
    assert [piece.shape for piece in progress.of(pieces(10))] == [(1, 10)]
