"""Sliders of a model on the page."""

from __future__ import annotations

import re

from small_dataset_audio.ui.controls_view import live_names, show_sliders
from small_dataset_audio.ui.jobs import JobStatus

REPORT = {
    "name": "brightness",
    "unit": "ERB",
    "is_live": True,
    "low": 0.0,
    "neutral": 6.0,
    "high": 10.0,
    "corpus": [0.0, 6.0],
}


def shown(value: object = 0.0, **changes: object) -> str:
    status = JobStatus("done", "controls", news={"controls": [{**REPORT, **changes}]})
    return show_sliders(status, {"brightness": value})


def test_a_slider_says_where_it_is_in_its_unit():
    assert "<output>6 ERB</output>" in shown()
    assert "<output>8 ERB</output>" in shown(5.0)
    assert "<output>3 ERB</output>" in shown(-5.0)
    assert "<output>3 to 8 ERB</output>" in shown([[0.0, -5.0], [1.0, 5.0]])
    assert "<output>a curve of 3 points</output>" in shown([[0.0, 1.0], [0.5, 2.0], [1.0, 1.0]])
    assert "<output>a curve of 1 point</output>" in shown([[0.5, 1.0]])
    assert "<output>10 ERB</output>" in shown(14.0)


def test_a_slider_has_two_places_where_it_changes_over_the_take():
    assert re.findall(r'type="range".*? value="([^"]+)"', shown(3.0)) == ["3"]
    assert " checked" not in shown(3.0)
    assert re.findall(r'type="range".*? value="([^"]+)"', shown([[0.0, -5.0], [1.0, 5.0]])) == ["-5", "5"]
    assert " checked" in shown([[0.0, -5.0], [1.0, 5.0]])


def test_recordings_under_the_neutral_fill_the_left_half_of_a_slider_alone():
    heights = [float(height) for height in re.findall(r'height="([0-9.]+)"', shown())]
    assert heights == [30.0] * 20 + [0.0] * 20


def test_a_control_that_is_not_live_has_no_slider():
    assert "range" not in shown(is_live=False)
    assert live_names({"controls": [REPORT, {**REPORT, "name": "warmth", "is_live": False}]}) == ["brightness"]


def test_a_model_that_was_not_analysed_offers_that():
    assert "Find its sliders" in show_sliders(JobStatus("done", "controls", news={"controls": None}), {})


def test_what_has_no_slider_in_this_model_is_named():
    reports = [REPORT, {**REPORT, "name": "pulse", "is_live": False}, {**REPORT, "name": "attack", "is_live": False}]
    status = JobStatus("done", "controls", news={"controls": reports})
    assert "No slider for pulse, attack" in show_sliders(status, {})
    assert "No slider for" not in shown()
