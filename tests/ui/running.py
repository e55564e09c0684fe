"""A studio that really runs: a server in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from small_dataset_audio.library import HOME_VARIABLE

START = "import sys; from small_dataset_audio.cli import main; sys.argv[0] = 'sda'; sys.exit(main())"


class RunningStudio:
    """A server in a process of its own, for a library of its own."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        said = self.home / "said.txt"
        with said.open("w") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, "studio", "--no-browser", *self._options],
                env={**os.environ, HOME_VARIABLE: str(self.home), "COLUMNS": "200"},
                stderr=stream,
                stdout=subprocess.DEVNULL,
            )
        wait_until(lambda: "http://" in said.read_text() or self._process.poll() is not None, 60)
        self.address = re.search(r"http://\S+", said.read_text())[0]
        self.root, _, self.key = self.address.partition("?key=")

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def client(self) -> httpx.Client:
        """What a program of this user's would be: let in, without a browser around it."""
        client = self.stranger()
        client.get("/", params={"key": self.key})
        return client

    def stranger(self) -> httpx.Client:
        """A program that was not let in."""
        return httpx.Client(base_url=self.root, trust_env=False, timeout=30)


def wait_until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for what the disk will say."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)
