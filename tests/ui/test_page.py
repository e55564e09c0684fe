"""The page in a real browser: what a musician does with it, place by place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from small_dataset_audio.library import Library
from ui.running import RunningStudio, wait_until
from ui.steps import bring, drop, start_training


def test_dropped_recordings_are_heard_and_the_doctor_says_what_is_wrong(
    open_page: Callable[..., Page], recordings: Path, noise: Path
):
    page = open_page()
    drop(page, *sorted(recordings.glob("*.wav")), noise)
    report = page.locator("#corpus-report")
    expect(report).to_contain_text("4 of 5")
    expect(report).to_contain_text("not audio")
    page.get_by_role("button", name="Play pluck 0.wav").click()
    expect(page.get_by_role("button", name="Play pluck 0.wav")).to_have_attribute("aria-pressed", "true")


def test_a_training_goes_on_without_its_page_and_is_stopped_and_gone_on_with(
    open_page: Callable[..., Page], studio: RunningStudio, recordings: Path
):
    page = open_page()
    bring(page, recordings)
    start_training(page, "plucks", "3 minutes")
    news = page.locator("#train-news")
    expect(news).to_contain_text("before any learning")
    page.goto("about:blank")
    page.goto(studio.root)
    page.get_by_role("tab", name="Train").click()
    expect(news).to_contain_text("about")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for()
    assert [entry.metadata.name for entry in Library(studio.home).entries() if entry.metadata] == ["plucks"]
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop").click()
    wait_until(lambda: page.get_by_role("button", name="Play it").is_visible())
