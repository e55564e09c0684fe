"""Vocoders side by side, without a model's choices: what a recording is after its own mel, and after the autoencoder's.

    python benchmarks/vocoders.py                         four corpora; trains a model of 60 s for each: about 15 minutes
    python benchmarks/vocoders.py --corpora tabla --budget 0      the recordings' own mels only, nothing is trained
    python benchmarks/vocoders.py --only griffin_lim random_32    these vocoders only
    python benchmarks/vocoders.py --models FOLDER         models trained before, in folders named like the corpora
    python benchmarks/vocoders.py --save                  also writes results/vocoders.json and results/vocoders.md

Every recording of a corpus is rendered from its own mel (*true*), and from what the model of that corpus makes of it (*coded*:
blurred, as everything is that is generated). Measured are

- *convergence*: distance of the rendered spectrogram to the magnitudes of the recording, relative to them, over all recordings:
  0 is equal (true mels only: blurred ones are no recording's);
- *mel distance*: mean absolute difference to the mel asked for, in dB, where that is not silent;
- *KAD* and *coverage* of the renderings against the recordings (``measures/``);
- *real-time factor*: seconds of rendering, mel inversion included, for each second of audio, one recording after the other;
- *processor factor*: the same in seconds of processor time over all threads, which other programs disturb less.

A vocoder to compare is one more line of ``VOCODERS``. The recordings are Debian's ``sonic-pi-samples``. Nothing else should
be running.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import commit, machine_name
from measures.clips import Clip, read_folder
from measures.coverage import density_coverage
from measures.embedding import embed, why_unavailable
from measures.kad import kad
from numpy.typing import NDArray
from torch import Tensor

from small_dataset_audio.audio.phase import griffin_lim
from small_dataset_audio.audio.spectrogram import AudioSpectrogram
from small_dataset_audio.files import write_bytes, write_json
from small_dataset_audio.library import Library
from small_dataset_audio.models.bundle import load_bundle
from small_dataset_audio.models.vocoder import GriffinLimVocoder, Vocoder
from small_dataset_audio.workflow import TrainRequest, train_corpus

RESULTS = Path(__file__).parent / "results"
SAMPLES = Path("/usr/share/sonic-pi/samples")
CORPORA = ("ambi", "tabla", "drum", "loop")
BUDGET_S = 60.0


class RandomStartVocoder:
    """Mel inversion, and Griffin-Lim from random phases: what a start from the magnitudes is compared with."""

    name = "random"

    def __init__(self, spectrogram: AudioSpectrogram, iterations: int) -> None:
        self._spectrogram = spectrogram
        self._iterations = iterations

    def render(self, mel: Tensor, num_samples: int, generator: torch.Generator) -> NDArray[np.float32]:
        """Render one spectrogram, as one block."""
        waveform = griffin_lim(
            self._spectrogram.mel_to_magnitude(mel),
            window=self._spectrogram.window,
            hop_length=self._spectrogram.config.hop_length,
            iterations=self._iterations,
            generator=generator,
        )
        rendered: NDArray[np.float32] = waveform[0, :num_samples].numpy()
        return rendered


MakeVocoder = Callable[[AudioSpectrogram], Vocoder]


def _random(iterations: int) -> MakeVocoder:
    return lambda spectrogram: RandomStartVocoder(spectrogram, iterations)


def _gradient(iterations: int) -> MakeVocoder:
    return lambda spectrogram: GriffinLimVocoder(spectrogram, iterations)


VOCODERS: dict[str, MakeVocoder] = {
    "griffin_lim": GriffinLimVocoder,
    **{f"gradient_{iterations}": _gradient(iterations) for iterations in (0, 2, 4, 8, 16, 32, 64)},
    **{f"random_{iterations}": _random(iterations) for iterations in (0, 2, 4, 8, 16, 32, 64)},
}


@dataclass(frozen=True)
class VocoderRow:
    """One vocoder on the mels of one corpus; the figures are explained above."""

    corpus: str
    mels: str
    vocoder: str
    convergence: float | None
    mel_distance_db: float
    kad: float
    coverage: float
    real_time_factor: float
    processor_factor: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and save where asked; returns the exit code."""
    options = _parse(arguments)
    problem = why_unavailable() or _what_is_absent(options.samples, options.corpora)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    rows = []
    for row in _measure(options):
        print(_line(row), file=sys.stderr)
        rows.append(row)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine_name(),
        "python": platform.python_version(),
        "budget_s": options.budget,
        "rows": [asdict(row) for row in rows],
    }
    table = _table(report)
    print(table)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        write_json(RESULTS / "vocoders.json", report)
        write_bytes(RESULTS / "vocoders.md", table.encode())
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA), metavar="PREFIX", help="of the file names")
    parser.add_argument("--only", nargs="+", default=list(VOCODERS), choices=VOCODERS, metavar="VOCODER")
    parser.add_argument(
        "--budget", type=float, default=BUDGET_S, metavar="SECONDS", help="of each model; 0 trains none"
    )
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="models named like the corpora, trained before")
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder of the recordings")
    parser.add_argument("--save", action="store_true", help="write results/vocoders.json and results/vocoders.md")
    return parser.parse_args(arguments)


def _what_is_absent(samples: Path, corpora: Sequence[str]) -> str | None:
    absent = [corpus for corpus in corpora if not any(samples.glob(f"{corpus}_*"))]
    return f"{samples} holds no {absent[0]}_* recording; install sonic-pi-samples, or name others" if absent else None


# --- The run ---------------------------------------------------------------------------------------------------------


def _measure(options: argparse.Namespace) -> Iterator[VocoderRow]:
    for corpus in options.corpora:
        recordings = read_folder(options.samples, f"{corpus}_*")
        spectrogram = AudioSpectrogram()
        audio = [recording.at(spectrogram.config.sample_rate) for recording in recordings]
        bench = Bench(corpus, recordings, audio, spectrogram)
        mels = {"true": [spectrogram.waveform_to_mel(torch.from_numpy(samples)) for samples in audio]}
        coded = _coded(options, corpus, mels["true"])
        if coded is not None:
            mels["coded"] = coded
        yield from bench.rows(mels, {name: VOCODERS[name] for name in options.only})


class Bench:
    """A corpus that renderings are measured against."""

    def __init__(
        self,
        corpus: str,
        recordings: Sequence[Clip],
        audio: Sequence[NDArray[np.float32]],
        spectrogram: AudioSpectrogram,
    ) -> None:
        self._corpus = corpus
        self._audio = audio
        self._spectrogram = spectrogram
        self._embedded = embed(recordings)
        self._names = [recording.name for recording in recordings]

    def rows(
        self, mels_of: Mapping[str, Sequence[Tensor]], vocoders: Mapping[str, MakeVocoder]
    ) -> Iterator[VocoderRow]:
        """Measure every vocoder on every kind of mel."""
        for kind, mels in mels_of.items():
            for name, make in vocoders.items():
                yield self._row(kind, mels, name, make(self._spectrogram))

    def _row(self, kind: str, mels: Sequence[Tensor], name: str, vocoder: Vocoder) -> VocoderRow:
        with torch.inference_mode():
            vocoder.render(mels[0], 1, torch.Generator().manual_seed(0))  # warm-up
            started, cpu_started = time.perf_counter(), time.process_time()
            rendered = [
                vocoder.render(mel, len(samples), torch.Generator().manual_seed(number))
                for number, (mel, samples) in enumerate(zip(mels, self._audio, strict=True))
            ]
            wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
            convergence = self._convergence(rendered) if kind == "true" else None
            mel_distance_db = self._mel_distance_db(rendered, mels)
        rate = self._spectrogram.config.sample_rate
        duration_s = sum(map(len, self._audio)) / rate
        clips = [Clip(clip_name, audio, rate) for clip_name, audio in zip(self._names, rendered, strict=True)]
        embedded = embed([clip for clip in clips if not clip.is_silent])
        return VocoderRow(
            corpus=self._corpus,
            mels=kind,
            vocoder=name,
            convergence=convergence,
            mel_distance_db=mel_distance_db,
            kad=kad(self._embedded, embedded),
            coverage=density_coverage(self._embedded, embedded).coverage,
            real_time_factor=wall_s / duration_s,
            processor_factor=cpu_s / duration_s,
        )

    def _convergence(self, rendered: Sequence[NDArray[np.float32]]) -> float:
        differences, wanted = 0.0, 0.0
        for made, samples in zip(rendered, self._audio, strict=True):
            recording = self._magnitude(samples)
            differences += float((self._magnitude(made) - recording).square().sum())
            wanted += float(recording.square().sum())
        return float(np.sqrt(differences / wanted))

    def _magnitude(self, samples: NDArray[np.float32]) -> Tensor:
        config = self._spectrogram.config
        return torch.stft(
            torch.from_numpy(samples),
            config.n_fft,
            config.hop_length,
            window=self._spectrogram.window,
            pad_mode="constant",
            return_complex=True,
        ).abs()

    def _mel_distance_db(self, rendered: Sequence[NDArray[np.float32]], mels: Sequence[Tensor]) -> float:
        differences = []
        for made, mel in zip(rendered, mels, strict=True):
            again = self._spectrogram.waveform_to_mel(torch.from_numpy(made))
            frames = min(again.shape[-1], mel.shape[-1])
            again, asked = again[..., :frames], mel[..., :frames]
            differences.append(20 * (again - asked).abs()[asked > self._spectrogram.log_floor + 0.01])
        return float(torch.cat(differences).mean())


def _coded(options: argparse.Namespace, corpus: str, mels: Sequence[Tensor]) -> list[Tensor] | None:
    """What a model of the corpus makes of its mels; None where there is no model."""
    with tempfile.TemporaryDirectory() as scratch:
        if options.models is not None:
            folder = options.models / corpus
            if not folder.is_dir():
                return None
        elif options.budget > 0:
            folder = _train(options, corpus, Path(scratch))
        else:
            return None
        model = load_bundle(folder, torch.device("cpu")).model
    return [model.autoencode(mel) for mel in mels]


def _train(options: argparse.Namespace, corpus: str, scratch: Path) -> Path:
    recordings = scratch / "recordings"
    recordings.mkdir()
    for path in options.samples.glob(f"{corpus}_*"):
        shutil.copy2(path, recordings)
    library = Library(scratch / "home")
    for _ in train_corpus(TrainRequest(recordings, corpus, budget_s=options.budget), library):
        pass
    return library.find(corpus)


# --- The table -------------------------------------------------------------------------------------------------------


def _line(row: VocoderRow) -> str:
    convergence = "-" if row.convergence is None else f"{row.convergence:.3f}"
    return (
        f"| {row.corpus} | {row.mels} | {row.vocoder} | {convergence} | {row.mel_distance_db:.2f} dB | {row.kad:.1f} "
        f"| {row.coverage:.2f} | {row.real_time_factor:.3f} | {row.processor_factor:.3f} |"
    )


def _table(report: dict[str, Any]) -> str:
    lines = [
        "# Vocoders",
        "",
        f"{report['date']}, commit {report['commit']}, {report['machine']}, Python {report['python']}; models of "
        f"{report['budget_s']:g} s. Made by `python benchmarks/vocoders.py --save`, which explains the figures. "
        "`griffin_lim` is the default; `gradient_8` starts from phase gradients and iterates 8 times, `random_8` from random "
        "phases.",
        "",
        "| corpus | mels | vocoder | convergence | mel distance | KAD | coverage | real-time factor | processor factor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(VocoderRow(**row)) for row in report["rows"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(main())
