"""The table of the sound benchmark, written from its committed rows.

    python benchmarks/sound_table.py        writes results/sound.md from results/sound.json

``sound.py --save`` does so by itself; by hand it is for a table whose wording or whose goals have changed. Nothing is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sound_goals import EARLY_GOAL, GOALS, LATE_BUDGET_S, RULES, Row, Verdict, with_verdicts

from small_dataset_audio.files import write_bytes, write_json

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "ours": "ours",
    "novel": "ours, novelty high",
    "plain": "plain",
    "first": "first sound",
    "whole": "whole recordings",
    "walk": "walk",
    "shuffle": "shuffle",
}
TRAINED = ("ours", "novel", "plain")
BASELINES = ("first", "whole", "walk", "shuffle")
SYSTEMS = (*TRAINED, *BASELINES)
_MISSING = "-"


# --- Rows ------------------------------------------------------------------------------------------------------------


def read_rows(folder: Path) -> list[Row]:
    """Read the rows that earlier runs saved; none where nothing was."""
    path = folder / "sound.json"
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    return rows


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Judge the rows, and write them with their table."""
    folder.mkdir(exist_ok=True)
    judged = with_verdicts(rows)
    write_json(folder / "sound.json", {"rows": judged})
    write_bytes(folder / "sound.md", markdown(judged).encode())


def merge(rows: Sequence[Row], new: Row) -> list[Any]:
    """Put a row among the others, in place of one of its corpus and budget; half a row never replaces a whole one.

    A row is replaced as a whole: the systems of a row always come from one run.
    """
    key = (new["corpus"], new["budget_s"])
    before = next((row for row in rows if (row["corpus"], row["budget_s"]) == key), None)
    if before is None:
        return [*rows, new]
    if not set(before["systems"]) <= set(new["systems"]):
        return list(rows)
    return [new if row is before else row for row in rows]


# --- Markdown --------------------------------------------------------------------------------------------------------


def _number(decimals: int, unit: str = "") -> Callable[[float], str]:
    return lambda value: f"{value:.{decimals}f}{unit}"


def _percent(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")


@dataclass(frozen=True)
class _Line:
    """A line of the table: a figure of every system, or (without a figure) a goal's ratio of ours alone."""

    name: str
    figure: str | None
    show: Callable[[float], str]
    error: str | None = None
    """Figure that holds its standard error."""


_RATIO = _number(3)
_LINES = (
    _Line("KAD", "kad", _number(1), error="kad_standard_error"),
    _Line("KAD over plain's", None, _RATIO),
    _Line("KAD over shuffle's", None, _RATIO),
    _Line("KAD over walk's", None, _RATIO),
    _Line("KAD at 60 s over plain's at 180 s", None, _RATIO),
    _Line("density", "density", _number(2)),
    _Line("coverage", "coverage", _number(2)),
    _Line("coverage over walk's", None, _RATIO),
    _Line("copied share", "copied_share", _percent),
    _Line("copied share, novelty high", None, _percent),
    _Line("longest copied stretch", "longest_copied_s", _number(2, " s")),
    _Line("resemblance", "resemblance_db", _number(1, " dB")),
    _Line("flux median ratio", "flux_median_ratio", _number(2)),
    _Line("flux p99 ratio", "flux_p99_ratio", _number(2)),
    _Line("onset distance", "onset_distance_db", _number(3, " dB")),
    _Line("onset distance over plain's", None, _RATIO),
    _Line("loudness distance", "loudness_distance_db", _number(1, " dB")),
    _Line("loudness distance over plain's", None, _RATIO),
    _Line("silent share", "silent_share", _percent),
    _Line("partials in tune", "in_tune_share", _percent),
    _Line("partials in tune, by chance", "in_tune_by_chance", _percent),
    _Line("beating", "swing_ratio", _number(2)),
    _Line("stable partials, ratio", "stable_peaks_ratio", _number(2)),
    _Line("training time", "training_s", _number(0, " s")),
    _Line("training steps", "steps", _number(0)),
    _Line("training, peak memory", "training_peak_mb", _number(0, " MB")),
    _Line("ready to generate after", "ready_s", _number(1, " s")),
    _Line("real-time factor", "real_time_factor", _number(4)),
    _Line("generation, peak memory", "generation_peak_mb", _number(0, " MB")),
)
_SHOW = {line.name: line.show for line in _LINES}

_INTRODUCTION = """# Sound

*Ours* is the default through the public workflow, *ours, novelty high* the same model with that setting, *plain* the plain
recipe of `benchmarks/plain_recipe.py` with the same budget and seeds, *first sound* the model that `sda generate FOLDER` makes
without training, *walk* and *shuffle* baselines without a model. *Whole recordings* are no rival but a limit: the corpus
itself, one recording after another in random order, after what is done to every recording and every take (offsets taken out,
levels evened out, 20 kHz low-pass), with nothing else in between. What each figure means is told in `benchmarks/measures/`.
Ready to generate is a system that has loaded its model, or has made it where nothing is trained. Behind ± stands the standard
error of KAD over the takes (a jackknife): the noise of these seeds, to which that of a training comes on top. Goals are stated
for a budget of 180 s on 2 cores and judged at every budget. All systems of one corpus at one budget were measured in one run;
the table may be filled by several runs, each dated below. Made by `python benchmarks/sound.py --save`.
"""


def markdown(judged: Sequence[Row]) -> str:
    """Write the goals of all corpora, then one table for each corpus, from rows that have their verdicts."""
    corpora = list(dict.fromkeys(row["corpus"] for row in judged))
    parts = [_corpus_table([row for row in judged if row["corpus"] == corpus]) for corpus in corpora]
    return "\n".join([_INTRODUCTION, *_goals_table(judged), *parts])


def _goals_table(judged: Sequence[Row]) -> list[str]:
    """Goals by corpora at the budget they are stated for; nothing where no row has it."""
    late = {row["corpus"]: row for row in judged if row["budget_s"] == LATE_BUDGET_S}
    if not late:
        return []
    head = ["", "goal", *late]
    lines = [f"## Goals at {LATE_BUDGET_S:g} s", "", _cells(head), _cells(["---"] * len(head))]
    for goal in (*GOALS, EARLY_GOAL):
        verdicts = [_verdict_of(goal.name, corpus, judged) for corpus in late]
        if any(verdicts):
            lines.append(_cells([goal.name, goal.rule, *(_judged(goal.name, verdict) for verdict in verdicts)]))
    return ["\n".join(lines) + "\n"]


def _verdict_of(goal: str, corpus: str, judged: Sequence[Row]) -> Verdict | None:
    """Return the verdict at the late budget; the early goal's own stands with the early budget."""
    rows = [row for row in judged if row["corpus"] == corpus]
    if goal != EARLY_GOAL.name:
        rows = [row for row in rows if row["budget_s"] == LATE_BUDGET_S]
    return next((verdict for row in rows for verdict in row["goals"] if verdict["goal"] == goal), None)


def _judged(name: str, verdict: Verdict | None) -> str:
    if verdict is None:
        return _MISSING
    shown = _MISSING if verdict["value"] is None else _SHOW[name](verdict["value"])
    return f"{shown} {'met' if verdict['met'] else 'missed'}"


def _corpus_table(rows: Sequence[Row]) -> str:
    rows = sorted(rows, key=lambda row: row["budget_s"])
    columns = [(name, row, f"{TITLES[name]}, {row['budget_s']:g} s") for name in TRAINED for row in rows]
    columns = [(name, row, title) for name, row, title in columns if name in row["systems"]]
    for name in BASELINES:
        having = [row for row in rows if name in row["systems"]]
        columns += [(name, max(having, key=lambda row: row["date"]), TITLES[name])] if having else []
    judged = {verdict["goal"] for row in rows for verdict in row["goals"]}
    head = ["", "goal", *[title for _, _, title in columns]]
    lines = [f"## {rows[0]['corpus']}", "", _summary(rows), "", _cells(head), _cells(["---"] * len(head))]
    for line in _LINES:
        cells = [_cell(line, system, row) for system, row, _ in columns]
        if any(cell != _MISSING for cell in cells):
            lines.append(_cells([line.name, RULES[line.name] if line.name in judged else "", *cells]))
    return "\n".join(lines) + "\n"


def _cell(line: _Line, system: str, row: Row) -> str:
    verdict = next((v for v in row["goals"] if system == "ours" and v["goal"] == line.name), None)
    if verdict is not None:
        return _judged(line.name, verdict)
    figures = row["systems"][system]
    value = figures.get(line.figure) if line.figure else None
    if value is None:
        return _MISSING
    error = figures.get(line.error) if line.error else None
    return line.show(value) if error is None else f"{line.show(value)} ±{line.show(error)}"


def _summary(rows: Sequence[Row]) -> str:
    first = rows[0]
    text = f"{first['recordings']} recordings, {first['recordings_s']:g} s; {first['takes']} takes of {first['take_s']:g} s. "
    corpus_itself = next(iter(first["systems"].values()))
    own, others = corpus_itself["resemblance_corpus_own_db"], corpus_itself["resemblance_corpus_others_db"]
    text += (
        f"Resemblance of a recording to itself, over 0.5 s away: {_decibels(own)}; to the others: {_decibels(others)}. "
    )
    if "corpus_silent_share" in corpus_itself:
        text += f"Silent for {_percent(corpus_itself['corpus_silent_share'])} of the time. "
    for row in rows:
        met = sum(verdict["met"] for verdict in row["goals"])
        text += f"{row['budget_s']:g} s: {met} of {len(row['goals'])} goals met ({row['date']}, commit {row['commit']}"
        text += f", {row['machine']}, Python {row['python']}). "
    return text.rstrip()


def _decibels(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.1f} dB"


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    write_rows(RESULTS, read_rows(RESULTS))
