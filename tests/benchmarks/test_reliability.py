from __future__ import annotations

import json

import pytest
from reliability import CAMPAIGNS, ROOT, table

FOUND = {
    "kills": {"kills": {"training": 3}, "failures": ["half a file"], "strays_left": 2, "bytes_lost": 9, "operations": 1},
    "training": {"kills": 20, "differences": [], "killed_inside_a_write": 7, "lost": ["one"], "bytes_lost": 1234},
    "audio": {
        "runs": 5, "used": 1, "crashes": 0, "hangs": 0, "slowest_s": 0.1, "max_memory_mb": 99.0, "broken": ["one"],
    },
    "models": {"runs": 5, "refused": 3, "accepted": 2, "crashes": 0, "max_memory_mb": 300},
    "library": {"runs": 5, "refused": 3, "accepted": 1, "crashes": 1, "max_memory_mb": 300},
    "long": {
        "training": {
            "steps": 9,
            "first": {"rss_mb": 100.0, "open_files": 5},
            "last": {"rss_mb": 114.0, "open_files": 5},
            "has_grown": False,
        },
        "takes": {
            "count": 9,
            "first": {"rss_mb": 100.0, "open_files": 5},
            "last": {"rss_mb": 116.0, "open_files": 5},
            "has_grown": True,
        },
    },
}  # fmt: skip


def test_every_way_to_fail_is_counted():
    failures = {campaign.name: campaign.failures(FOUND[campaign.name]) for campaign in CAMPAIGNS}
    assert failures == {"kills": 3, "training": 1, "audio": 1, "models": 0, "library": 1, "long": 1}


def row_of(name: str, **changed: object) -> str:
    result = {"date": "2026-01-01", "commit": "abc", "machine": "one", "found": FOUND[name] | changed}
    return table({name: result}).splitlines()[-1]


def test_equal_bits_and_bytes_lost_are_what_the_run_found():
    assert "| 1234 |" in row_of("training")
    assert "at the end all bits are equal" in row_of("training")
    row = row_of("training", differences=["weight", "bias"])
    assert "equal" not in row
    assert "2 differences at the end" in row


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.name)
def test_a_row_says_what_was_injected_and_how_to_do_it_again(campaign):
    row = row_of(campaign.name)
    assert row.count("|") == 8
    assert campaign.command in row
    assert (ROOT / campaign.command.split()[0]).is_file()


def test_the_committed_tables_are_what_the_committed_figures_make():
    path = ROOT / "benchmarks" / "results" / "reliability.json"
    made = table(json.loads(path.read_text()))
    assert path.with_suffix(".md").read_text() == made
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert "\n".join(rows) in (ROOT / "docs" / "reliability.md").read_text()
