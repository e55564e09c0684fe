"""Walk models of recordings whose strokes are known, made in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from small_dataset_audio.library import Library
from small_dataset_audio.workflow import ModelPipeline, load_pipeline, quick_model
from tiny import RATE, write_recordings


def strokes(seed: int = 0) -> list[np.ndarray]:
    """Six recordings, each with strokes of its own kind that die away before the next: tones and noises, high and low."""
    rng = np.random.default_rng(seed)
    clips = []
    for number in range(6):
        clip = np.zeros(2 * RATE, np.float32)
        for begin in (0.1, 0.7, 1.3):
            time_s = np.arange(round(0.55 * RATE)) / RATE
            tone = np.sin(2 * np.pi * 90.0 * 2.1**number * time_s + rng.uniform(0, 6))
            hiss = rng.standard_normal(len(time_s))
            mix = (0.2 * number * hiss + tone) * np.exp(-time_s / rng.uniform(0.03, 0.08))
            clip[round(begin * RATE) :][: len(mix)] += (0.3 * mix).astype(np.float32)
        clips.append(clip)
    return clips


def walk_of(clips: list[np.ndarray], folder: Path, name: str) -> tuple[Library, ModelPipeline]:
    """A library with one walk model, and that model's pipeline."""
    recordings = write_recordings(folder / name, clips)
    library = Library(folder / "home")
    for _ in quick_model(recordings, library):
        pass
    return library, load_pipeline(f"{name}-walk", library=library)
