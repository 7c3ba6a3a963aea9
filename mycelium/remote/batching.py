"""Batching: when what waits in an outlet goes as a frame. Full at once; else when the first of it has waited long enough.

Without a linger everything goes as soon as the sending thread comes to it: at rest nothing is delayed, and while
it is busy frames fill by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Batching"]

#: While a frame waits, it is looked at so often whether it is full by now, in parts of the linger.
_LOOKS = 4


class Batching:
    """Decides for one outlet. Used by the sending thread only; ``clock`` gives seconds."""

    __slots__ = ("_clock", "_since", "full", "linger_s")

    def __init__(self, linger_s: float, full: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.linger_s = linger_s
        self.full = full
        self._clock = clock
        self._since: float | None = None

    def hold(self, waiting: int, *, urgent: bool = False) -> float:
        """For how many seconds to leave ``waiting`` messages where they are before asking again; 0 to send now."""
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
        return min(left, self.linger_s / _LOOKS)
