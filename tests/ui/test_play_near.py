"""Takes go near to a place of the map and to recordings, and are varied, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from small_dataset_audio.plots import MAP_FRAME
from ui.steps import bring, go, make_takes


def saved(page: Page) -> bytes:
    """The take that is looked at, as the browser saves it."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the WAV").click()
    return Path(download.value.path()).read_bytes()


def test_takes_go_to_a_place_of_the_map_or_to_recordings_and_are_varied(
    open_page: Callable[..., Page], recordings: Path
):
    page = open_page()
    bring(page, recordings)
    go(page, "Play")
    page.get_by_role("button", name="Near to something").click()
    near = page.locator("#near")
    way = near.get_by_role("list", name="Takes go near to").get_by_role("listitem")
    near.get_by_role("button", name="Show the map").click()
    picture = near.locator("[data-map]")
    assert picture.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 50
    box, (left, bottom, width, height) = picture.bounding_box(), MAP_FRAME
    picture.click(position={"x": box["width"] * (left + width / 2), "y": box["height"] * (1 - bottom - 0.75 * height)})
    x, y = near.get_by_label("x on the map"), near.get_by_label("y on the map")
    assert abs(float(x.input_value())) <= 0.1
    assert abs(float(y.input_value()) - 5.2) <= 0.1
    near.get_by_role("button", name="Near this place").click()
    expect(way).to_have_count(1)

    x.fill("-3")
    y.fill("4.5")
    near.get_by_role("button", name="Then on to this one").focus()
    page.keyboard.press("Enter")
    expect(way).to_have_count(2)
    expect(way.last).to_contain_text("-3, 4.5")
    make_takes(page, 1, "0.5 s", seed="3")
    expect(page.locator(".sd-take")).to_contain_text("→ -3,4.5")

    with page.expect_file_chooser() as chooser:
        near.get_by_role("button", name="Choose recordings to be like").click()
    chooser.value.set_files(sorted(recordings.glob("*.wav"))[:2])
    expect(way.first).to_contain_text("pluck 0.wav")
    expect(way).to_have_count(2)
    make_takes(page, 1, "0.5 s", seed="3")
    expect(page.locator(".sd-take")).to_contain_text("near pluck 0.wav → pluck 1.wav")

    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []

    page.get_by_role("button", name=re.compile("^Vary Take")).click()
    expect(page.locator(".sd-take")).to_contain_text("a variation")
    page.get_by_role("button", name="Use settings and seed of this take").click()
    varied = page.locator("#varied")
    expect(varied).to_contain_text("With seed 3, takes are varied by 20 %")
    wavs = page.locator("#takes .sd-sound[data-src*='/wav-']")
    count, first = wavs.count(), saved(page)
    page.get_by_role("button", name="Make takes").click()
    expect(wavs).to_have_count(count + 1)
    expect(page.locator(".sd-working")).to_have_count(0)
    assert saved(page) == first
    varied.get_by_role("button", name="Drop the variation").click()
    expect(varied).not_to_contain_text("varied")
    near.get_by_role("button", name="Be near to pluck 0.wav no more").click()
    expect(way).to_have_count(1)
