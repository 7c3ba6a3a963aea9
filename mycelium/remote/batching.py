"""Batching: when what waits in an outlet goes as a frame. Full at once; else when the first of it has waited long enough.

A frame is full by its messages, or by their bytes: these are judged by what those of the last frame took, since what
lies in a queue is not built yet.

Without a linger everything goes as soon as the sending thread comes to it: at rest nothing is delayed, and while
it is busy frames fill by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Batching"]


class Batching:
    """Decides for one outlet. Used by the sending thread only; ``clock`` gives seconds."""

    __slots__ = ("_bytes", "_clock", "_most", "_since", "full", "linger_s")

    def __init__(self, linger_s: float, messages: int, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.linger_s = linger_s
        self._most = messages
        self._bytes = size
        #: With so many messages a frame is full.
        self.full = messages
        self._clock = clock
        self._since: float | None = None

    def note(self, messages: int, size: int) -> None:
        """A frame of so many messages and bytes has gone."""
        if messages:
            self.full = max(1, min(self._most, self._bytes * messages // size))

    def hold(self, waiting: int, *, urgent: bool = False) -> float:
        """For how many seconds to leave ``waiting`` messages where they are; 0 to send now, ``urgent`` as what is full."""
        if not self.linger_s:
            return 0.0
        if urgent or not waiting or waiting >= self.full:
            self._since = None
            return 0.0
        now = self._clock()
        if self._since is None:
            self._since = now
        left = self._since + self.linger_s - now
        if left <= 0:
            self._since = None
            return 0.0
        return left
