"""A studio of its own, really served on this machine, and browsers to open it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tiny import write_recordings
from ui.running import RunningStudio
from ui.steps import bring, make_takes, wait_until_ready

PATIENCE_MS = 120_000
"""For whatever the page will say: a machine that runs other tests too is slow, and nothing here measures time."""

LEFT_BEHIND = (
    "ERR_",
    "Failed to fetch",
    "network error",
    "AbortError",
    "errored out",
    "BodyStreamBuffer",
    "Cancelled via cancel scope",
)
"""What a browser says of requests that were at work when their page was left, or their server killed."""

CHROMIUM = os.environ.get("SDA_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The studio that most tests share."""
    running = RunningStudio(tmp_path_factory.mktemp("studio"))
    yield running
    running.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; tests/ui/install_browser.sh does that where it can")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, studio: RunningStudio) -> Iterator[Callable[..., Page]]:
    """Open the studio in a browser that nobody used before; what goes wrong, or asks another machine, fails the test."""
    contexts, wrong, foreign = [], [], []

    def note_host(url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme not in {"data", "blob", "about"} and asked.hostname not in {"127.0.0.1", "localhost"}:
            foreign.append(url)

    def opened(at: RunningStudio = studio, **settings: object) -> Page:
        context = browser.new_context(accept_downloads=True, **{"viewport": {"width": 1280, "height": 900}, **settings})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: note_host(request.url))
        page.on("websocket", lambda opened: note_host(opened.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(at.address)
        wait_until_ready(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert foreign == []
    assert [words for words in wrong if not any(left in words for left in LEFT_BEHIND)] == []


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five short plucks."""
    return write_recordings(tmp_path_factory.mktemp("recordings") / "plucks")


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "no sound.wav"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


@pytest.fixture(scope="session")
def worked(browser: Browser, studio: RunningStudio, recordings: Path) -> dict:
    """Cookies of a browser in which takes of recordings were made, without training."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(studio.address)
    wait_until_ready(page)
    bring(page, recordings)
    make_takes(page, 3, "0.5 s", seed="7")
    cookies = context.storage_state()
    context.close()
    return cookies
