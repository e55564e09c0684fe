from __future__ import annotations

import json
from typing import Any

from sliders import RESULTS, table, with_run


def run(corpus: str, budget_s: float = 180.0, *, follows: float = 0.95) -> dict[str, Any]:
    slider = {"corpus": corpus, "name": "pitch", "low": 40.0, "high": 60.0}
    slider |= {"follows": follows, "moves": 3.0, "drags": "warmth", "ratio": 2.5}
    machine = {"date": "2026-01-02", "commit": f"of {corpus}", "machine": "here", "python": "3.11"}
    return {"corpus": corpus, "budget_s": budget_s, "sliders": [slider], **machine}


def test_a_run_replaces_the_one_of_its_corpus_and_budget_and_no_other():
    runs = with_run([run("ambi"), run("tabla"), run("tabla", 0.0)], run("tabla", follows=0.5))
    told = [(each["corpus"], each["budget_s"], each["sliders"][0]["follows"]) for each in runs]
    assert told == [("ambi", 180.0, 0.95), ("tabla", 0.0, 0.95), ("tabla", 180.0, 0.5)]


def test_the_page_tells_each_corpus_with_its_own_date_and_commit_and_who_meets_the_goals():
    page = table([run("ambi", follows=0.89), run("tabla", 0.0)])
    assert "| ambi | trained for 180 s | pitch | 40 | 60 | 0.89 | 3.0 | warmth | 2.5 | missed |" in page
    assert "| ambi | trained for 180 s | 1 | 0 | 2026-01-02, commit of ambi, here |" in page
    assert "| tabla | walk, without training | 1 | 1 | 2026-01-02, commit of tabla, here |" in page


def test_the_committed_page_is_what_the_committed_figures_make():
    runs = json.loads((RESULTS / "sliders.json").read_text(encoding="utf-8"))["runs"]
    assert (RESULTS / "sliders.md").read_text(encoding="utf-8") == table(runs)
