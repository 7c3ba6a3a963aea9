"""LazyEvent: a `threading.Event` that costs 64 bytes until somebody waits for it, not 1,100."""

from __future__ import annotations

import threading

__all__ = ["LazyEvent"]

_making = threading.Lock()


class LazyEvent:
    """`is_set`, `set`, `clear` and `wait`, as `threading.Event` has them.

    Whoever waits makes the event, then looks at the flag; whoever sets sets the flag, then looks
    for the event. One of the two sees the other.
    """

    __slots__ = ("_event", "_flag")

    def __init__(self) -> None:
        self._flag = False
        self._event: threading.Event | None = None

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._flag

    isSet = is_set  # noqa: N815 - as threading.Event still has it

    def set(self) -> None:
        """Set it, and wake all who wait."""
        self._flag = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        """Unset it."""
        self._flag = False
        if self._event is not None:
            self._event.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for ``timeout`` seconds; whether it is set."""
        if self._flag:
            return True
        with _making:
            event = self._event = self._event or threading.Event()
        return self.is_set() or event.wait(timeout)
