from __future__ import annotations

import signal

import pytest

from small_dataset_audio.cli.interrupt import StopRequest, listening


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_first_press_asks_and_the_second_stops_at_once():
    said: list[str] = []
    with listening(StopRequest(lambda: said.append("stopping"))) as request:
        request.can_stop_cleanly = True
        assert not request.asked()
        press()
        assert request.asked()
        assert request.asked()
        with pytest.raises(KeyboardInterrupt):
            press()
    assert said == ["stopping"]


def test_a_press_stops_at_once_where_nobody_would_ask():
    with listening(StopRequest(lambda: None)), pytest.raises(KeyboardInterrupt):
        press()


def test_the_handler_of_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with listening(StopRequest(lambda: None)):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with listening(StopRequest(lambda: None)) as request:
            request.can_stop_cleanly = True
            press()
            assert not request.asked()
    finally:
        signal.signal(signal.SIGINT, before)
