"""What is logged of refused frames: the first of a burst one by one, and of all others how many they were."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from mycelium.attempted_log import try_to_log
from mycelium.errors.cluster import FrameRefusedError

__all__ = ["LINES_MAX", "LINES_S", "RefusalLog"]

#: So many refused frames of a peer are logged one by one within so many seconds.
LINES_MAX = 5
LINES_S = 10.0


class RefusalLog:
    """Logs the refused frames of one peer. For one thread; ``clock`` is in seconds.

    Attributes:
        untold: Frames that were refused since the last line, and are in no line yet.
    """

    def __init__(self, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.untold = 0
        self._log = log
        self._clock = clock
        self._told_at: deque[float] = deque(maxlen=LINES_MAX)

    @property
    def _full(self) -> bool:
        return len(self._told_at) == LINES_MAX and self._clock() - self._told_at[0] <= LINES_S

    def tell(self, problem: FrameRefusedError) -> None:
        """Log this one, or count it."""
        if self._full:
            self.untold += 1
            return
        self.tell_rest()
        self._told_at.append(self._clock())
        try_to_log(self._log.error, "something is wrong with what came", **problem.to_dict())

    def look(self) -> None:
        """Nothing comes: say how many were not logged, when the burst is over."""
        if self.untold and not self._full:
            self.tell_rest()

    def tell_rest(self) -> None:
        """Say how many were not logged."""
        if self.untold:
            try_to_log(self._log.error, "more frames were refused", frames=self.untold)
            self.untold = 0
