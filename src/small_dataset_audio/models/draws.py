"""Where a take begins and what it goes on with: numbers drawn so that takes of consecutive seeds share the corpus out.

Drawn independently, a dozen takes leave out a third of a small corpus and play some of it three times. Here each number is
as random over all seeds, and those of consecutive seeds lie apart: the first by the golden ratio (a Kronecker sequence; H.
Niederreiter, "Random Number Generation and Quasi-Monte Carlo Methods", 1992), the others, for the eight seeds from a
multiple of eight on, one in each of eight strata, in an order shuffled anew for every number (M. McKay, R. Beckman and W.
Conover, "A comparison of three methods for selecting values of input variables", Technometrics 1979).
"""

from __future__ import annotations

from typing import Final

import numpy as np

NUM_STRATA: Final = 8

_GOLDEN: Final = 11_400_714_819_323_198_485
"""2**64 over the golden ratio, to the nearest odd integer: seeds of 64 bits keep their exact place."""


class SpreadDraws:
    """Numbers from 0 to 1 for one take, each to be asked for once.

    Parameters
    ----------
    seed : int [0 or more]
        Of the take.
    """

    def __init__(self, seed: int) -> None:
        seed = int(seed)  # NumPy's integers would overflow
        self._block, self._place = divmod(seed, NUM_STRATA)
        self._start = ((seed * _GOLDEN) % 2**64 >> 11) / 2**53  # as many bits as a float holds: under 1 however near
        self._num_drawn = 0

    def start(self) -> float:
        """Return the number that says where the take begins [0 to 1, 1 excluded]."""
        return self._start

    def next(self) -> float:
        """Draw the next number [0 to 1, 1 excluded]."""
        shared = np.random.default_rng([self._block, self._num_drawn])  # the same for all seeds of a block
        self._num_drawn += 1
        stratum = shared.permutation(NUM_STRATA)[self._place]
        within = shared.random(NUM_STRATA)[self._place]
        return float((stratum + within) / NUM_STRATA)
