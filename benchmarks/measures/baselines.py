"""Two baselines without a model: *shuffle*, whose closeness is the goal and whose copying is not, and the *walk*.

*Shuffle*: pieces of 1 s, each from a random place of a random recording that is long enough to hold one, crossfaded over
50 ms. (In a corpus without one, whole recordings.)

*Walk*: along a recording frame by frame; after at least 8 frames, jump with probability ``exp(-(d / 0.1)^2)`` to a frame
whose context resembles that of the frame that would come next, d being the root-mean-square difference of the contexts
(3 frames of 64 log10 amplitudes); crossfade 2 frames (video textures: Schoedl et al., SIGGRAPH 2000; audio textures: Lu,
Wenyin and Zhang, IEEE TSAP 2004). It keeps attack, decay, pause and level over time with no training at all: what a
learned model must beat. Left open there, settled here: the target is one of the 4 nearest, by lot, lest the walk run in a
ring; a frame within 8 of the next is no target; at the end of a recording the walk goes on at the start of any.

Recordings are float32 arrays, mono, at 48 kHz. Both crossfades keep power, since the two sides are seldom in phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measures.logmel import HOP_LENGTH, RATE_HZ, mel_amplitude

PIECE_SAMPLES = RATE_HZ
PIECE_FADE_SAMPLES = RATE_HZ // 20
WALK_MELS = 64
AMPLITUDE_FLOOR = 1e-5
CONTEXT_FRAMES = 3
MIN_RUN_FRAMES = 8
JUMP_SCALE = 0.1
FADE_FRAMES = 2
TARGETS = 4
_CHUNK_FRAMES = 512

Recordings = Sequence[NDArray[np.float32]]


def shuffle(recordings: Recordings, duration_s: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Random 1 s pieces of the corpus, crossfaded.

    Parameters
    ----------
    recordings : sequence of ndarray [shape=(samples,), float32, at 48 kHz]
        At least one longer than the 50 ms crossfade.
    duration_s : float [s]
    generator : numpy.random.Generator

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32]

    Raises
    ------
    ValueError
        All recordings are shorter than two crossfades.
    """
    sources = [recording for recording in recordings if len(recording) >= PIECE_SAMPLES]
    sources = sources or [recording for recording in recordings if len(recording) > 2 * PIECE_FADE_SAMPLES]
    if not sources:
        raise ValueError("every recording is shorter than 0.1 s; two crossfades of 50 ms do not fit into one")

    def pieces() -> Iterator[NDArray[np.float32]]:
        while True:
            source = sources[generator.integers(len(sources))]
            start = generator.integers(max(len(source) - PIECE_SAMPLES, 0) + 1)
            yield source[start : start + PIECE_SAMPLES]

    return _join(pieces(), round(duration_s * RATE_HZ), PIECE_FADE_SAMPLES)


@dataclass(frozen=True)
class WalkMap:
    """A corpus as frames of 512 samples, and where each frame may be jumped to instead of.

    Attributes
    ----------
    recordings : sequence of ndarray [shape=(samples,), at 48 kHz]
    first_frames : ndarray [shape=(recordings + 1,)]
        Number of each recording's first frame; last, the count of all frames.
    targets : ndarray [shape=(frames, up to 4)]
        Frames of like context, nearest first.
    distances : ndarray [shape as targets, decades of amplitude]
    """

    recordings: Recordings
    first_frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    distances: NDArray[np.float32]


def build_walk_map(recordings: Recordings) -> WalkMap:
    """Find the jump targets of every frame of the corpus.

    Raises
    ------
    ValueError
        The recordings hold too few frames to jump among.
    """
    contexts = [_contexts(recording) for recording in recordings]
    first_frames = np.cumsum([0, *(len(own) for own in contexts)])
    if first_frames[-1] <= 2 * MIN_RUN_FRAMES + 1 + TARGETS:
        raise ValueError(f"the corpus holds {first_frames[-1]} frames of 10.7 ms; that is too few to walk among")
    targets, distances = _nearest(np.concatenate(contexts))
    return WalkMap(recordings, first_frames, targets, distances)


def walk(walk_map: WalkMap, duration_s: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Walk along the corpus's own frames.

    Parameters
    ----------
    walk_map : WalkMap
    duration_s : float [s]
    generator : numpy.random.Generator

    Returns
    -------
    ndarray [shape=(round(duration_s * 48000),), float32]
    """
    fade = FADE_FRAMES * HOP_LENGTH

    def pieces() -> Iterator[NDArray[np.float32]]:
        for first, length in _runs(walk_map, generator):
            index = int(np.searchsorted(walk_map.first_frames, first, side="right")) - 1
            start = (first - int(walk_map.first_frames[index])) * HOP_LENGTH
            samples = length * HOP_LENGTH + fade
            # A run at the end of a recording fades out into the silence after it.
            piece = walk_map.recordings[index][start : start + samples]
            yield np.pad(piece, (0, samples - len(piece)))

    return _join(pieces(), round(duration_s * RATE_HZ), fade)


def _runs(walk_map: WalkMap, generator: np.random.Generator) -> Iterator[tuple[int, int]]:
    """First frame and length of each run between two jumps, without end."""
    openings, num_frames = walk_map.first_frames[:-1], int(walk_map.first_frames[-1])
    ends = set(walk_map.first_frames[1:].tolist())
    first = int(generator.integers(num_frames))
    following = first + 1
    while True:
        target = None
        if following in ends:
            target = int(generator.choice(openings))
        elif following - first >= MIN_RUN_FRAMES:
            lot = generator.integers(walk_map.targets.shape[1])
            if generator.random() < np.exp(-((walk_map.distances[following, lot] / JUMP_SCALE) ** 2)):
                target = int(walk_map.targets[following, lot])
        if target is not None:
            yield first, following - first
            first = following = target
        following += 1


def _contexts(recording: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each whole frame with the ones before and after it [shape=(frames, 3 * 64), log10 amplitude]."""
    log = np.log10(np.maximum(mel_amplitude(recording, WALK_MELS), AMPLITUDE_FLOOR))
    frames = log[: max(len(recording) // HOP_LENGTH, 1)]
    padded = np.pad(frames, ((CONTEXT_FRAMES // 2, CONTEXT_FRAMES // 2), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(frames)] for i in range(CONTEXT_FRAMES)], axis=1)


def _nearest(contexts: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The most alike frames of each frame, nearest first, itself and its neighbours in time left out."""
    numbers = np.arange(len(contexts))
    energy = np.square(contexts).sum(axis=1)
    targets, distances = [], []
    for start in range(0, len(contexts), _CHUNK_FRAMES):
        chunk = numbers[start : start + _CHUNK_FRAMES]
        squared = energy[chunk, None] - 2.0 * contexts[chunk] @ contexts.T + energy
        squared[np.abs(chunk[:, None] - numbers) <= MIN_RUN_FRAMES] = np.inf
        nearest = np.argpartition(squared, TARGETS, axis=1)[:, :TARGETS]
        of_nearest = np.take_along_axis(squared, nearest, axis=1)
        order = np.argsort(of_nearest, axis=1)
        targets.append(np.take_along_axis(nearest, order, axis=1))
        distances.append(np.take_along_axis(of_nearest, order, axis=1))
    mean_square = np.maximum(np.concatenate(distances), 0.0) / contexts.shape[1]
    return np.concatenate(targets), np.sqrt(mean_square).astype(np.float32)


def _join(pieces: Iterable[NDArray[np.float32]], num_samples: int, fade: int) -> NDArray[np.float32]:
    """Overlap pieces by `fade` samples at constant power until there are enough; the opening is not faded."""
    rise = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade).astype(np.float32)
    joined = np.zeros(num_samples, dtype=np.float32)
    position = 0
    for piece in pieces:
        shaped = piece.copy()
        if position:
            shaped[:fade] *= rise
        shaped[-fade:] *= rise[::-1]
        room = joined[position : position + len(shaped)]
        room += shaped[: len(room)]
        position += len(shaped) - fade
        if position >= num_samples:
            break
    return joined
