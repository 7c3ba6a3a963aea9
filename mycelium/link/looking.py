"""Looking: how long a receiver looks for the next frame before it sleeps. That takes a core, and saves the time to be woken."""

from __future__ import annotations

__all__ = ["Looking"]

#: After so many waits in a row that were too long for it, a receiver no longer looks.
MISSES_MAX = 8


class Looking:
    """Looks as long as frames come within ``spin_us``: a receiver to which nothing comes sleeps at once, and uses no core.

    It begins again with the first frame that comes so soon.
    """

    __slots__ = ("_misses", "spin_us")

    def __init__(self, spin_us: int) -> None:
        self.spin_us = spin_us
        self._misses = 0

    def next_us(self) -> int:
        """How long to look before the next sleep, in microseconds."""
        return self.spin_us if self._misses < MISSES_MAX else 0

    def note(self, waited_us: float) -> None:
        """So long the last wait took, in microseconds, whether it looked or slept."""
        self._misses = 0 if waited_us <= self.spin_us else self._misses + 1
