from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import machine
import scale


def size(name: str, **changes: dict[str, float]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "inspect": {"wall_s": 5.0, "peak_mb": 200.0},
        "first_sound": {"wav_s": 8.0, "peak_mb": 400.0},
        "generation": {"load_s": 1.0, "first_take_s": 0.5, "real_time_factor": 0.02, "peak_mb": 600.0},
        "evaluated": {"first_take_s": 3.0, "real_time_factor": 0.04, "peak_mb": 700.0},
    }
    training = {"first_step_s": 12.0, "peak_mb": 900.0, "budget_s": 60.0, "saved_s": 63.0, "steps": 100}
    training |= {"stop_reason": "budget", "width": 32, "batch_size": 8, **changes.get("training", {})}
    return {
        "size": name,
        "trainings": [training],
        **{kind: {**values, **changes.get(kind, {})} for kind, values in figures.items()},
    }


def table(small: dict[str, Any], large: dict[str, Any]) -> list[str]:
    report = {"date": "today", "commit": "abc", "machine": "a machine", "python": "3.11", "sizes": [small, large]}
    return scale._table(report).splitlines()


def line_of(what: str, lines: list[str]) -> str:
    (line,) = [line for line in lines if line.startswith(f"| {what} |")]
    return line


def test_figures_within_their_goals_meet_them() -> None:
    lines = table(size("small"), size("large"))
    assert line_of("inspecting", lines) == "| inspecting | 5.0 s | 5.0 s | under 60 s | met |"
    assert not any("missed" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "change", "judged"),
    [
        ("inspecting", {"inspect": {"wall_s": 61.0}}, "large"),
        ("first sound, start to WAV", {"first_sound": {"wav_s": 20.1}}, "small"),
        ("first sound, peak memory", {"first_sound": {"peak_mb": 3001.0}}, "large"),
        ("generation of 10 s, real-time factor", {"generation": {"real_time_factor": 0.0221}}, "large"),
        ("generate_takes with evaluation, peak memory", {"evaluated": {"peak_mb": 3001.0}}, "large"),
    ],
)
def test_a_goal_is_missed_by_the_size_it_is_judged_on_and_not_by_the_other(
    what: str, change: dict[str, Any], judged: str
) -> None:
    for changed in ("small", "large"):
        sizes = [size(name, **(change if name == changed else {})) for name in ("small", "large")]
        assert line_of(what, table(*sizes)).endswith("**missed** |") == (changed == judged)


@pytest.mark.parametrize(
    ("training", "mark"),
    [
        ({"saved_s": 66.1}, "**missed**"),
        ({"saved_s": 53.9}, "**missed**"),
        ({"saved_s": 53.9, "stop_reason": "plateau"}, "met"),
    ],
)
def test_budgets_have_a_table_of_their_own(training: dict[str, Any], mark: str) -> None:
    lines = table(size("small"), size("large", training=training))
    between = lines.index("", lines.index(line_of("inspecting", lines)))
    for first, last in ((5, between), (between + 1, len(lines))):
        assert len({line.count("|") for line in lines[first:last] if line}) == 1
    assert lines[-1].startswith("| large: `--budget 60s` | 100 |")
    assert lines[-1].endswith(f"| within 10 % | {mark} |")


def test_other_budgets_are_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        scale.main(["--save", "--budgets", "30"])
    assert exit_info.value.code == 2
    assert "budgets of 60, 180 s" in capsys.readouterr().err


def test_a_benchmark_says_where_it_ran() -> None:
    assert machine.commit()
    assert "cores" in machine.machine_name()
    assert machine.peak_mb() > 10.0
