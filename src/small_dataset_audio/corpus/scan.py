"""A folder of recordings becomes checked 48 kHz clips; what was done to each file is reported, never silent.

One bad file never stops a folder: it is skipped, and named with the reason; so that this holds for one that crashes its
decoder as well, decoding happens in a process of its own. The same recording twice (by content, in whatever container) is
used once. Each file is decoded once; the files of the user are only ever opened for reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from small_dataset_audio.audio.formats import READABLE_FORMATS
from small_dataset_audio.audio.guarded_decoder import GuardedDecoder
from small_dataset_audio.corpus.folder import FoundFile, list_files
from small_dataset_audio.corpus.intake import take_in
from small_dataset_audio.corpus.levels import even_out
from small_dataset_audio.corpus.records import Clip, Corpus, FileReport, ScanConfig, ScanProgress
from small_dataset_audio.errors import CorpusError
from small_dataset_audio.memory import release_free_memory

__all__ = [
    "MODEL_SCAN",
    "Clip",
    "Corpus",
    "FileReport",
    "ScanConfig",
    "ScanProgress",
    "iter_scan",
    "require_usable",
    "scan_corpus",
]

MODEL_SCAN = ScanConfig(even_levels=True)
"""How recordings are read that a model is made of; `sda inspect` shows what that does to them."""

_DEFAULT_CONFIG = ScanConfig()
_HEARD_DB = 0.5  # what is less is not heard, and need not be read


def scan_corpus(
    folder: Path,
    config: ScanConfig = _DEFAULT_CONFIG,
    *,
    on_file: Callable[[int, int, FileReport], None] | None = None,
) -> Corpus:
    """Read every recording below `folder`.

    Parameters
    ----------
    folder : Path
    config : ScanConfig
    on_file : callable, optional
        Called after each file with (files done, files in all, its report), in the order of the result.

    Returns
    -------
    Corpus
        With no clips where nothing in the folder can be used: see :func:`require_usable`.

    Raises
    ------
    CorpusError
        `folder` is missing, not a folder, or cannot be listed.
    InvalidConfigError
        See :meth:`ScanConfig.validate`.
    """
    steps = iter_scan(folder, config)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            corpus: Corpus = end.value
            return corpus
        if on_file is not None:
            on_file(progress.done, progress.total, progress.report)


def iter_scan(folder: Path, config: ScanConfig = _DEFAULT_CONFIG) -> Generator[ScanProgress, None, Corpus]:
    """Do the same file by file: yields after each, and returns the corpus (``corpus = yield from iter_scan(folder)``).

    Raises
    ------
    CorpusError, InvalidConfigError
        As :func:`scan_corpus`.

    Warns
    -----
    RuntimeWarning
        There is no process to decode in: see :class:`small_dataset_audio.audio.guarded_decoder.GuardedDecoder`.
    """
    config.validate()
    found = _list(folder, config)
    clips: dict[str, Clip] = {}
    reports: list[FileReport] = []
    held_s = 0.0
    with GuardedDecoder() as decoder:
        for file in found:
            report, clip = _take_in(file, config, held_s, decoder)
            if clip is not None and (first := clips.get(clip.content_hash)) is not None:
                report = replace(
                    report, status="duplicate", reason=f"same recording as {first.name}", duplicate_of=first.name
                )
            elif clip is not None:
                if config.even_levels:
                    clip = even_out(clip)
                    report = _with_level(report, clip.level_db)
                clips[clip.content_hash] = clip
                held_s += clip.duration_s
            reports.append(report)
            yield ScanProgress(len(reports), len(found), report)
    release_free_memory()
    return Corpus(folder, tuple(clips.values()), tuple(reports))


def require_usable(corpus: Corpus) -> Corpus:
    """Return `corpus` as it is, if there is anything in it to learn from.

    Raises
    ------
    CorpusError
        Names the folder, how many files were looked at, the most common reasons, and the next step.
    """
    if corpus.clips:
        return corpus
    if not corpus.files:
        raise CorpusError(f"{corpus.folder} holds no audio files; put recordings into it ({READABLE_FORMATS} are read)")
    causes = Counter(report.cause for report in corpus.files).most_common(3)
    reasons = ", ".join(f"{cause} ({count})" for cause, count in causes)
    count = len(corpus.files)
    looked_at = "1 file was looked at" if count == 1 else f"{count} files were looked at"
    raise CorpusError(
        f"{corpus.folder} holds nothing to learn from: {looked_at}: {reasons}; put recordings into it "
        f"({READABLE_FORMATS} are read)"
    )


def _list(folder: Path, config: ScanConfig) -> list[FoundFile]:
    try:
        return list_files(folder, follow_links=config.follow_links)
    except FileNotFoundError as error:
        raise CorpusError(f"{folder} does not exist; check the path of your recordings") from error
    except NotADirectoryError as error:
        raise CorpusError(f"{folder} is not a folder; give the folder that holds your recordings") from error
    except OSError as error:
        reason = error.strerror or error
        raise CorpusError(
            f"{folder} cannot be read ({reason}); change its permissions, or copy the recordings elsewhere"
        ) from error


def _take_in(
    file: FoundFile, config: ScanConfig, held_s: float, decoder: GuardedDecoder
) -> tuple[FileReport, Clip | None]:
    if file.problem:
        return FileReport(file.name, "skipped", file.problem), None
    if held_s >= config.max_total_s:
        limit = f"{config.max_total_s / 3600:.3g} h"
        return FileReport(file.name, "skipped", f"too much audio: the {limit} before it are all that is held"), None
    return take_in(file.path, file.name, config, decoder.decode)


def _with_level(report: FileReport, level_db: float) -> FileReport:
    """Say by how much the level was changed, where that is to be heard."""
    if abs(level_db) < _HEARD_DB:
        return report
    note = f"level changed by {level_db:+.1f} dB"
    return replace(report, notes=(*report.notes, note), marks=report.marks | {"levelled"})
