"""Reports handlers that run for too long, by name and with their stack.

A thread of its own looks, twice in that time, at who runs in each thread that runs actors. What it
compares are counts that are there anyway (messages handled, envelopes taken, steps of coroutines):
where none of them has moved since the last look, it is the same handler that runs. So a message
costs nothing, and what is reported is right to half the limit: a handler has run for that long at
least when it is reported, and for no longer than ``total_ms`` when it has ended. The thread begins with the first
thread that runs actors, and ends with the last.

Of a coroutine it is a step between two awaits that counts: while it awaits, it holds up nobody. A
source may wait in ``produce``, which is what its own thread is for.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from mycelium.attempted_log import try_to_log
from mycelium.contracts.message_sets import shown
from mycelium.errors.event_loop import SlowHandlerError

from .current import running

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor

    from .shared import Dispatcher

__all__ = ["SLOW_HANDLER_MS", "Watch", "watch"]

#: How long a handler may run before it is reported, where nobody says anything else.
SLOW_HANDLER_MS = 100


class Watched:
    """A thread that runs actors: what it is at, and since when."""

    __slots__ = ("dispatcher", "log", "looked_at", "marks", "message", "reported", "since", "since_at_most", "state")

    def __init__(self, dispatcher: Dispatcher | None, state: dict[str, Any]) -> None:
        self.dispatcher = dispatcher
        self.state = state
        self.marks: tuple[int, ...] | None = None
        self.looked_at = 0.0
        #: When it was seen to be at it first, and when it was not yet.
        self.since = 0.0
        self.since_at_most = 0.0
        self.reported = False
        self.message = ""
        self.log: Any = None


class Watch:
    """Looks at the threads that run actors. ``slow_handler_ms`` holds where a dispatcher has none of its own; 0 is off."""

    def __init__(self, *, slow_handler_ms: int = SLOW_HANDLER_MS) -> None:
        self.slow_handler_ms = slow_handler_ms
        self._lock = Lock()
        self._threads: dict[int, Watched] = {}
        self._thread: threading.Thread | None = None
        self._over = Event()

    @contextmanager
    def over(self, dispatcher: Dispatcher | None) -> Iterator[None]:
        """While this thread runs actors: watch it."""
        ident = threading.get_ident()
        with self._lock:
            self._threads[ident] = Watched(dispatcher, vars(running))
            if self._thread is None:
                self._over = Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._over,), name="mycelium-watch", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            last = None
            with self._lock:
                del self._threads[ident]
                if not self._threads:
                    last, self._thread = self._thread, None
                    self._over.set()
            if last is not None:
                last.join()

    def look(self, now: float) -> None:
        """Compare with what was seen before; ``now`` in seconds, of any clock that goes on."""
        with self._lock:
            threads = tuple(self._threads.items())
        for ident, watched in threads:
            actor: Actor | None = watched.state.get("actor")
            limit = self._limit_ms(watched)
            marks = _marks_of(actor, watched.state) if actor is not None and limit else None
            if marks != watched.marks:
                if watched.reported:
                    try_to_log(
                        watched.log.warning,
                        "slow handler ended",
                        code=SlowHandlerError.code,
                        message=watched.message,
                        total_ms=round(1000 * (now - watched.since_at_most)),
                    )
                watched.marks = marks
                watched.since = now
                watched.since_at_most = watched.looked_at or now
                watched.reported = False
            elif marks is not None and actor is not None and not watched.reported:
                running_ms = round(1000 * (now - watched.since))
                if running_ms >= limit and (place := _place(sys._current_frames().get(ident))) is not None:
                    watched.reported = True
                    self._report(watched, actor, place, running_ms)
            watched.looked_at = now

    def _report(self, watched: Watched, actor: Actor, place: tuple[str, str], running_ms: int) -> None:
        watched.message, stack = place
        watched.log = actor.log
        slow = SlowHandlerError(
            actor=actor.name, message=watched.message, milliseconds=running_ms, who_waits=_who_waits(watched.dispatcher)
        )
        try_to_log(
            watched.log.warning,
            "handler is slow",
            code=slow.code,
            message=watched.message,
            running_ms=running_ms,
            error=str(slow),
            stack=stack,
        )

    def _limit_ms(self, watched: Watched) -> int:
        own = None if watched.dispatcher is None else watched.dispatcher.slow_handler_ms
        return self.slow_handler_ms if own is None else own

    def _run(self, over: Event) -> None:
        while not over.wait(self._pause_s()):
            self.look(monotonic())

    def _pause_s(self) -> float:
        with self._lock:
            limits = [limit for limit in map(self._limit_ms, self._threads.values()) if limit]
        return min(limits, default=2 * SLOW_HANDLER_MS) / 2000


def _marks_of(actor: Actor, state: dict[str, Any]) -> tuple[int, ...] | None:
    """What moves when the actor goes on to something else; None while it rests."""
    mailbox = actor.mailbox
    if mailbox.asleep or getattr(actor, "_pumping", False):
        return None
    handled = sum(cell.handled for cell in tuple(mailbox.tally.cells.values()))
    return (id(actor), handled, actor._envelopes, state.get("steps", 0))


def _who_waits(dispatcher: Dispatcher | None) -> str:
    """Whom it holds up, and what to do about that."""
    if dispatcher is None:
        return "its own mail waits: let it do less at a time"
    if dispatcher.kind == "asyncio":
        return f"all actors of {dispatcher.name!r} wait: await, or use asyncio.to_thread"
    return f'others of dispatcher {dispatcher.name!r} wait: dispatcher="pinned" gives it a thread of its own'


def _place(frame: FrameType | None) -> tuple[str, str] | None:
    """What is handled in this thread, and the stack from the handler on; None between turns.

    Someone who sent to an actor that sleeps has woken it; a busy machine may let its thread wait long before it runs.
    """
    frames: list[FrameType] = []
    turns = _turns()
    while frame is not None:
        if frame.f_code in turns:
            given = frame.f_locals.get(turns[frame.f_code])
            given = getattr(given, "message", given)
            message = "no message" if given is None else shown(type(given))
            lines = traceback.StackSummary.extract((one, one.f_lineno) for one in reversed(frames))
            return message, "".join(lines.format()).rstrip()
        frames.append(frame)
        frame = frame.f_back
    return None


def _turns() -> dict[CodeType, str]:
    """The functions that call handlers and hooks, and the variable in which each has the message."""
    from mycelium.actor.actor import Actor

    found = {
        Actor._drain.__code__: "run",
        Actor._handle_envelope.__code__: "envelope",
        Actor._handle_batch.__code__: "first",
        Actor._take_turn.__code__: "",
    }
    loop = sys.modules.get("mycelium.dispatcher.async_turn")
    if loop is not None:
        found[loop._call.__code__] = found[loop._finish.__code__] = "message"
        found[loop._handle_envelope.__code__] = "envelope"
        found[loop._run_hooks.__code__] = ""
        found[loop.take_turn.__code__] = ""
    return found


#: The watch of this process.
watch = Watch()
