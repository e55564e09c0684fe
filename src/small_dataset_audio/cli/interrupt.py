"""Ctrl-C: the first press asks, the second one insists."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType


class StopRequest:
    """What Ctrl-C has asked for so far.

    Parameters
    ----------
    on_first : callable
        Called once, outside of the signal handler, when the work hears of the request.

    Attributes
    ----------
    can_stop_cleanly : bool
        Whether somebody will ask :meth:`asked` soon. Without that, Ctrl-C stops at once.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.can_stop_cleanly = False
        self._requested = False
        self._on_first: Callable[[], None] | None = on_first

    def asked(self) -> bool:
        """Whether to stop now; the work asks this between two steps."""
        if self._requested and self._on_first is not None:
            on_first, self._on_first = self._on_first, None
            on_first()
        return self._requested

    def press(self, signal_number: int, frame: FrameType | None) -> None:
        """Handle the signal. Nothing is printed here: the signal may have come in the middle of a print."""
        del signal_number, frame
        if self._requested or not self.can_stop_cleanly:
            raise KeyboardInterrupt
        self._requested = True


@contextlib.contextmanager
def listening(request: StopRequest) -> Iterator[StopRequest]:
    """Let Ctrl-C go to `request` for a while; where the shell has it ignored (``nohup``), it stays ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield request
        return
    signal.signal(signal.SIGINT, request.press)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, before)
