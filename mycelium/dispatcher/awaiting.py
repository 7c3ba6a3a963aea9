"""How a future is awaited: the event loop goes on, and the one who answers wakes it up.

To the one who answers, what waits here is a lock that he releases, as those are on which threads wait.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .current import running
from .waiting import note_wait

if TYPE_CHECKING:
    import asyncio
    from threading import Lock

    from mycelium.gate import Gate

    from .waiting import Awaited

__all__ = ["is_in_event_loop", "wait_in_loop"]


def is_in_event_loop() -> bool:
    """Whether an event loop runs in this thread. Does not import asyncio: who runs a loop has done so."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


class LoopWaiter:
    """Looks like a lock that somebody waits for; releasing it wakes the task that awaits it."""

    __slots__ = ("_loop", "future")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.future: asyncio.Future[bool] = loop.create_future()

    def locked(self) -> bool:
        """Whether it waits still."""
        return not self.future.done()

    def release(self) -> None:
        """Wake it, from any thread."""
        with suppress(RuntimeError):  # the loop has ended, and with it who waited
            self._loop.call_soon_threadsafe(self.settle, True)

    def settle(self, answered: bool) -> None:
        """In the thread of the loop: the answer is there, or the deadline has passed."""
        if not self.future.done():
            self.future.set_result(answered)


def wait_in_loop(
    waiters: list[Gate | Lock], is_settled: Any, awaited: Awaited, seconds: float
) -> Generator[Any, Any, bool]:
    """Await an answer for ``seconds`` or (-1) without end; whether it came. Raises `AskCycleError`.

    What awaits in a turn of an actor keeps that actor from its other mail, so a circle of those is
    refused. In a task of the user's own, nobody knows who waits.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    waiter: Any = LoopWaiter(loop)
    actor = running.actor
    with note_wait(actor, awaited):
        waiters.append(waiter)
        timer = None if seconds < 0 else loop.call_later(seconds, waiter.settle, False)
        try:
            if is_settled():
                return True
            answered: bool = yield from waiter.future.__await__()
            return answered
        finally:
            if timer is not None:
                timer.cancel()
            with suppress(ValueError):
                waiters.remove(waiter)
