"""A thread that moves only while somebody stands and waits for it: a coroutine with a stack of its own.

A source pauses in the middle of `produce`, which only a stack of its own can do. So that nothing runs
beside anything else, whoever lets a strand go on waits until it has finished or parked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Lock

__all__ = ["Strand"]


class Strand:
    """Runs pieces of work one after the other; a piece may `park` and be resumed."""

    def __init__(self, name: str) -> None:
        self.parked = False
        self._go = _closed_gate()
        self._back = _closed_gate()
        self._work: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], None]) -> None:
        """Do ``work`` until its end, or until it parks; raises what it raises."""
        self._work = work
        self.resume()

    def resume(self) -> None:
        """Go on, until the work ends or parks again."""
        self._go.release()
        self._back.acquire()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def park(self) -> None:
        """On the strand: let the one who waits go on; returns when it is resumed."""
        self.parked = True
        self._back.release()
        self._go.acquire()
        self.parked = False

    def end(self) -> None:
        """End the thread, which must not be parked."""
        self._work = None
        self._go.release()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            self._go.acquire()
            work = self._work
            if work is None:
                return
            try:
                work()
            except BaseException as error:
                self._error = error
            self._back.release()


def _closed_gate() -> Lock:
    gate = Lock()
    gate.acquire()
    return gate
