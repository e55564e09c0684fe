"""Pictures of the sound benchmark: the corpus and a take of every system side by side, one picture for each corpus.

    python benchmarks/sound.py --budgets 180 --keep TAKES
    python benchmarks/sound_pictures.py TAKES --budget 180         writes docs/pictures/sound_ambi.png and so on

Each panel is a spectrogram from 0 to 20 kHz on a mel axis, as ears space it, in dB below its own loudest point, all on one
colour scale and as long as a take. The corpus's panel plays whole recordings one after another, in the order of a seed, as
:mod:`measures.programme` does, so that what one sees beside it is what a faithful take could look like.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from measures.clips import Clip, audible, read_clip, read_folder
from measures.logmel import RATE_HZ
from measures.programme import play
from numpy.typing import NDArray
from PIL import Image
from sound import SAMPLES
from sound_table import BASELINES, SYSTEMS, TITLES

from small_dataset_audio.errors import AudioFileError, CorpusError, SdaError
from small_dataset_audio.files import write_bytes

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
HIGHEST_HZ = 20_000
N_FFT = 4096
N_MELS = 200
COLUMNS = 260
RANGE_DB = 80.0
STEP_DB = 1.25  # what two neighbouring colours differ by; the fewer there are, the smaller the file
_TICKS_HZ = (0, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_COLOUR_MAP = colormaps["magma"].resampled(round(RANGE_DB / STEP_DB))
_INK, _QUIET_INK = "#27323b", "#7b8893"
_DPI = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw a picture for each corpus that takes were kept of; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("takes", type=Path, help="folder that sound.py --keep wrote")
    parser.add_argument("--budget", type=float, default=180.0, metavar="SECONDS", help="of what was trained")
    parser.add_argument(
        "--seed", type=int, default=0, help="which take of each system, and the order of the recordings"
    )
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder of the recordings")
    parser.add_argument("--output", type=Path, default=PICTURES)
    options = parser.parse_args(arguments)
    try:
        for folder in _corpora(options.takes):
            panels = panels_of(folder, options.samples, options.budget, options.seed)
            options.output.mkdir(parents=True, exist_ok=True)
            path = options.output / f"sound_{folder.name}.png"
            write_bytes(path, draw(panels, f"{folder.name}, {options.budget:g} s of training"))
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    except SdaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _corpora(takes: Path) -> list[Path]:
    folders = sorted(path for path in takes.iterdir() if path.is_dir()) if takes.is_dir() else []
    if not folders:
        raise CorpusError(f"{takes} holds no takes; make some with sound.py --keep {takes}")
    return folders


def panels_of(folder: Path, samples: Path, budget_s: float, seed: int) -> list[tuple[str, Clip]]:
    """Choose what is drawn, title and audio: the corpus and a take of every system, of one length. A baseline may be absent.

    Raises
    ------
    AudioFileError
        A system's take was not kept.
    """
    takes = []
    for system in SYSTEMS:
        name = system if system in BASELINES else f"{system}-{budget_s:g}s"
        path = folder / name / f"seed {seed:03d}.wav"
        if system in BASELINES and not path.parent.is_dir():
            continue  # takes that were kept before there was this baseline
        if not path.is_file():
            raise AudioFileError(f"{path} is missing; keep it with sound.py --keep, or name another --budget or --seed")
        takes.append((TITLES[system], read_clip(path)))
    corpus = audible(read_folder(samples, f"{folder.name}_*"), what="the corpus")
    played = play(corpus, takes[0][1].duration_s, np.random.default_rng(seed))[0]
    return [("corpus", played), *takes]


def draw(panels: Sequence[tuple[str, Clip]], title: str) -> bytes:
    """Draw the spectrograms side by side.

    Parameters
    ----------
    panels : sequence of (str, Clip)
        Title and audio, none silent.
    title : str

    Returns
    -------
    bytes
        PNG with a palette.
    """
    figure = Figure(figsize=(14.0, 4.2), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        1,
        len(panels) + 1,
        width_ratios=[*([1.0] * len(panels)), 0.06],
        left=0.05,
        right=0.95,
        top=0.83,
        bottom=0.12,
        wspace=0.06,
    )
    figure.text(0.05, 0.94, title, color=_INK, fontsize=12, weight="bold", va="center")
    for column, (name, clip) in enumerate(panels):
        axes = figure.add_subplot(grid[0, column])
        _draw_panel(axes, clip, is_first=column == 0)
        axes.set_title(name, color=_INK, fontsize=9.5, loc="left", pad=5)
    bar = figure.colorbar(axes.images[0], cax=figure.add_subplot(grid[0, len(panels)]))
    bar.set_ticks([0, -20, -40, -60, -80])
    bar.set_label("dB below the loudest", color=_INK, fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8, colors=_INK)
    canvas.draw()
    return _as_png(np.asarray(canvas.buffer_rgba()))


def _draw_panel(axes: Axes, clip: Clip, *, is_first: bool) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=8, colors=_INK)
    top = float(librosa.hz_to_mel(HIGHEST_HZ))
    axes.imshow(
        levels_db(clip),
        origin="lower",
        aspect="auto",
        extent=(0.0, clip.duration_s, 0.0, top),
        cmap=_COLOUR_MAP,
        vmin=-RANGE_DB,
        vmax=0.0,
        interpolation="nearest",
    )
    labels = [f"{hz // 1000}k" if hz >= 1000 else f"{hz}" for hz in _TICKS_HZ] if is_first else []
    axes.set_yticks([float(librosa.hz_to_mel(hz)) for hz in _TICKS_HZ] if is_first else [], labels)
    axes.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))  # the last would touch the next panel's first
    axes.set_xlabel("time (s)", color=_QUIET_INK, fontsize=8.5)
    if is_first:
        axes.set_ylabel("frequency (Hz)", color=_INK, fontsize=8.5)


def levels_db(clip: Clip) -> NDArray[np.float32]:
    """Mel spectrogram [shape=(N_MELS, COLUMNS), dB below its loudest point, -80 to 0]."""
    samples = clip.at(RATE_HZ)
    hop_length = max(len(samples) // COLUMNS, 1)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=N_FFT, hop_length=hop_length, n_mels=N_MELS, fmin=0.0, fmax=HIGHEST_HZ
    )
    return np.asarray(
        librosa.power_to_db(power[:, :COLUMNS], ref=np.max, amin=1e-20, top_db=RANGE_DB), dtype=np.float32
    )


def _as_png(rgba: NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(rgba).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
