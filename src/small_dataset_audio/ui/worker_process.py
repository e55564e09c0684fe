"""The worker as the server sees it: started, started again where it dies, ended with the server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from small_dataset_audio.library import HOME_VARIABLE
from small_dataset_audio.ui.places_on_disk import StudioFolders

_LOOK_EVERY_S: Final = 0.5
_CALM_S: Final = 3.0  # between two starts: a worker that cannot start must not keep the machine busy

if sys.platform == "win32":
    _CREATION_FLAGS: Final = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _CREATION_FLAGS: Final = 0


class WorkerProcess:
    """Keeps a worker running for the library at `home`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Start it, and see to it from now on."""
        self._thread.start()

    def end(self, patience_s: float) -> None:
        """Ask it to save what it has and end; returns when it did, or after `patience_s`."""
        self._ended.set()
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:  # it saves on; the lock of the library makes the next one wait for it
            return

    def _keep_running(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            self._process = self._launch()
            while self._process.poll() is None and not self._ended.is_set():
                self._ended.wait(_LOOK_EVERY_S)
            if not self._ended.is_set():
                self._ended.wait(max(0.0, _CALM_S - (time.monotonic() - started)))

    def _launch(self) -> subprocess.Popen[bytes]:
        # With the page on the same cores, threads of torch must wait asleep.
        environment = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0", **os.environ, HOME_VARIABLE: str(self._home)}
        with StudioFolders(self._home).worker_log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - this interpreter, this module, and a path that is no option
                [sys.executable, "-m", "small_dataset_audio.ui.worker", str(self._home.absolute())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C is the server's; the worker ends when its standard input does.
                start_new_session=True,
                creationflags=_CREATION_FLAGS,
            )
