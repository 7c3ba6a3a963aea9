"""How a future is awaited: the event loop goes on, and the one who answers wakes it up.

To the one who answers, what waits here is a lock that he releases, as those are on which threads wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .current import running
from .waiting import note_gathered, note_wait

if TYPE_CHECKING:
    import asyncio
    from threading import Lock

    from mycelium.actor.actor import Actor
    from mycelium.mailbox.gate import Gate

    from .waiting import Awaited

__all__ = ["is_in_event_loop", "turn_of", "wait_in_loop"]


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


#: In a turn, and in the tasks that begin in it: whose turn that is, and its task.
turn_of: ContextVar[tuple[Actor, asyncio.Task[Any]] | None] = ContextVar("turn_of", default=None)

#: What a gathering future waits for.
_members: WeakKeyDictionary[Any, frozenset[Any]] = WeakKeyDictionary()


def gathered_by() -> tuple[Actor, Callable[[], bool]] | None:
    """Whose turn waits for this task just now, as it awaits the task or gathers it with others; and whether it still does."""
    import asyncio

    found = turn_of.get()
    if found is None:
        return None
    actor, turn = found
    still = partial(_leads_to, turn, asyncio.current_task())
    return (actor, still) if still() else None


def _leads_to(future: Any, wanted: object) -> bool:
    """Whether what ``future`` waits for is, or waits for, the wanted task."""
    waited = getattr(future, "_fut_waiter", None)  # of a task
    if waited is not None:
        return waited is wanted or _leads_to(waited, wanted)
    children = getattr(future, "_children", None)  # of what `asyncio.gather` gives
    if children is None:
        return False
    members = _members.get(future)
    if members is None:
        members = _members[future] = frozenset(children)
    return wanted in members or any(_leads_to(child, wanted) for child in members)


def wait_in_loop(
    waiters: list[Gate | Lock], is_settled: Any, awaited: Awaited, seconds: float
) -> Generator[Any, Any, bool]:
    """Await an answer for ``seconds`` or (-1) without end; whether it came. Raises `AskCycleError`.

    What awaits in a turn of an actor keeps that actor from its other mail, so a circle of those is
    refused; that of tasks which it gathers, too. Of any other task nobody knows who waits for it.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    waiter: Any = LoopWaiter(loop)
    actor = running.actor
    with note_wait(actor, awaited) if actor is not None else note_gathered(gathered_by(), awaited):
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
