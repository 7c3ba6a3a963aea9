"""A clock that goes on when it is told to."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from threading import Lock

__all__ = ["ManualClock"]


class ManualCall:
    """A call that is to come."""

    def __init__(self, what: Callable[[], None]) -> None:
        self.what: Callable[[], None] | None = what

    def cancel(self) -> None:
        self.what = None


class ManualClock:
    """Time stands still but for `advance`, which makes the calls in order, in the thread that calls it."""

    def __init__(self) -> None:
        self._now = 0.0
        self._heap: list[tuple[float, int, ManualCall]] = []
        self._numbers = count()
        self._lock = Lock()

    def now(self) -> float:
        return self._now

    @property
    def waiting(self) -> int:
        """How many calls are to come."""
        return sum(call.what is not None for _, _, call in self._heap)

    def call_at(self, moment: float, what: Callable[[], None]) -> ManualCall:
        call = ManualCall(what)
        with self._lock:
            heapq.heappush(self._heap, (moment, next(self._numbers), call))
        return call

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass, call by call."""
        end = self._now + seconds
        while self._heap and self._heap[0][0] <= end:
            with self._lock:
                moment, _, call = heapq.heappop(self._heap)
            self._now = max(self._now, moment)
            if call.what is not None:
                call.what()
        self._now = end

    def jump(self, seconds: float) -> None:
        """Let that many seconds pass at once, as on a machine that slept: what was due is called afterwards."""
        self._now += seconds
        self.advance(0)
