"""The first run is led by the hand, and nobody else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_dataset_audio.library import Library
from small_dataset_audio.ui import guide
from small_dataset_audio.ui.jobs import Job, JobStatus
from small_dataset_audio.ui.page import Studio
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.session import Session, SessionKeys


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(Library(tmp_path), StudioFolders(tmp_path), SessionKeys("x"), is_local=True)


@pytest.fixture
def session(studio: Studio) -> Session:
    session = Session("guest", studio.folders)
    session.remember("guide", {"on": True})
    return session


def finish(session: Session, kind: str, **news: object) -> None:
    """Have the last job of a kind done, as a worker would."""
    job_id, status = session.job(kind)
    session.queue.write_status(
        Job(job_id, session.id, kind), JobStatus("done", kind, request=status.request, news=news)
    )


def test_each_press_of_its_one_button_leads_to_the_next_step(studio: Studio, session: Session):
    assert "Start with the demo recordings" in guide.show(studio, session)
    guide.do(studio, session, "demo")
    assert "Listening" in guide.show(studio, session)
    finish(session, "scan")
    assert "Learn them for a minute" in guide.show(studio, session)
    guide.do(studio, session, "learn")
    assert session.job("train")[1].request["budget_s"] == 60.0
    assert "It is learning" in guide.show(studio, session)
    finish(session, "train", model="demo")
    assert "Make the first take" in guide.show(studio, session)
    guide.do(studio, session, "take")
    assert session.job("take")[1].request["model"] == "demo"
    finish(session, "take", takes=[])
    assert "press play" in guide.show(studio, session)
    guide.do(studio, session, "close")
    assert guide.show(studio, session) == ""


def test_whoever_did_not_ask_for_it_has_none(studio: Studio):
    assert guide.show(studio, Session("other", studio.folders)) == ""
