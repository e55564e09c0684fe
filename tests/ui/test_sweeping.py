"""What is swept at the start, and what stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from small_dataset_audio.ui.jobs import Job, JobStatus
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.session import Session
from small_dataset_audio.ui.sweeping import KEPT_S, sweep

MADE_S = 1_700_000_000.0


@pytest.fixture
def session(tmp_path: Path) -> Session:
    folders = StudioFolders(tmp_path)
    folders.make()
    return Session("guest", folders)


def ask(session: Session, *, done: bool = True) -> str:
    """Ask for takes, and have them made with a picture."""
    job_id = session.start("take", {})
    if done:
        session.queue.finish(Job(job_id, session.id, "take"), JobStatus("done", "take"))
    picture = session.folder / "made" / job_id / "spectrogram-0.png"
    picture.parent.mkdir(parents=True)
    picture.touch()
    return job_id


def age(session: Session) -> None:
    """Give everything the same age."""
    for path in session.folders.root.rglob("*"):
        os.utime(path, (MADE_S, MADE_S))


def left(session: Session) -> dict[str, list[str]]:
    return {part: sorted(path.stem for path in (session.folder / part).glob("*")) for part in ("jobs", "made")}


def test_a_week_old_job_goes_with_its_pictures_and_the_last_of_its_kind_stays(session: Session):
    old, last = ask(session), ask(session)
    age(session)
    assert sweep(session.folders, MADE_S + KEPT_S - 1) == 0
    assert left(session) == {"jobs": sorted([old, last]), "made": sorted([old, last])}
    assert sweep(session.folders, MADE_S + KEPT_S + 1) == 1
    assert left(session) == {"jobs": [last], "made": [last]}


def test_work_that_is_waiting_stays_however_old(session: Session):
    waiting, last = ask(session, done=False), ask(session)
    age(session)
    assert sweep(session.folders, MADE_S + 10 * KEPT_S) == 0
    assert left(session)["jobs"] == sorted([waiting, last])


def test_pictures_of_no_job_and_large_spectrograms_go_and_recordings_stay(session: Session):
    orphan = session.folder / "made" / "0-0" / "spectrogram-0.png"
    large, recording = session.folders.pictures / "3.png", session.corpus_folder("drums") / "kick.wav"
    for path in (orphan, large, recording):
        path.parent.mkdir(parents=True)
        path.touch()
    age(session)
    assert sweep(session.folders, MADE_S + KEPT_S + 1) == 2
    assert not orphan.parent.exists()
    assert not large.exists()
    assert recording.exists()
