"""A clock that stands still until it is told to move on."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from threading import Lock

__all__ = ["VirtualCall", "VirtualClock"]


class VirtualCall:
    """Something to be called at a moment, unless it is cancelled."""

    __slots__ = ("what",)

    def __init__(self, what: Callable[[], None]) -> None:
        self.what: Callable[[], None] | None = what

    def cancel(self) -> None:
        """Do not call it, if it has not been called yet."""
        self.what = None


class VirtualClock:
    """Seconds from 0 on, and calls at a moment; it moves when it is told to.

    A `Simulation` has one and moves it. Without one, ``Actor.create(context=ActorContext(clock=clock))`` and
    ``Supervisor(clock=clock)`` go by it, in threads of their own; one thread moves it.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._heap: list[tuple[float, int, VirtualCall]] = []
        self._numbers = count()
        self._lock = Lock()

    def now(self) -> float:
        """Virtual seconds since it was made."""
        return self._now

    @property
    def waiting(self) -> int:
        """How many calls are to come."""
        with self._lock:
            return sum(call.what is not None for _, _, call in self._heap)

    def call_at(self, moment: float, what: Callable[[], None]) -> VirtualCall:
        """Call ``what`` when the clock reaches ``moment``; those of one moment in the order of asking."""
        call = VirtualCall(what)
        with self._lock:
            heapq.heappush(self._heap, (moment, next(self._numbers), call))
        return call

    def next_at(self) -> float | None:
        """The moment of the next call; None where nothing is to come."""
        with self._lock:
            while self._heap and self._heap[0][2].what is None:
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def advance(self, seconds: float, *, at_once: bool = False) -> None:
        """Move on by ``seconds``, call by call; ``at_once`` as a machine that slept: what was due is called at the end."""
        end = self._now + seconds
        if at_once:
            self._now = end
        self.advance_to(end)

    def advance_to(self, moment: float) -> None:
        """Move on to ``moment`` and make the calls that are due on the way, in their order."""
        while (due := self.next_at()) is not None and due <= moment:
            self._now = max(self._now, due)
            with self._lock:
                what = heapq.heappop(self._heap)[2].what
            if what is not None:
                what()
        self._now = max(self._now, moment)
