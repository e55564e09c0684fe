"""The goals of the sound benchmark, and whether a row meets them.

A row is one corpus at one budget: a dict with ``corpus``, ``budget_s``, where and when it was measured, and ``systems``, the
figures of each. KAD can be zero or less, where takes cannot be told from the corpus: there is no ratio to such a figure, and
the goal is then to be no farther away than it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EARLY_BUDGET_S, LATE_BUDGET_S = 60.0, 180.0
TONAL_CORPORA = ("ambi",)

Row = Mapping[str, Any]
Verdict = dict[str, Any]


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
    system : str
        Whose figure it is: ours by default, or ours with another setting.
    corpora : tuple of str or None
        The corpora it is for; None is all of them.
    """

    name: str
    figure: str
    rule: str
    low: float = float("-inf")
    high: float = float("inf")
    over: str | None = None
    strict: bool = False
    system: str = "ours"
    corpora: tuple[str, ...] | None = None

    def judge(self, row: Row, against: Row) -> Verdict | None:
        """Value, and whether the goal is met; None where a figure is missing or the goal is not for this corpus.

        Parameters
        ----------
        row : Row
            Has ours.
        against : Row
            Has the other system: the same row, or one of another budget.
        """
        if self.corpora is not None and row["corpus"] not in self.corpora:
            return None
        ours = row["systems"].get(self.system, {}).get(self.figure)
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
    Goal("copied share, novelty high", "copied_share", "at most 5 %", high=0.05, system="novel"),
    Goal("flux median ratio", "flux_median_ratio", "0.85 to 1.15", low=0.85, high=1.15),
    Goal("flux p99 ratio", "flux_p99_ratio", "at most 2", high=2.0),
    Goal("onset distance over plain's", "onset_distance_db", "at most 0.5", high=0.5, over="plain"),
    Goal("loudness distance over plain's", "loudness_distance_db", "at most 0.5", high=0.5, over="plain"),
    Goal("partials in tune", "in_tune_share", "at least 95 %", low=0.95, corpora=TONAL_CORPORA),
    Goal("beating", "swing_ratio", "at most 1.15", high=1.15, corpora=TONAL_CORPORA),
    Goal("real-time factor", "real_time_factor", "at most 0.05", high=0.05),
)
EARLY_GOAL = Goal("KAD at 60 s over plain's at 180 s", "kad", "at most 0.2", high=0.2, over="plain")
RULES = {goal.name: goal.rule for goal in (*GOALS, EARLY_GOAL)}


def with_verdicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with ``goals``, a verdict for each goal whose figures are there.

    The 60 s row is also held against the plain recipe's 180 s where both were measured at one commit, so the verdicts of a row
    depend on the others.
    """
    late = {row["corpus"]: row for row in rows if row["budget_s"] == LATE_BUDGET_S}
    judged = []
    for row in rows:
        verdicts = [goal.judge(row, row) for goal in GOALS]
        against = late.get(row["corpus"])
        if row["budget_s"] == EARLY_BUDGET_S and against is not None and row["commit"] == against["commit"]:
            verdicts.append(EARLY_GOAL.judge(row, against))
        judged.append({**row, "goals": [verdict for verdict in verdicts if verdict is not None]})
    return judged
