"""Small things to test with: synthetic recordings, a narrow model, a fresh interpreter."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

from small_dataset_audio.models.config import VAEConfig
from small_dataset_audio.models.vae import ConvVAE

RATE = 48_000


def pluck(frequency_hz: float, duration_s: float, seed: int = 0) -> np.ndarray:
    """A decaying note with five partials, a noisy attack and a little breath."""
    time_s = np.arange(round(duration_s * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * frequency_hz * k * time_s) * np.exp(-k * time_s) / k for k in range(1, 6))
    noise = np.random.default_rng(seed).standard_normal(len(time_s)) * (0.01 + 0.1 * np.exp(-60.0 * time_s))
    return (0.3 * tone + noise).astype(np.float32)


def five_clips() -> list[np.ndarray]:
    return [pluck(110.0 * 1.5**number, 0.5 + 0.15 * number, seed=number) for number in range(5)]


def write_recordings(folder: Path, clips: Sequence[np.ndarray] | None = None) -> Path:
    """A folder of WAVs as a musician's might be: two rates, one in stereo, one in a folder of its own."""
    (folder / "more").mkdir(parents=True)
    for number, clip in enumerate(five_clips() if clips is None else clips):
        rate = RATE if number % 2 else 44_100
        audio = np.stack([clip, 0.5 * clip], axis=1) if number == 3 else clip
        path = folder / ("more" if number == 4 else ".") / f"pluck {number}.wav"
        soundfile.write(path, audio, rate, subtype="PCM_16")
    return folder


def narrow_model(seed: int = 0, *, width: int = 16, latent_dim: int = 4, **config: float) -> ConvVAE:
    """An untrained model, its weights drawn without touching torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ConvVAE(VAEConfig(width=width, latent_dim=latent_dim, **config)).eval()


def hashes_below(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and modification time of every file."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def start_python(program: str, *arguments: str | Path, **environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `program` to its end in a fresh interpreter that may import from ``tests/``."""
    search_path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    variables = {name: str(value) for name, value in environment.items()}
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": search_path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def run_python(program: str, *arguments: str | Path, **environment: str | Path) -> str:
    """Do the same with a program that must succeed; returns what it prints."""
    done = start_python(program, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def corpus_audio_in(folder: Path) -> Path:
    """The file that holds the recordings of a model."""
    (path,) = folder.glob("corpus*.flac")
    return path


def with_older_audio_name(folder: Path) -> Path:
    """Name the recordings of a model as releases before 0.2 did, and as whoever makes a model file by hand may."""
    return corpus_audio_in(folder).replace(folder / "corpus.flac")
