"""A counter that any thread may advance, exact and as cheap as one C call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from threading import Lock

from mycelium.core import gil_is_on

__all__ = ["SharedCounter"]


#: Held while a counter is read: one for all of them, since reports read them one after the other.
_reading = Lock()


class SharedCounter:
    """Counts calls from any thread and loses none.

    ``advance()`` returns how often it was called before. Why it is exact:

    * Under the GIL it is ``itertools.count().__next__``: one call into C that neither runs Python
      code nor releases the GIL, so no two threads can be inside (25 ns; ``n += 1`` on an attribute
      is a read, an add and a write, and loses counts between them).
    * Without a GIL that call is not promised to be atomic, so ``advance`` takes a lock.

    ``itertools.count`` cannot be read without advancing it; `value` advances it and subtracts its
    own reads, which only happen under a lock. The compiled `Cell` and `Route` have an integer that only C touches.
    """

    __slots__ = ("_lock", "_reads", "advance")

    def __init__(self, *, locked: bool | None = None) -> None:
        self._lock = _reading
        self._reads = 0
        ticks = count().__next__
        use_lock = not gil_is_on() if locked is None else locked
        self.advance: Callable[[], int] = self._locked(ticks) if use_lock else ticks

    def _locked(self, ticks: Callable[[], int]) -> Callable[[], int]:
        lock = Lock()

        def advance() -> int:
            with lock:
                return ticks()

        return advance

    @property
    def value(self) -> int:
        """How often `advance` was called so far."""
        with self._lock:
            seen = self.advance() - self._reads
            self._reads += 1
            return seen
