"""The corpus as a take would hold it: what the distributions of onsets and levels are compared with.

Attacks and levels are judged within a clip, relative to its loudest moment. Held against the separate recordings, a take that
plays them all faithfully would be far off: a soft recording is at its own full level alone, and 10 dB down beside a loud one;
a stroke cut at its attack has nothing before it. So the corpus is played: its recordings whole, one after another in random
order, each as often as the others, cut into stretches as long as a take. That is also the mean share of time that each has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from measures.clips import Clip
from measures.logmel import RATE_HZ

STRETCHES = 40


def play(corpus: Sequence[Clip], duration_s: float, generator: np.random.Generator) -> list[Clip]:
    """Play the corpus in stretches.

    Parameters
    ----------
    corpus : sequence of Clip
        At least one, none silent.
    duration_s : float [s]
        Length of a stretch.
    generator : numpy.random.Generator
        Of the orders: a new one whenever all recordings have been played.

    Returns
    -------
    list of Clip [at 48 kHz, exact to the sample]
        40 of them, those left out that fell wholly on digital silence.
    """
    recordings = [clip.at(RATE_HZ) for clip in corpus]
    samples = round(duration_s * RATE_HZ)
    rounds = math.ceil(STRETCHES * samples / sum(len(recording) for recording in recordings))
    orders = [generator.permutation(len(recordings)) for _ in range(rounds)]
    joined = np.concatenate([recordings[index] for order in orders for index in order])
    stretches = joined[: STRETCHES * samples].reshape(STRETCHES, samples)
    clips = [Clip(f"stretch {number}", stretch, RATE_HZ) for number, stretch in enumerate(stretches)]
    return [clip for clip in clips if not clip.is_silent]
