"""Takes the pictures of the studio in ``docs/pictures/studio`` again: ``python docs/make_studio_pictures.py ADDRESS``.

ADDRESS is what ``sda studio --no-browser`` prints. It needs Debian's chromium. To have something to show, it has the demo
recordings learnt for 30 s, finds their sliders, makes takes and a kit of them, and compares two takes. Ten minutes.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "pictures" / "studio"
PLACES = ("Corpus", "Train", "Play", "Library")
SCHEMES = ("light", "dark")
WIDTHS = (1280, 800)
HEIGHT = 1000
COLOURS = 128
WITHOUT_PATHS = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/\\S*(?=\\/takes\\/)/, "\u2026");
}"""
"""Where the library of whoever takes the pictures lies is nobody's business."""
PATIENCE_MS = 120_000
ANALYSIS_MS = 900_000


def main() -> None:
    """Work a little, then take every place at two widths in both themes."""
    address = sys.argv[1]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT})
        _work(context.new_page(), address)
        cookies = context.storage_state()
        for scheme in SCHEMES:
            for width in WIDTHS:
                seen = browser.new_context(
                    viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, storage_state=cookies
                )
                page = seen.new_page()
                _open(page, address)
                for place in PLACES:
                    page.get_by_role("tab", name=place, exact=True).click()
                    page.wait_for_timeout(2500)
                    _save(page, FOLDER / f"{place.lower()}-{width}-{scheme}.png")
                if (scheme, width) == (SCHEMES[0], WIDTHS[0]):
                    _save_what_is_hidden(page)
                seen.close()
        browser.close()


def _open(page: Page, address: str) -> None:
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.locator(".sd-ready").wait_for(state="attached")


def _work(page: Page, address: str) -> None:
    _open(page, address)
    guide = page.get_by_role("button", name="Start with the demo recordings")
    page.wait_for_timeout(2000)
    (guide if guide.is_visible() else page.get_by_role("button", name="Use the demo recordings").last).click()
    page.get_by_role("button", name="Learn these sounds").wait_for()
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_label("30 seconds").check()
    page.get_by_role("button", name="Start learning").click()
    page.get_by_role("button", name="Play it").first.click()
    if page.get_by_role("button", name="Without the guide").is_visible():
        page.get_by_role("button", name="Without the guide").click()
    page.get_by_role("button", name="Find its sliders").click()
    loudness = page.get_by_role("group", name="Loudness")
    loudness.wait_for(timeout=ANALYSIS_MS)
    page.get_by_role("button", name="Near to something").click()
    page.get_by_role("button", name="Show the map").click()
    page.get_by_role("group", name="Map of the recordings").wait_for()
    page.get_by_label("Takes", exact=True).fill("3")
    page.get_by_role("button", name="Make takes").click()
    page.get_by_role("heading", name="Other takes").wait_for()
    page.locator(".sd-working").wait_for(state="detached")
    page.get_by_role("button", name="Make a sampler kit").click()
    page.get_by_role("link", name="Save the kit").wait_for()
    loudness.get_by_label("Loudness changes over the take").check()
    loudness.get_by_label("Loudness from").focus()
    page.keyboard.press("Home")
    page.get_by_role("tab", name="Library", exact=True).click()
    page.locator("#history").get_by_role("button", name="as A").nth(0).click()
    page.locator("#history").get_by_role("button", name="as B").nth(1).click()
    page.get_by_role("button", name="Switch between A and B").wait_for()


def _save_what_is_hidden(page: Page) -> None:
    """Take the kits of the library, and Play from top to bottom with its map."""
    page.get_by_role("tab", name="Library", exact=True).click()
    page.get_by_role("tab", name="Kits", exact=True).click()
    page.get_by_role("button", name="Sounds of").first.click()
    page.wait_for_timeout(2500)
    page.evaluate(WITHOUT_PATHS)
    _save(page, FOLDER / "kits.png")
    page.get_by_role("tab", name="Play", exact=True).click()
    page.get_by_role("button", name="Near to something").click()
    page.wait_for_timeout(2500)
    _save(page, FOLDER / "play-whole.png", whole=True)


def _save(page: Page, path: Path, *, whole: bool = False) -> None:
    """Write a picture of few colours: it is small, and the page has few."""
    with Image.open(io.BytesIO(page.screenshot(full_page=whole))) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
