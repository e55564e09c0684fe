"""What takes shall be near to, as it is set on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from small_dataset_audio.errors import InvalidConfigError, InvalidNameError
from small_dataset_audio.plots import MAP_FRAME, MAP_LIMIT
from small_dataset_audio.ui import near_state
from small_dataset_audio.ui.jobs import JobStatus
from small_dataset_audio.ui.near_view import show_near
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.session import Session

TARGET = {"name": "door.wav", "points": [[1.0, 2.0]], "shares": [1.0]}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session("guest", StudioFolders(tmp_path))


def drop(session: Session, *names: str) -> None:
    folder = session.corpus_folder("to be like")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    near_state.add_files(session, "to be like", names)


def test_a_recording_that_is_dropped_later_is_gone_on_to(session: Session):
    drop(session, "wood.wav")
    drop(session, "glass.wav")
    folder = session.corpus_folder("to be like")
    assert near_state.near_request(session)["near"]["files"] == [str(folder / "wood.wav"), str(folder / "glass.wav")]
    near_state.remove(session, 0)
    assert near_state.names_of(near_state.near_set(session)) == ["glass.wav"]
    near_state.remove(session, 5)
    near_state.remove(session, 0)
    assert near_state.near_request(session) == {}


def test_a_name_that_was_not_dropped_is_no_recording(session: Session, tmp_path: Path):
    (tmp_path / "secret.wav").touch()
    near_state.add_files(session, "to be like", ["secret.wav", 3])
    for folder, name in (
        ("../..", "secret.wav"),
        ("to be like", "../../secret.wav"),
        ("x", str(tmp_path / "secret.wav")),
    ):
        with pytest.raises(InvalidNameError):
            near_state.add_files(session, folder, [name])
    assert near_state.near_request(session) == {}


def test_a_place_replaces_recordings_and_is_gone_on_from(session: Session):
    drop(session, "wood.wav")
    near_state.set_strength(session, "0.4")
    near_state.set_place(session, "-3", "40")
    near_state.set_place(session, "1.5", "2", then=True)
    asked = near_state.near_request(session)["near"]
    assert asked == {"files": [], "places": [[-3.0, 10.0], [1.5, 2.0]], "strength": 0.4}
    near_state.set_place(session, "0", "0")
    assert near_state.near_request(session)["near"]["places"] == [[0.0, 0.0]]


@pytest.mark.parametrize("x", ["", "nan", "inf", "east", None])
def test_what_is_no_place_is_said(session: Session, x: object):
    with pytest.raises(InvalidConfigError):
        near_state.set_place(session, x, "1")


def test_no_more_than_can_be_gone_through_are_taken(session: Session):
    for _ in range(16):
        near_state.set_place(session, 1, 1, then=True)
    with pytest.raises(InvalidConfigError):
        near_state.set_place(session, 1, 1, then=True)


def test_settings_of_a_take_bring_what_it_was_near_to_and_settings_of_another_take_it_away(session: Session):
    near_state.set_targets(session, {"near": [TARGET], "near_strength": 0.9}, "plucks")
    asked = near_state.near_request(session)["near"]
    assert (asked["targets"], asked["model"], asked["strength"]) == ([TARGET], "plucks", 0.9)
    near_state.set_targets(session, {"near": []}, "plucks")
    assert near_state.near_request(session) == {}


def test_a_mark_lies_on_the_map_where_its_place_is_drawn():
    drawn = JobStatus("done", "map", news={"frame": MAP_FRAME, "limit": MAP_LIMIT, "model": "m"}, files={"map": "x"})
    html = show_near({"places": [[-MAP_LIMIT, -MAP_LIMIT], [MAP_LIMIT, 0.0]], "strength": 0.7}, ("0-0", drawn))
    left, bottom, width, height = (100 * share for share in MAP_FRAME)
    marks = [tuple(map(float, pair)) for pair in re.findall(r"<b style=\"left:([\d.]+)%;bottom:([\d.]+)%", html)]
    assert marks == [pytest.approx((left, bottom)), pytest.approx((left + width, bottom + height / 2))]


def test_a_name_is_shown_and_never_run():
    html = show_near({"files": [["f", "<b>x.wav"]], "strength": 0.7}, None)
    assert "<b>x" not in html
    assert "&lt;b&gt;x.wav" in html
