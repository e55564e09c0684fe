"""Sliders of a model, as a browser sets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_dataset_audio.inference.config import GenerationConfig
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.steering_state import (
    keep_settings,
    set_changing,
    set_slider,
    settings_kept,
    settings_wanted,
)

CURVE = [[0.0, 1.0], [0.5, 4.0], [1.0, -2.0]]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session("guest", StudioFolders(tmp_path))


def test_a_slider_is_a_number_and_its_middle_is_nothing(session: Session):
    set_slider(session, "brightness", "3.5")
    assert settings_wanted(session) == {"brightness": 3.5}
    set_slider(session, "brightness", "99")
    assert settings_wanted(session) == {"brightness": 10.0}
    set_slider(session, "brightness", "0")
    assert settings_kept(session) == {}


@pytest.mark.parametrize(("name", "value"), [("brightness", "x"), ("brightness", "nan"), ("volume", "1"), (None, None)])
def test_what_is_no_slider_or_no_number_changes_nothing(session: Session, name: object, value: object):
    set_slider(session, name, value)
    set_slider(session, name, value, "last")
    set_changing(session, "volume", True)
    assert settings_kept(session) == {}


def test_a_slider_that_changes_goes_from_one_number_to_another(session: Session):
    set_slider(session, "brightness", "-5")
    set_changing(session, "brightness", True)
    set_slider(session, "brightness", "5", "last")
    wanted = settings_wanted(session)
    assert GenerationConfig(controls=wanted).controls == {"brightness": ((0.0, -5.0), (1.0, 5.0))}
    set_slider(session, "brightness", "2", "first")
    assert settings_wanted(session) == {"brightness": [[0.0, 2.0], [1.0, 5.0]]}
    set_changing(session, "brightness", False)
    assert settings_wanted(session) == {"brightness": 2.0}


def test_from_middle_to_middle_asks_for_nothing_and_stays_two_sliders(session: Session):
    set_changing(session, "pitch", True)
    assert settings_wanted(session) == {}
    assert settings_kept(session) == {"pitch": [[0.0, 0.0], [1.0, 0.0]]}
    set_changing(session, "pitch", False)
    assert settings_kept(session) == {}


def test_a_curve_stays_until_its_slider_is_moved(session: Session):
    keep_settings(session, {"pitch": CURVE, "warmth": 0.0})
    set_slider(session, "brightness", "1")
    set_changing(session, "pitch", True)
    assert settings_wanted(session) == {"pitch": CURVE, "warmth": 0.0, "brightness": 1.0}
    assert settings_wanted(session, ["pitch"]) == {"pitch": CURVE}
    set_slider(session, "pitch", "3", "last")
    assert settings_wanted(session, ["pitch"]) == {"pitch": [[0.0, 1.0], [1.0, 3.0]]}
