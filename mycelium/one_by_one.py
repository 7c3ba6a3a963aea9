"""OneByOne: steps that never run inside each other, whoever brings them, and from wherever.

A finalizer (``__del__``) and a signal handler run in the middle of whatever their thread is doing, and
either may send a message. Where the thread holds a plain lock just then, it would wait for itself for
ever; with one that lets it in again, it would work on things that are half changed. So what is brought in
the middle of a step, by the thread that takes it, is left there, and that thread takes it next.

The order makes it safe against a signal between any two lines: who takes a step says that it has ended,
and then looks for more; so what comes before that is found, and what comes after is taken where it comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

__all__ = ["OneByOne", "is_held_here"]

T = TypeVar("T")


class OneByOne(Generic[T]):
    """Has ``take`` called with all that is brought, one at a time, in the order in which it came."""

    __slots__ = ("_brought", "_lock", "_take", "_taking")

    def __init__(self, take: Callable[[T], None]) -> None:
        self._take = take
        self._brought: deque[T] = deque()
        self._lock = RLock()
        self._taking = False

    def bring(self, one: T) -> bool:
        """Whether it has been taken now; False where this thread is in the middle of another, and takes it after that."""
        with self._lock:
            if self._taking:
                self._brought.append(one)
                return False
            self._taking = True
            try:
                self._take(one)
            finally:
                self._taking = False
        if self._brought:
            self._take_brought()
        return True

    def _take_brought(self) -> None:
        while self._brought:
            with self._lock:
                if self._taking:
                    return
                self._taking = True
                try:
                    while self._brought:
                        self._take(self._brought.popleft())
                finally:
                    self._taking = False

    @property
    def is_taking_here(self) -> bool:
        """Whether this thread is in the middle of a step."""
        return is_held_here(self._lock)


def is_held_here(lock: RLock) -> bool:
    """Whether this thread holds the lock; as `threading.Condition` asks it."""
    held: bool = lock._is_owned()  # type: ignore[attr-defined]
    return held
