"""The process that does the long work, beside the page."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from ui.running import RunningStudio, wait_until


def workers_of(server: psutil.Process) -> list[psutil.Process]:
    return [child for child in server.children() if "small_dataset_audio.ui.worker" in child.cmdline()]


@pytest.mark.skipif(sys.platform == "win32", reason="groups are told of Ctrl-C by other means there")
def test_the_worker_is_in_a_group_of_its_own_and_not_told_of_ctrl_c(studio: RunningStudio):
    server = psutil.Process(studio.pid)
    wait_until(lambda: workers_of(server))
    (worker,) = workers_of(server)
    assert os.getpgid(worker.pid) == worker.pid
    assert os.getpgid(server.pid) != worker.pid
