"""The dataset doctor: what was found in a folder, what was done to it, and what to know, as numbers and plain words."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from small_dataset_audio.corpus.records import Corpus, FileReport, Mark, ScanConfig
from small_dataset_audio.corpus.scan import scan_corpus

_DULL_RATE_HZ: Final = 32_000
_LAYOUT_NAMES: Final = MappingProxyType({1: "mono", 2: "stereo"})

_WARNING_OF: Final[Mapping[Mark, str]] = MappingProxyType(
    {
        "truncated": "{} cut short or damaged: what is there is used; copy from the recorder again if you can",
        "capped": "{} too long to hold in memory: the beginning is used; cut into parts to use the rest",
        "clipped": "{} clipped (flat tops at full scale): used as they are, so takes may carry the distortion",
        "over_full_scale": "{} over full scale (float samples over 1.0): used as they are; takes are normalised",
        "eight_bit": "{} stored in 8 bits: used, and the noise of it is learned as well",
        "dc_offset": "{} with a constant offset (DC): removed by a high-pass at 10 Hz",
        "wrong_extension": "{} with an extension that does not fit the content: read by content",
    }
)


@dataclass(frozen=True)
class CorpusSummary:
    """A corpus in numbers.

    The counts from `sample_rates` on, and the durations, are of the files that are used.

    Parameters
    ----------
    folder : str
    looked_at, used, skipped, duplicates : int
        Files; the last three add up to the first.
    duration_s, shortest_s, longest_s : float [seconds]
        Of all used files together, of the shortest and of the longest.
    reasons : mapping of str to int
        Why files are skipped, most common first.
    sample_rates : mapping of int to int
        Rate in Hz to number of files.
    channel_layouts : mapping of str to int
        ``"mono"``, ``"stereo"``, ``"6 channels"``.
    formats : mapping of str to int
        ``"WAV PCM_24"``.
    resampled, downmixed, padded, truncated, capped, clipped, over_full_scale, eight_bit, dc_offset, levelled : int
    wrong_extension : int
        Files with that note.
    content_hash : str
        Of the corpus, see :class:`Corpus`.
    warnings : tuple of str
        What to know, and what will be done about it.
    files : tuple of FileReport
    """

    folder: str
    looked_at: int
    used: int
    skipped: int
    duplicates: int
    duration_s: float
    shortest_s: float
    longest_s: float
    reasons: Mapping[str, int]
    sample_rates: Mapping[int, int]
    channel_layouts: Mapping[str, int]
    formats: Mapping[str, int]
    resampled: int
    downmixed: int
    padded: int
    truncated: int
    capped: int
    clipped: int
    over_full_scale: int
    eight_bit: int
    dc_offset: int
    levelled: int
    wrong_extension: int
    content_hash: str
    warnings: tuple[str, ...]
    files: tuple[FileReport, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and finite numbers, as strict JSON takes them."""
        result: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        result["sample_rates"] = {str(rate): count for rate, count in self.sample_rates.items()}
        for name in ("reasons", "channel_layouts", "formats"):
            result[name] = dict(result[name])
        result["warnings"] = list(self.warnings)
        result["files"] = [
            {**dataclasses.asdict(report), "notes": list(report.notes), "marks": sorted(report.marks)}
            for report in self.files
        ]
        return result


def inspect_folder(
    folder: Path,
    config: ScanConfig | None = None,
    *,
    on_file: Callable[[int, int, FileReport], None] | None = None,
) -> CorpusSummary:
    """Scan `folder` and summarise it; a folder with nothing usable in it is a result too.

    Raises
    ------
    CorpusError
        The folder is missing, not a folder, or cannot be listed.
    """
    return summarise(scan_corpus(folder, config or ScanConfig(), on_file=on_file))


def summarise(corpus: Corpus) -> CorpusSummary:
    """Count what a scan found."""
    used = [report for report in corpus.files if report.status == "used"]
    skipped = [report for report in corpus.files if report.status == "skipped"]
    duplicates = [report for report in corpus.files if report.status == "duplicate"]
    durations = [clip.duration_s for clip in corpus.clips]
    marks = Counter(mark for report in used for mark in report.marks)
    return CorpusSummary(
        folder=str(corpus.folder),
        looked_at=len(corpus.files),
        used=len(used),
        skipped=len(skipped),
        duplicates=len(duplicates),
        duration_s=corpus.duration_s,
        shortest_s=min(durations, default=0.0),
        longest_s=max(durations, default=0.0),
        reasons=_most_common_first(report.cause for report in skipped),
        sample_rates=dict(sorted(Counter(report.sample_rate for report in used).items())),
        channel_layouts=_most_common_first(
            _LAYOUT_NAMES.get(report.channels, f"{report.channels} channels") for report in used
        ),
        formats=_most_common_first(f"{report.format} {report.subtype}" for report in used),
        resampled=marks["resampled"],
        downmixed=marks["downmixed"],
        padded=marks["padded"],
        truncated=marks["truncated"],
        capped=marks["capped"],
        clipped=marks["clipped"],
        over_full_scale=marks["over_full_scale"],
        eight_bit=marks["eight_bit"],
        dc_offset=marks["dc_offset"],
        levelled=marks["levelled"],
        wrong_extension=marks["wrong_extension"],
        content_hash=corpus.content_hash,
        warnings=_warnings(corpus, used, skipped, duplicates, marks),
        files=corpus.files,
    )


def _warnings(
    corpus: Corpus,
    used: list[FileReport],
    skipped: list[FileReport],
    duplicates: list[FileReport],
    marks: Counter[Mark],
) -> tuple[str, ...]:
    warnings = list(corpus.warnings)
    if not used:
        warnings.append("nothing in this folder can be learned from: put recordings into it")
    if skipped:
        warnings.append(f"{_files(len(skipped))} skipped: the list of files says why")
    if duplicates:
        warnings.append(f"{_files(len(duplicates))} holding a recording that is there already: used once")
    dull = [report.sample_rate for report in used if report.sample_rate < _DULL_RATE_HZ]
    if dull:
        warnings.append(
            f"{_files(len(dull))} recorded at {max(dull)} Hz or less: used, but with no treble over {max(dull) // 2} Hz"
        )
    warnings += [words.format(_files(marks[mark])) for mark, words in _WARNING_OF.items() if marks[mark]]
    return tuple(warnings)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _most_common_first(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
