"""Clocks: what time it is, and what is to happen later. Timers and pauses ask a clock, never the system.

`Clock` is the interface, so that a test can drive time by hand; `clock` is the real one of this
process. All that is due later stands in one heap, served by one thread, which exists while
something stands there.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count
from threading import Condition
from time import monotonic
from typing import Protocol

from mycelium.attempted_log import try_to_log
from mycelium.imports.light_structlog import structlog

__all__ = ["Call", "Clock", "RealClock", "clock"]


class Call(Protocol):
    """Something that is to be called later, unless it is cancelled."""

    def cancel(self) -> None:
        """Do not call it, if it has not been called yet."""


class Clock(Protocol):
    """What time it is in seconds, and calls at a moment."""

    def now(self) -> float:
        """Seconds since some moment; never goes backwards."""

    def call_at(self, moment: float, what: Callable[[], None]) -> Call:
        """Call ``what`` when `now` has reached ``moment``, in a thread of the clock: it must be short and not block."""


class ScheduledCall:
    """One entry of the real clock's heap."""

    __slots__ = ("what",)

    def __init__(self, what: Callable[[], None]) -> None:
        self.what: Callable[[], None] | None = what

    def cancel(self) -> None:
        """Forget what was to be called; the entry is passed over when its moment comes."""
        self.what = None


class RealClock:
    """``time.monotonic``, and one thread that makes the calls in the order of their moments."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._heap: list[tuple[float, int, ScheduledCall]] = []
        self._numbers = count()
        self._runs = False

    def now(self) -> float:
        """``time.monotonic()``."""
        return monotonic()

    def call_at(self, moment: float, what: Callable[[], None]) -> ScheduledCall:
        """As `Clock.call_at`; calls of one moment are made in the order in which they were asked for."""
        call = ScheduledCall(what)
        with self._changed:
            heapq.heappush(self._heap, (moment, next(self._numbers), call))
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="mycelium-clock", daemon=True).start()
            elif self._heap[0][2] is call:
                self._changed.notify()
        return call

    def _run(self) -> None:
        while (what := self._next()) is not None:
            try:
                what()
            except BaseException as error:
                try_to_log(structlog.get_logger().error, "a call of the clock failed", exc_info=error)

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next call that is due; None when nothing is left to come, and then the thread ends."""
        with self._changed:
            while self._heap:
                moment, _, call = self._heap[0]
                if call.what is None:
                    heapq.heappop(self._heap)
                elif (left := moment - monotonic()) <= 0:
                    heapq.heappop(self._heap)
                    return call.what
                else:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
            self._runs = False
            return None


#: The clock of this process.
clock = RealClock()
