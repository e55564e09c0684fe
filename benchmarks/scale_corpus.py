"""A large folder of recordings, made out of a few: crops at other speeds and levels, seeded.

Sources are the recordings of Debian's ``sonic-pi-samples`` where they are installed, and always this program's demo corpus.
What is made is no music; it has the sizes of a large corpus, and its variety: durations from a tenth of a second to a
minute, mono and stereo, 44.1 and 48 kHz, 16 and 24 bits, pauses, loud and quiet.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from small_dataset_audio.audio.io import read_audio, resample
from small_dataset_audio.corpus.synthesis import write_demo_corpus

RECORDINGS = Path("/usr/share/sonic-pi/samples")
SHORTEST_S, LONGEST_S = 0.1, 60.0
_RATE_HZ = 48_000
_FADE_SAMPLES = 240
_MAX_SEMITONES = 12.0
_GAIN_DB = (-12.0, 0.0)


def write_large_corpus(folder: Path, num_files: int, total_s: float, *, seed: int = 0) -> None:
    """Write `num_files` audio files into `folder`, `total_s` seconds in all."""
    draws = np.random.default_rng(seed)
    sources = _sources()
    folder.mkdir(parents=True, exist_ok=True)
    for number, duration_s in enumerate(_durations(num_files, total_s, draws)):
        rate = int(draws.choice([44_100, 48_000]))
        audio = resample(_compose(sources, round(duration_s * _RATE_HZ), draws), _RATE_HZ, rate)
        if draws.random() < 0.5:
            right = np.roll(audio, int(draws.integers(0, 20))) * np.float32(draws.uniform(0.5, 1.0))
            audio = np.stack([audio, right])
        kind, subtype = [("wav", "PCM_16"), ("wav", "PCM_24"), ("flac", "PCM_16")][int(draws.integers(3))]
        sf.write(folder / f"recording {number + 1}.{kind}", audio.T, rate, subtype=subtype)


def _sources() -> list[NDArray[np.float32]]:
    paths = sorted(RECORDINGS.glob("*.flac"))
    with tempfile.TemporaryDirectory() as demo:
        return [_mono(path) for path in (*paths, *write_demo_corpus(Path(demo)))]


def _mono(path: Path) -> NDArray[np.float32]:
    decoded = read_audio(path)
    return resample(decoded.audio.mean(axis=0), decoded.sample_rate, _RATE_HZ)


def _durations(num_files: int, total_s: float, draws: np.random.Generator) -> NDArray[np.float64]:
    """Log-uniform, then stretched until they add up."""
    durations = np.exp(draws.uniform(np.log(SHORTEST_S), np.log(LONGEST_S), num_files))
    for _ in range(50):
        durations = np.clip(durations * (total_s / durations.sum()), SHORTEST_S, LONGEST_S)
    return durations


def _compose(sources: list[NDArray[np.float32]], num_samples: int, draws: np.random.Generator) -> NDArray[np.float32]:
    """Put crops end to end, each at a speed and a level of its own, some after a pause."""
    out = np.zeros(num_samples, dtype=np.float32)
    position = 0
    while position < num_samples:
        source = sources[int(draws.integers(len(sources)))]
        first = int(draws.integers(0, max(len(source) // 2, 1)))
        speed = 2.0 ** (draws.uniform(-_MAX_SEMITONES, _MAX_SEMITONES) / 12.0)
        piece = resample(source[first : first + num_samples], round(_RATE_HZ * speed), _RATE_HZ)
        piece = _faded(piece[: num_samples - position]) * np.float32(10.0 ** (draws.uniform(*_GAIN_DB) / 20.0))
        out[position : position + len(piece)] = piece
        position += len(piece) + (int(draws.integers(_RATE_HZ)) if draws.random() < 0.3 else 0)
    return out


def _faded(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    length = min(_FADE_SAMPLES, len(piece) // 2)
    faded = piece.copy()
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded
