"""Everybody gets in: axe-core, the keyboard, narrow windows, light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ui.steps import go

PLACES = ("Corpus", "Train", "Play", "Library")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(
    open_page: Callable[..., Page], worked: dict, scheme: str, width: int
):
    page = open_page(storage_state=worked, color_scheme=scheme, viewport={"width": width, "height": 900})
    for place in PLACES:
        go(page, place)
        page.wait_for_timeout(1200)
        found = Axe().run(page).response["violations"]
        serious = [
            (place, each["id"], [node["html"][:200] for node in each["nodes"]][:4])
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
        assert serious == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_take_is_made_and_heard_by_the_keyboard_alone(open_page: Callable[..., Page], worked: dict):
    page = open_page(storage_state=worked)
    page.get_by_role("tab", name="Corpus").focus()
    page.keyboard.press("Tab")
    seen = set()
    for _ in range(60):
        seen.add(page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''").strip())
        page.keyboard.press("Tab")
    assert {"Train", "Play", "Library", "Choose files", "Open", "Learn these sounds"} <= seen
    page.get_by_role("tab", name="Play").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make takes").focus()
    before = page.locator("#takes .sd-sound").count()
    page.keyboard.press("Enter")
    expect(page.locator(".sd-working")).to_have_count(1)
    expect(page.locator(".sd-working")).to_have_count(0)
    assert page.locator("#takes .sd-sound").count() > before
    page.locator(".sd-take .sd-play").first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".sd-take .sd-play").first).to_have_attribute("aria-pressed", "true")
