"""The process that does the long work, beside the page."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from ui.running import RunningStudio, wait_until


def workers_of(server: psutil.Process) -> list[psutil.Process]:
    return [child for child in server.children() if "small_dataset_audio.ui.worker" in child.cmdline()]


@pytest.mark.skipif(sys.platform == "win32", reason="priorities are classes there, and the server gives one")
def test_the_worker_leaves_the_processor_to_the_page_and_is_not_told_of_ctrl_c(studio: RunningStudio):
    server = psutil.Process(studio.pid)
    wait_until(lambda: workers_of(server))
    (worker,) = workers_of(server)
    wanted = min(server.nice() + 10, 19)
    wait_until(lambda: worker.nice() == wanted)
    if sys.platform == "linux":  # each thread has its own
        threads = [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in worker.threads()]
        assert threads == [wanted] * len(threads)
    assert os.getpgid(worker.pid) != os.getpgid(server.pid)
    assert os.getsid(worker.pid) == os.getsid(server.pid)
