"""Sliders that stay and sliders that go from one place to another over the take, by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from small_dataset_audio.controls.sliders import NAMES
from small_dataset_audio.library import Library
from small_dataset_audio.models.analysis import NUM_COLUMNS, NUM_CONTROLS, Analysis
from small_dataset_audio.models.bundle import load_bundle, save_bundle
from small_dataset_audio.workflow import quick_model, save_preset
from ui.running import RunningStudio
from ui.steps import go, make_takes, wait_until_ready

LOUDNESS = NAMES.index("loudness")
CURVE = [[0.0, 0.0], [0.2, 5.0], [0.5, -5.0], [0.8, 2.0], [1.0, 4.0]]
NAME = "plucks-walk"


def analysed(library: Library, recordings: Path) -> None:
    """A model in which loudness can be steered; nothing was measured for that, which would take minutes."""
    for _ in quick_model(recordings, library):
        pass
    bundle = load_bundle(library.find(NAME))
    levels = np.tile(np.array([-30.0, -20.0, -10.0], np.float32), (NUM_CONTROLS, 1))
    each = np.ones((NUM_CONTROLS, NUM_CONTROLS), np.float32)
    analysis = Analysis(
        sums=np.zeros((int(bundle.density.path_lengths.sum()), NUM_COLUMNS), np.float32),
        neutral=levels[:, 1].copy(),
        spread=np.ones(NUM_CONTROLS, np.float32),
        asked=np.tile(np.array([-1.0, 0.0, 1.0], np.float32), (NUM_CONTROLS, 1)),
        measured=levels,
        crosstalk=each,
        weights=each.copy(),
        leans=np.eye(NUM_CONTROLS, dtype=np.float32),
        monotonicity=np.ones(NUM_CONTROLS, np.float32),
        is_live=np.arange(NUM_CONTROLS) == LOUDNESS,
        quantiles=levels.copy(),
    )
    save_bundle(library.find(NAME), replace(bundle, analysis=analysis))
    save_preset(NAME, "waves", {"duration_s": 1.0, "controls": {"loudness": CURVE}}, library=library)


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Iterator[RunningStudio]:
    """A studio with a model that was analysed."""
    home = tmp_path_factory.mktemp("steered") / "home"
    analysed(Library(home), recordings)
    running = RunningStudio(home)
    yield running
    running.end()


def newest(studio: RunningStudio) -> tuple[np.ndarray, dict]:
    """The take that was made last, and what it was asked for."""
    sidecar = max((studio.home / "takes").rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    audio, _ = soundfile.read(sidecar.with_suffix(".wav"))
    return audio, json.loads(sidecar.read_text())["generation"]["controls"]


def test_a_slider_goes_from_one_place_to_another_over_the_take(open_page: Callable[..., Page], steered: RunningStudio):
    page = open_page(steered)
    go(page, "Play")
    slider = page.get_by_role("group", name="Loudness")
    said, changes = slider.locator("output"), slider.get_by_label("Loudness changes over the take")
    first, last = slider.get_by_label("Loudness from"), slider.get_by_label("Loudness to")
    expect(said).to_have_text("-20 LUFS")
    changes.focus()
    page.keyboard.press("Space")
    expect(changes).to_be_checked()
    expect(changes).to_be_focused()
    first.focus()
    page.keyboard.press("Home")
    expect(said).to_have_text("-30 to -20 LUFS")
    last.focus()
    page.keyboard.press("End")
    expect(said).to_have_text("-30 to -10 LUFS")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []

    make_takes(page, 1, "2 s", seed="1")
    audio, asked = newest(steered)
    assert asked == {"loudness": [[0.0, -10.0], [1.0, 10.0]]}
    half = len(audio) // 2
    assert np.sqrt(np.mean(audio[half:] ** 2)) > 2 * np.sqrt(np.mean(audio[:half] ** 2))

    page.reload()
    wait_until_ready(page)
    go(page, "Play")
    expect(said).to_have_text("-30 to -10 LUFS")
    page.get_by_role("button", name="All to the middle").click()
    expect(said).to_have_text("-20 LUFS")
    expect(changes).not_to_be_checked()
    page.get_by_role("button", name="Use the settings of this take").click()
    expect(said).to_have_text("-30 to -10 LUFS")
    changes.uncheck()
    expect(said).to_have_text("-30 LUFS")


def test_a_curve_of_a_preset_stays_until_its_slider_is_moved(open_page: Callable[..., Page], steered: RunningStudio):
    page = open_page(steered)
    go(page, "Play")
    slider = page.get_by_role("group", name="Loudness")
    expect(slider).to_be_visible()
    page.get_by_label("Preset", exact=True).click()
    page.get_by_role("option", name="waves").click()
    expect(slider.locator("output")).to_have_text("a curve of 5 points")
    make_takes(page, 1, "1 s", seed="1")
    assert newest(steered)[1] == {"loudness": CURVE}
    slider.get_by_label("Loudness to").focus()
    page.keyboard.press("Home")
    expect(slider.locator("output")).to_have_text("-20 to -30 LUFS")
