"""The table of the sound benchmark: its rows, its goals, and whether each is met.

A row is one corpus at one budget: a dict with ``corpus``, ``budget_s``, where and when it was measured, and ``systems``, the
figures of *ours*, *plain*, *walk* and *shuffle*. KAD can be zero or less, where takes cannot be told from the corpus: there
is no ratio to such a figure, and the goal is then to be no farther away than it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SYSTEMS = ("ours", "plain", "walk", "shuffle")
EARLY_BUDGET_S, LATE_BUDGET_S = 60.0, 180.0
_MISSING = "-"

Row = Mapping[str, Any]
Verdict = dict[str, Any]


def merge(rows: Sequence[Row], new: Row) -> list[Any]:
    """Put a row among the others, in place of one of its corpus and budget; half a row never replaces a whole one."""
    key = (new["corpus"], new["budget_s"])
    before = next((row for row in rows if (row["corpus"], row["budget_s"]) == key), None)
    if before is None:
        return [*rows, new]
    if _is_whole(before) and not _is_whole(new):
        return list(rows)
    return [new if row is before else row for row in rows]


def _is_whole(row: Row) -> bool:
    return set(SYSTEMS) <= set(row["systems"])


# --- Goals -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Goal:
    """A figure of ours, alone or over another system's, and the range it shall lie in.

    Attributes
    ----------
    name : str
        As the table calls it.
    figure : str
        Key of a system's figures.
    rule : str
        The range in words.
    low, high : float
        Both included, unless `strict`.
    over : str or None
        System whose figure ours is divided by.
    strict : bool
        The bounds themselves do not count.
    """

    name: str
    figure: str
    rule: str
    low: float = float("-inf")
    high: float = float("inf")
    over: str | None = None
    strict: bool = False

    def judge(self, row: Row, against: Row) -> Verdict | None:
        """Value, and whether the goal is met; None where a figure is missing.

        Parameters
        ----------
        row : Row
            Has ours.
        against : Row
            Has the other system: the same row, or one of another budget.
        """
        ours = row["systems"].get("ours", {}).get(self.figure)
        if self.over is None:
            return None if ours is None else self._verdict(ours, self._holds(ours))
        other = against["systems"].get(self.over, {}).get(self.figure)
        if ours is None or other is None:
            return None
        if other > 0.0:
            return self._verdict(ours / other, self._holds(ours / other))
        return self._verdict(None, ours <= other if self.high < float("inf") else ours > other)

    def _holds(self, value: float) -> bool:
        if self.strict:
            return self.low < value < self.high
        return self.low <= value <= self.high

    def _verdict(self, value: float | None, met: bool) -> Verdict:
        return {"goal": self.name, "rule": self.rule, "value": value, "met": met}


GOALS = (
    Goal("KAD over plain's", "kad", "at most 0.1", high=0.1, over="plain"),
    Goal("KAD over shuffle's", "kad", "at most 0.33", high=1 / 3, over="shuffle"),
    Goal("KAD over walk's", "kad", "under 1", high=1.0, over="walk", strict=True),
    Goal("density", "density", "0.7 to 1.3", low=0.7, high=1.3),
    Goal("coverage", "coverage", "at least 0.85", low=0.85),
    Goal("coverage over walk's", "coverage", "over 1", low=1.0, over="walk", strict=True),
    Goal("copied share", "copied_share", "at most 15 %", high=0.15),
    Goal("flux median ratio", "flux_median_ratio", "0.85 to 1.15", low=0.85, high=1.15),
    Goal("flux p99 ratio", "flux_p99_ratio", "at most 2", high=2.0),
    Goal("real-time factor", "real_time_factor", "at most 0.05", high=0.05),
)
EARLY_GOAL = Goal("KAD at 60 s over plain's at 180 s", "kad", "at most 0.2", high=0.2, over="plain")


def with_verdicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with ``goals``, a verdict for each goal whose figures are there.

    The 60 s row is also held against the plain recipe's 180 s, so the verdicts of a row depend on the others.
    """
    late = {row["corpus"]: row for row in rows if row["budget_s"] == LATE_BUDGET_S}
    judged = []
    for row in rows:
        verdicts = [goal.judge(row, row) for goal in GOALS]
        if row["budget_s"] == EARLY_BUDGET_S and row["corpus"] in late:
            verdicts.append(EARLY_GOAL.judge(row, late[row["corpus"]]))
        judged.append({**row, "goals": [verdict for verdict in verdicts if verdict is not None]})
    return judged


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


_RATIO = _number(3)
_LINES = (
    _Line("KAD", "kad", _number(1)),
    _Line("KAD over plain's", None, _RATIO),
    _Line("KAD over shuffle's", None, _RATIO),
    _Line("KAD over walk's", None, _RATIO),
    _Line("KAD at 60 s over plain's at 180 s", None, _RATIO),
    _Line("density", "density", _number(2)),
    _Line("coverage", "coverage", _number(2)),
    _Line("coverage over walk's", None, _RATIO),
    _Line("copied share", "copied_share", _percent),
    _Line("longest copied stretch", "longest_copied_s", _number(2, " s")),
    _Line("resemblance", "resemblance_db", _number(1, " dB")),
    _Line("flux median ratio", "flux_median_ratio", _number(2)),
    _Line("flux p99 ratio", "flux_p99_ratio", _number(2)),
    _Line("training time", "training_s", _number(0, " s")),
    _Line("training steps", "steps", _number(0)),
    _Line("training, peak memory", "training_peak_mb", _number(0, " MB")),
    _Line("real-time factor", "real_time_factor", _number(4)),
    _Line("generation, peak memory", "generation_peak_mb", _number(0, " MB")),
)
_RULES = {goal.name: goal.rule for goal in (*GOALS, EARLY_GOAL)}

_INTRODUCTION = """# Sound

*Ours* is the default through the public workflow, *plain* the plain recipe of `benchmarks/plain_recipe.py` with the same budget
and seeds, *walk* and *shuffle* baselines without a model. What each figure means is told in `benchmarks/measures/`. Goals are
stated for a budget of 180 s on 2 cores and judged at every budget. Made by `python benchmarks/sound.py --save`.
"""


def markdown(judged: Sequence[Row]) -> str:
    """One table for each corpus, from rows that have their verdicts."""
    corpora = list(dict.fromkeys(row["corpus"] for row in judged))
    parts = [_corpus_table([row for row in judged if row["corpus"] == corpus]) for corpus in corpora]
    return "\n".join([_INTRODUCTION, *parts])


def _corpus_table(rows: Sequence[Row]) -> str:
    rows = sorted(rows, key=lambda row: row["budget_s"])
    newest = max(rows, key=lambda row: row["date"])
    columns = [
        *[("ours", row, f"ours, {row['budget_s']:g} s") for row in rows],
        *[("plain", row, f"plain, {row['budget_s']:g} s") for row in rows],
        *[(system, newest, system) for system in ("walk", "shuffle")],
    ]
    head = ["", "goal", *[title for _, _, title in columns]]
    lines = [f"## {rows[0]['corpus']}", "", _summary(rows), "", _cells(head), _cells(["---"] * len(head))]
    for line in _LINES:
        cells = [_cell(line, system, row) for system, row, _ in columns]
        if any(cell != _MISSING for cell in cells):
            lines.append(_cells([line.name, _RULES.get(line.name, ""), *cells]))
    return "\n".join(lines) + "\n"


def _cell(line: _Line, system: str, row: Row) -> str:
    verdict = next((v for v in row["goals"] if system == "ours" and v["goal"] == line.name), None)
    value = row["systems"].get(system, {}).get(line.figure) if line.figure else verdict and verdict["value"]
    shown = _MISSING if value is None else line.show(value)
    return shown if verdict is None else f"{shown} {'met' if verdict['met'] else 'missed'}"


def _summary(rows: Sequence[Row]) -> str:
    first = rows[0]
    text = f"{first['recordings']} recordings, {first['recordings_s']:g} s; {first['takes']} takes of {first['take_s']:g} s. "
    corpus_itself = next(iter(first["systems"].values()))
    own, others = corpus_itself["resemblance_corpus_own_db"], corpus_itself["resemblance_corpus_others_db"]
    text += (
        f"Resemblance of a recording to itself, over 0.5 s away: {_decibels(own)}; to the others: {_decibels(others)}. "
    )
    for row in rows:
        met = sum(verdict["met"] for verdict in row["goals"])
        text += f"{row['budget_s']:g} s: {met} of {len(row['goals'])} goals met ({row['date']}, commit {row['commit']}"
        text += f", {row['machine']}, Python {row['python']}). "
    return text.rstrip()


def _decibels(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.1f} dB"


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
