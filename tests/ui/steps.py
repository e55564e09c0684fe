"""What somebody does with the page, in few words."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def wait_until_ready(page: Page) -> None:
    """Wait until the page shows what this browser had set before: nothing that is set from now on is set back."""
    page.locator(".sd-ready").wait_for(state="attached")


def drop(page: Page, *paths: Path) -> None:
    """Choose files as somebody does who presses the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(paths)


def go(page: Page, place: str) -> None:
    page.get_by_role("tab", name=place, exact=True).click()


def bring(page: Page, folder: Path) -> None:
    """Open a folder of this machine and wait for the doctor."""
    page.get_by_label("Or the path of a folder on this machine").fill(str(folder))
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="Learn these sounds").wait_for()


def start_training(page: Page, name: str, time: str = "30 seconds") -> None:
    go(page, "Train")
    page.get_by_label("Name of the model").fill(name)
    page.get_by_label(time).check()
    page.get_by_role("button", name="Start learning").click()


def choose_length(page: Page, length: str) -> None:
    """Write a length into the list of lengths."""
    box = page.get_by_label("Length", exact=True)
    box.fill(length)
    box.press("Enter")


def make_takes(page: Page, count: int, length: str = "1 s", seed: str = "") -> None:
    """Make takes and wait until the last is there."""
    go(page, "Play")
    choose_length(page, length)
    page.get_by_label("Takes", exact=True).fill(str(count))
    seed_of(page).fill(seed)
    before = takes_on_page(page)
    page.get_by_role("button", name="Make takes").click()
    expect(page.locator("#takes .sd-sound[data-src*='/wav-']")).to_have_count(before + count)
    expect(page.locator(".sd-working")).to_have_count(0)


def takes_on_page(page: Page) -> int:
    return page.locator("#takes .sd-sound[data-src*='/wav-']").count()


def seed_of(page: Page) -> Locator:
    return page.locator(".sd-settings").get_by_label("Seed")
