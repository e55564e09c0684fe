"""Are takes like a file nearer to it than others? Measured on recordings that the model has never heard.

    python benchmarks/near.py                  prints the table
    python benchmarks/near.py --save           also writes results/near.json and results/near.md
    python benchmarks/near.py --samples DIR    recordings named CORPUS_*.flac, by default those of sonic-pi-samples

From each corpus one recording is left out, and a model made of the others without training. Takes like the recording that was
left out are held against takes of other seeds, by a measure that the program knows nothing of: the energy distance (G. Szekely
and M. Rizzo, 2013) between clouds of MFCCs, of librosa, without the first one, which is the level. Frames within 40 dB of the
loudest count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile
from machine import commit, machine_name
from scipy.spatial.distance import cdist

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.inference.generation import GenerationPipeline
from small_dataset_audio.library import Library
from small_dataset_audio.workflow import WalkModelReady, load_pipeline, near_recordings, quick_model, variation_of

RESULTS = Path(__file__).parent / "results"
RECORDINGS = Path("/usr/share/sonic-pi/samples")
LEFT_OUT = (
    *("tabla_ghe5", "tabla_te_m", "drum_tom_hi_soft", "drum_cymbal_soft"),
    *("loop_compus", "loop_mika", "ambi_piano", "ambi_dark_woosh"),
)
TAKE_S = 4.0
NUM_RANDOM = 20
NUM_LIKE = 3
STRENGTHS = (0.7, 1.0)
AMOUNTS = (0.1, 0.2, 0.5, 1.0)
RATE = 48_000
_MOST_FRAMES = 400


def main() -> None:
    """Measure all, print, and save where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write results/near.json and results/near.md")
    parser.add_argument("--samples", type=Path, default=RECORDINGS, help="folder of the recordings")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name in LEFT_OUT:
            rows.append(measure(options.samples, name, Path(folder) / name))
            print(name, json.dumps(rows[-1]["beaten"]), flush=True)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "rows": rows,
    }
    table = table_of(report)
    print(table)
    if options.save:
        (RESULTS / "near.json").write_text(json.dumps(report, indent=2) + "\n")
        (RESULTS / "near.md").write_text(table)


def measure(samples: Path, left_out: str, folder: Path) -> dict[str, Any]:
    """Leave one recording out, and measure takes like it, takes of other seeds, and variations of one."""
    pipeline = model_without(samples, left_out, folder)
    wanted = samples / f"{left_out}.flac"
    reference = cloud_of_file(wanted)
    near = near_recordings(pipeline, [wanted])
    base = GenerationConfig(duration_s=TAKE_S)
    random = distances(pipeline, [replace(base, seed=seed) for seed in range(NUM_RANDOM)], reference)
    like = {}
    for strength in STRENGTHS:
        configs = [replace(base, seed=1000 + seed, near=near, near_strength=strength) for seed in range(NUM_LIKE)]
        like[f"{strength:g}"] = distances(pipeline, configs, reference)
    return {
        "left_out": left_out,
        "random": random,
        "like": like,
        "beaten": {strength: share_beaten(found, random) for strength, found in like.items()},
        "varied": measure_variations(pipeline, folder),
    }


def measure_variations(pipeline: GenerationPipeline, folder: Path) -> dict[str, float]:
    """Mean share of a take's frames whose log mels a variation of each amount moves by more than 3 dB in the mean."""
    first = pipeline.generate(GenerationConfig(duration_s=TAKE_S, seed=1, novelty="low"))
    _, sidecar = pipeline.export(first, folder / "varied", "first.wav")
    mel = log_mel(first.audio)
    shares = {}
    for amount in AMOUNTS:
        apart = []
        for seed in range(2):
            config = variation_of(sidecar, amount=amount, seed=seed, model=str(folder / "model")).config
            apart.append(float((np.abs(log_mel(pipeline.generate(config).audio) - mel).mean(axis=0) > 3.0).mean()))
        shares[f"{amount:g}"] = float(np.mean(apart))
    return shares


def model_without(samples: Path, left_out: str, folder: Path) -> GenerationPipeline:
    """Make a model of a corpus without one of its recordings; a link to it is ``folder/model``."""
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    for path in sorted(samples.glob(f"{left_out.partition('_')[0]}_*.flac")):
        if path.stem != left_out:
            shutil.copy(path, recordings)
    library = Library(folder / "home")
    *_, ready = quick_model(recordings, library)
    assert isinstance(ready, WalkModelReady)  # noqa: S101 - the last event
    (folder / "model").symlink_to(ready.folder)
    return load_pipeline(ready.name, library=library)


def distances(pipeline: GenerationPipeline, configs: Sequence[GenerationConfig], reference: np.ndarray) -> list[float]:
    """Energy distance of each take to a cloud."""
    return [energy_distance(cloud(pipeline.generate(config).audio), reference) for config in configs]


def share_beaten(like: Sequence[float], random: Sequence[float]) -> float:
    """Share of all pairs in which the take like the file is nearer to it than the other."""
    return float((np.asarray(like)[:, None] < np.asarray(random)).mean())


def cloud_of_file(path: Path) -> np.ndarray:
    """Cloud of a recording, in mono at 48 kHz."""
    audio, rate = soundfile.read(path, always_2d=True, dtype="float32")
    return cloud(librosa.resample(audio.mean(axis=1), orig_sr=rate, target_sr=RATE))


def cloud(audio: np.ndarray) -> np.ndarray:
    """MFCCs 1 to 19 of what sounds, 400 frames of it at most [shape=(frames, 19)]."""
    features = librosa.feature.mfcc(y=audio, sr=RATE, n_mfcc=20).T[:, 1:]
    level = librosa.feature.rms(y=audio)[0]
    sounding = features[level > 0.01 * level.max()]
    return sounding[np.linspace(0, len(sounding) - 1, min(len(sounding), _MOST_FRAMES)).astype(int)]


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Log mel spectrogram [dB, floored 60 dB under its peak]."""
    return librosa.power_to_db(librosa.feature.melspectrogram(y=audio, sr=RATE, n_mels=64), ref=np.max, top_db=60.0)


def energy_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Energy distance between two clouds: 0 where they are distributed alike."""
    return float(2.0 * cdist(one, other).mean() - cdist(one, one).mean() - cdist(other, other).mean())


def table_of(report: dict[str, Any]) -> str:
    """Say it in Markdown."""
    rows = report["rows"]
    lines = [
        "# Near this one",
        "",
        f"{report['date']}, commit {report['commit']}, {report['machine']}. Made by `python benchmarks/near.py --save`.",
        "",
        f"A recording is left out of its corpus, a model made of the others without training. Takes of {TAKE_S:g} s like it "
        f"({NUM_LIKE} for each strength) against {NUM_RANDOM} of other seeds: median energy distance of MFCC clouds to the "
        "recording, and in brackets the share of the other takes that are further away.",
        "",
        "| left out | others | " + " | ".join(f"strength {strength:g}" for strength in STRENGTHS) + " |",
        "| --- | --- |" + " --- |" * len(STRENGTHS),
    ]
    for row in rows:
        cells = [f"{np.median(row['like'][key]):.0f} ({100 * row['beaten'][key]:.0f} %)" for key in row["like"]]
        lines.append(f"| {row['left_out']} | {np.median(row['random']):.0f} | " + " | ".join(cells) + " |")
    means = [100 * np.mean([row["beaten"][key] for row in rows]) for key in rows[0]["beaten"]]
    lines += [
        "| mean | | " + " | ".join(f"{mean:.1f} %" for mean in means) + " |",
        "",
        "Variations of one take of each model, played as recorded (`--novelty low`): share of its moments whose spectrum is "
        "then more than 3 dB off in the mean.",
        "",
        "| amount | " + " | ".join(rows[0]["varied"]) + " |",
        "| --- |" + " --- |" * len(rows[0]["varied"]),
        "| changed | "
        + " | ".join(f"{100 * np.mean([row['varied'][key] for row in rows]):.0f} %" for key in rows[0]["varied"])
        + " |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
