"""Takes are made, heard, saved and found again by mouse."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ui.running import RunningStudio
from ui.steps import choose_length, go, make_takes, seed_of, wait_until_ready


@pytest.fixture
def page(open_page: Callable[..., Page], worked: dict) -> Page:
    return open_page(storage_state=worked)


def test_a_saved_take_is_the_exported_file_byte_for_byte(page: Page, studio: RunningStudio):
    go(page, "Play")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the WAV").click()
    saved = Path(download.value.path()).read_bytes()
    (exported,) = (studio.home / "takes").rglob(download.value.suggested_filename)
    assert saved == exported.read_bytes()
    assert exported.with_suffix(".json").is_file()


def test_a_take_is_heard_seen_judged_and_put_beside_its_nearest_moment(page: Page):
    go(page, "Play")
    take = page.locator(".sd-take")
    expect(take).to_contain_text("seed 9")
    expect(take).to_contain_text(re.compile("Clean|Worth a listen|Faulty"))
    expect(take).to_contain_text("nearest to this moment")
    for picture in take.locator("img").all():
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 50
    take.get_by_role("button", name=re.compile("^Play Take")).click()
    page.wait_for_function("() => document.querySelector('.sd-take .sd-sound.on .sd-at')?.style.left > '0%'")


def test_the_same_seed_gives_the_same_take_and_settings_come_back(page: Page, studio: RunningStudio):
    go(page, "Play")
    page.get_by_label("Far out").check()
    page.get_by_role("button", name="Use settings and seed of this take").click()
    expect(seed_of(page)).to_have_value("9")
    expect(page.get_by_label("Bent")).to_be_checked()
    before = set((studio.home / "takes").rglob("*seed9*.wav"))
    make_takes(page, 1, "0.5 s", seed="9")
    (again,) = set((studio.home / "takes").rglob("*seed9*.wav")) - before
    assert {path.read_bytes() for path in before} == {again.read_bytes()}


def test_what_was_set_is_there_after_a_reload(page: Page):
    go(page, "Play")
    page.get_by_label("Wide").check()
    expect(page.get_by_label("number input for Width")).to_be_visible()
    choose_length(page, "45 s")
    seed = seed_of(page)
    seed.fill("")
    page.get_by_role("button", name="Throw the dice").click()
    expect(seed).to_have_value(re.compile(r"\d+"))
    thrown = seed.input_value()
    page.wait_for_timeout(500)
    page.reload()
    wait_until_ready(page)
    go(page, "Play")
    expect(page.get_by_label("Wide")).to_be_checked()
    expect(page.get_by_label("Length", exact=True)).to_have_value("45 s")
    expect(seed).to_have_value(thrown)


def test_a_wrong_setting_is_said_in_words_and_makes_nothing(page: Page):
    go(page, "Play")
    choose_length(page, "soon")
    page.get_by_role("button", name="Make takes").click()
    expect(page.get_by_text("'soon' is no duration")).to_be_visible()


def test_a_preset_is_kept_recalled_and_deleted(page: Page):
    go(page, "Play")
    page.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name="plucks-walk").click()
    choose_length(page, "1 s")  # in this browser a length was written that is none
    preset = page.get_by_label("Preset", exact=True)
    page.get_by_label("Far out").check()
    preset.fill("far and wide")
    preset.press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("kept as far and wide")).to_be_visible()
    page.get_by_label("Bent").check()
    preset.click()
    page.get_by_role("option", name="far and wide").click()
    expect(page.get_by_label("Far out")).to_be_checked()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(preset).to_have_value("")


def test_single_sounds_are_cut_and_saved(page: Page):
    go(page, "Play")
    choose_length(page, "2 s")
    page.get_by_label("Mono").check()
    page.get_by_label("Single sounds", exact=True).fill("2")
    page.get_by_role("button", name="Cut them out").click()
    sounds = page.locator("#single-sounds")
    expect(sounds.get_by_role("heading", name="Single sounds")).to_be_visible()
    with page.expect_download() as download:
        sounds.get_by_role("link", name="Save").first.click()
    assert Path(download.value.path()).stat().st_size > 1000


def test_a_kit_is_made_and_found_again_in_the_library(page: Page):
    go(page, "Play")
    choose_length(page, "2 s")
    page.get_by_label("Mono").check()
    page.get_by_label("Single sounds", exact=True).fill("3")
    page.get_by_role("button", name="Make a sampler kit").click()
    expect(page.locator("#single-sounds").get_by_role("link", name="Save the kit")).to_be_visible()

    page.reload()
    wait_until_ready(page)
    go(page, "Library")
    go(page, "Kits")
    kits = page.locator("#kits")
    expect(kits.get_by_role("listitem")).to_contain_text(re.compile(r"[123] sounds? of plucks-walk"))
    kits.get_by_role("button", name="Sounds of kit").click()
    expect(kits.locator(".sd-wave path").first).to_have_attribute("d", re.compile("^M"))
    kits.get_by_role("button", name="Play Key 36, sound 1").click()
    expect(kits.locator(".sd-sound.on")).to_have_attribute("data-name", "Key 36, sound 1")
    with page.expect_download() as download:
        kits.get_by_role("link", name="Save the kit").click()
    with zipfile.ZipFile(download.value.path()) as saved:
        folder = download.value.suggested_filename.removesuffix(".zip")
        assert {f"{folder}/{folder}.sfz", f"{folder}/kit.json"} <= set(saved.namelist())
        assert saved.testzip() is None
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []

    kits.get_by_role("button", name=re.compile("^Discard")).click()
    expect(kits).to_contain_text("No kit yet")
    kits.get_by_role("button", name=re.compile("^Bring .* back")).click()
    expect(kits.get_by_role("listitem")).to_have_count(1)


def test_takes_of_the_library_are_compared_noted_found_and_made_again(page: Page):
    go(page, "Library")
    page.get_by_role("button", name="Compare Take 1 as A").click()
    page.get_by_role("button", name="Compare Take 2 as B").click()
    compared = page.get_by_role("region", name="Comparison")
    expect(compared).to_contain_text("seed")
    compared.get_by_role("button", name="Switch between A and B").click()
    expect(compared.locator(".sd-sound.on")).to_have_attribute("data-name", "Take 1")
    compared.get_by_role("button", name="Switch between A and B").click()
    expect(compared.locator(".sd-sound.on")).to_have_attribute("data-name", "Take 2")
    note = page.get_by_label("Note on Take 2")
    note.fill("for the bridge")
    note.press("Enter")
    page.get_by_role("button", name="Keep Take 2").click()
    expect(page.get_by_role("button", name="Keep Take 2")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Search", exact=True).fill("bridge")
    expect(page.locator(".sd-row-take")).to_have_count(1)
    expect(page.get_by_label("Note on Take 2")).to_have_value("for the bridge")
    page.get_by_role("button", name="Make Take 2 again").click()
    expect(page.locator(".sd-said")).to_contain_text("the same to the last bit")


def test_a_model_is_renamed_packed_deleted_and_brought_back(page: Page):
    go(page, "Library")
    go(page, "Models")
    name = page.get_by_label("Name of plucks-walk")
    name.fill("first try")
    name.press("Enter")
    page.get_by_role("button", name="Save first try to a file").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save first try.sda").click()
    packed = Path(download.value.path()).rename(Path(download.value.path()).with_name("gift.sda"))
    page.get_by_role("button", name="Delete first try").click()
    page.get_by_role("button", name="Bring first try back").click()
    expect(page.get_by_label("Name of first try")).to_be_visible()
    page.get_by_role("button", name="Delete first try").click()
    expect(page.get_by_label("Name of first try")).to_have_count(0)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(packed)
    expect(page.get_by_label("Name of first try")).to_be_visible()
    page.get_by_role("button", name="Play first try").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("first try")
