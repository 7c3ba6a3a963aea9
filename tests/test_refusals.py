"""What is logged of refused frames: a peer that sends rubbish does not fill the log, and none of it goes uncounted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mycelium.errors.cluster import FrameRefusedError, PeerCutOffError
from mycelium.remote import receiving
from mycelium.remote.receiving import RUBBISH_MAX, PeerReceiver
from mycelium.remote.refusals import LINES_MAX, LINES_S, RefusalLog

REFUSED = FrameRefusedError(peer="left", reason="rubbish")


class Lines:
    """A logger. A line is the number of frames that it counts, or what is said of a single one."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def error(self, event: str, **values: Any) -> None:
        self.lines.append(values.get("frames", event))


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


SAID = "something is wrong with what came"


def test_the_first_of_a_burst_are_logged_and_the_others_counted() -> None:
    log, clock = Lines(), Clock()
    refused = RefusalLog(log, clock)
    for _ in range(LINES_MAX + 7):
        refused.tell(REFUSED)
    refused.look()
    assert (log.lines, refused.untold) == ([SAID] * LINES_MAX, 7)
    clock.now += LINES_S + 1
    refused.look()
    refused.look()
    assert (log.lines, refused.untold) == ([*[SAID] * LINES_MAX, 7], 0)


def test_refused_frames_that_come_slowly_are_all_logged() -> None:
    log, clock = Lines(), Clock()
    refused = RefusalLog(log, clock)
    for _ in range(50):
        refused.tell(REFUSED)
        clock.now += LINES_S / LINES_MAX + 0.01
    assert log.lines == [SAID] * 50


def test_the_count_stands_before_the_next_that_is_logged() -> None:
    log, clock = Lines(), Clock()
    refused = RefusalLog(log, clock)
    for _ in range(LINES_MAX + 3):
        refused.tell(REFUSED)
    clock.now += LINES_S + 1
    refused.tell(REFUSED)
    assert log.lines == [*[SAID] * LINES_MAX, 3, SAID]


def test_a_peer_that_is_cut_off_does_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, log = Clock(), Lines()
    monkeypatch.setattr(receiving, "time", SimpleNamespace(monotonic=clock))
    peer: Any = SimpleNamespace(name="left", log=log, cut_off=None)
    cuts: list[PeerCutOffError] = []

    def cut(reason: PeerCutOffError) -> None:
        peer.cut_off = reason
        cuts.append(reason)

    peer.cut = cut
    receiver = PeerReceiver(peer)
    receiver._refusals = RefusalLog(log, clock)
    for _ in range(RUBBISH_MAX + 20):
        receiver.refuse("rubbish")
    assert len(cuts) == 1
    assert receiver.rubbish == RUBBISH_MAX + 20
    assert log.lines == [*[SAID] * LINES_MAX, RUBBISH_MAX - LINES_MAX - 1]
