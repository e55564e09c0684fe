"""The whole job in a real browser, with a kill in the middle of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from small_dataset_audio.library import Library
from ui.running import RunningStudio, wait_until
from ui.steps import bring, drop, go, make_takes, start_training, wait_until_ready


@pytest.fixture
def own_studio(tmp_path: Path):
    """A studio that may be killed."""
    running = RunningStudio(tmp_path / "home")
    yield running
    running.end()


def steps_made(page: Page) -> int:
    """Steps of the training on the page; 0 before there are any."""
    found = re.search(r"steps\s*(\d+)", page.locator("#train-news").inner_text())
    return int(found[1]) if found else 0


def test_learning_outlives_reload_stop_and_kill_and_its_model_plays(
    open_page: Callable[..., Page], own_studio: RunningStudio, recordings: Path
):
    page = open_page(own_studio)
    bring(page, recordings)
    start_training(page, "plucks", "30 seconds")
    news = page.locator("#train-news")
    expect(news).to_contain_text("before any learning")
    news.get_by_role("button", name="Play before any learning").click()

    page.reload()
    wait_until_ready(page)
    go(page, "Train")
    expect(news).to_contain_text(re.compile("learning: about .* left"))
    wait_until(lambda: steps_made(page) > 0, 60)

    other = open_page(own_studio)
    go(other, "Train")
    expect(other.locator("#train-news")).to_contain_text("What will happen")

    before = steps_made(page)
    own_studio.kill()
    own_studio.start()
    page.goto(own_studio.root)
    wait_until_ready(page)
    go(page, "Train")
    expect(news).to_contain_text(re.compile("went on where|learnt your recordings"))
    wait_until(lambda: steps_made(page) >= before, 60)

    if news.get_by_role("button", name="Stop").is_visible():
        news.get_by_role("button", name="Stop").click()
        news.get_by_role("button", name="Go on").click()
    expect(news).to_contain_text("It has learnt your recordings")
    assert [entry.metadata.name for entry in Library(own_studio.home).entries() if entry.metadata] == ["plucks"]

    news.get_by_role("button", name="Play it").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("plucks")
    make_takes(page, 1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the WAV").click()
    exported = own_studio.home / "takes" / "plucks" / download.value.suggested_filename
    assert Path(download.value.path()).read_bytes() == exported.read_bytes()

    go(other, "Play")
    expect(other.locator("#takes")).to_contain_text("Nothing played yet")


def test_whatever_is_dropped_is_heard_or_said_to_be_left_out(
    open_page: Callable[..., Page], recordings: Path, noise: Path, tmp_path: Path
):
    page = open_page()
    empty, silent = tmp_path / "<b>empty.wav", tmp_path / "silent.wav"
    empty.touch()
    soundfile.write(silent, np.zeros(48_000), 48_000)
    drop(page, *sorted(recordings.glob("*.wav")), noise, empty, silent)
    report = page.locator("#corpus-report")
    expect(report).to_contain_text("4 of 7")
    for reason in ("not audio", "empty file", "silence"):
        expect(report).to_contain_text(reason)
    expect(report.locator("b", has_text="empty")).to_have_count(0)
    page.get_by_role("button", name="Play pluck 0.wav").click()
    expect(page.get_by_role("button", name="Play pluck 0.wav")).to_have_attribute("aria-pressed", "true")
