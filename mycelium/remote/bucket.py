"""A bucket of tokens: how much may be taken in a second, and how long to wait before more is."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Bucket"]


class Bucket:
    """Holds at most what ``per_s`` gives in a second, and is full at first; ``clock`` gives seconds.

    What is taken may be more than it holds: then nobody takes again before that is made up for.
    """

    __slots__ = ("_clock", "_held", "_looked_at", "per_s")

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_s = per_s
        self._clock = clock
        self._held = per_s
        self._looked_at = clock()

    def take(self, amount: float) -> None:
        """Take that much."""
        self._fill()
        self._held -= amount

    def wait_s(self) -> float:
        """How long it is empty yet; 0 where something may be taken now."""
        self._fill()
        return max(0.0, -self._held / self.per_s)

    def _fill(self) -> None:
        now = self._clock()
        self._held = min(self.per_s, self._held + (now - self._looked_at) * self.per_s)
        self._looked_at = now
