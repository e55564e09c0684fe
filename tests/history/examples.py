"""A take as the history has it."""

from __future__ import annotations

from pathlib import Path

from small_dataset_audio.history import TakeRecord

TAKE = TakeRecord(
    id=0,
    made_at="2026-11-29T10:00:00+00:00",
    model_name="rain",
    model_sha256="ab" * 32,
    seed=40,
    audio_path=Path("/takes/one.wav"),
    sidecar_path=Path("/takes/one.json"),
    picture_path=None,
    duration_s=2.5,
    sample_rate=48_000,
    bit_depth="24-bit",
    channels=2,
    rating="green",
    reason="clean",
    similarity_percent=80.5,
    copied_share=None,
    audio_sha256="cd" * 32,
    settings={"duration_s": 2.5, "novelty": "high"},
)
