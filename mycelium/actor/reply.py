"""Reply: the future of an ask. A pykka future without a condition variable, and with a deadline."""

from __future__ import annotations

import queue
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
from pykka._future import _Unset

from mycelium.contracts.message_sets import shown
from mycelium.deadline import seconds_of
from mycelium.dispatcher.awaiting import is_in_event_loop, wait_in_loop
from mycelium.dispatcher.current import now, running
from mycelium.dispatcher.waiting import wait_inside, wait_outside
from mycelium.errors.actor import AskCycleError, AskTimeoutError
from mycelium.mailbox.gate import Gate

if TYPE_CHECKING:
    from pykka._future import GetHookFunc
    from pykka._types import OptExcInfo

    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Reply"]

T = TypeVar("T")

#: Held for a few steps, when an outcome is set: one for all. Of those that their holder may take again, for a finalizer
#: that answers may come in the middle.
_settling = RLock()


class Reply(pykka.ThreadingFuture[T]):
    """A `pykka.ThreadingFuture` that costs its receiver one lock release.

    Whoever waits makes a lock of his own, enters it, and looks at the outcome once more before he
    sleeps; whoever sets stores the outcome first and releases the locks that were entered after
    that. So one of the two sees the other, and no waiter is left.

    A reply to a declared message carries the deadline of its ask: `get` without a timeout waits
    until then, and no answer is an `AskTimeoutError`. For everything else it is as in pykka.
    """

    # What it begins with stands in the class: one is made for each ask.
    _outcome: tuple[Any, OptExcInfo | None] | None = None
    _get_hook: GetHookFunc[T] | None = None
    _get_hook_result: Any = _Unset()
    _hook_running: RLock | None = None
    _asked: tuple[str, type[Any] | str, float, float] | None = None
    #: The mailbox of the actor that is to answer.
    target: Mailbox | None = None
    #: Nobody waits any more, and handling the question again would only close the same circle again.
    abandoned = False

    def __init__(self) -> None:
        # Not ThreadingFuture's, which makes a condition variable.
        self._waiters: list[Gate | Lock] = []

    def expect(self, mailbox: Mailbox, message: type[Any], timeout: float) -> None:
        """Say who is to answer, what was asked, and until when: `get` waits no longer."""
        self.target = mailbox
        self._asked = (mailbox.tally.name, message, timeout, now() + timeout)

    @property
    def is_computed(self) -> bool:
        """Whether it has no outcome of its own, but asks others for it: what ``map``, ``join`` and the like make."""
        return self._get_hook is not None

    def when_done(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, once, by whoever sets the outcome; now where it is there. It must not wait for anything."""
        waiter: Any = Calling(call)
        self._waiters.append(waiter)
        if self._is_settled():
            waiter.release()

    def time_out(self) -> None:
        """Raise what `get` raises when the deadline has passed."""
        self._time_out(None)

    @property
    def seconds_left(self) -> float | None:
        """How long the answer may still take; None where it has no deadline."""
        return None if self._asked is None else max(self._asked[3] - now(), 0)

    def hand_over(self, target: Mailbox, message: str) -> None:
        """Another actor is to answer, within the same deadline."""
        self.target = target
        if self._asked is not None:
            _, _, timeout, deadline = self._asked
            self._asked = (target.tally.name, message, timeout, deadline)

    def get(self, *, timeout: float | None = None) -> Any:
        """The outcome: returns the value or raises the exception; waits for it where it is not there yet."""
        outcome = self._outcome
        if outcome is None:
            if self._get_hook is None:
                self._wait(timeout)
            outcome = self._outcome
            if outcome is None:
                return self._from_hook(timeout)
        value, exc_info = outcome
        if exc_info is None:
            return value
        exc_type, exc_value, exc_traceback = exc_info
        if exc_value is None:
            assert exc_type is not None
            exc_value = exc_type()
        raise exc_value.with_traceback(exc_traceback)

    def __await__(self) -> Generator[Any, Any, Any]:
        """Await the outcome: the event loop goes on meanwhile, and a deadline holds. Without a loop as in pykka."""
        return (yield from self._awaited(None))

    __iter__ = __await__

    def within(self, timeout: float) -> Awaitable[Any]:
        """To be awaited: the outcome within ``timeout`` seconds, else `AskTimeoutError` or ``pykka.Timeout``."""
        return _Within(self, timeout)

    def _awaited(self, timeout: float | None) -> Generator[Any, Any, Any]:
        if not is_in_event_loop():
            return (yield from super().__await__())
        if not self._is_settled():
            seconds = self._seconds(timeout)
            try:
                answered = yield from wait_in_loop(self._waiters, self._is_settled, self, seconds)
            except AskCycleError:
                self.abandoned = True
                raise
            if not answered:
                self._time_out(timeout)
        if self._outcome is None:
            from asyncio import to_thread

            return (yield from to_thread(self.get, timeout=timeout).__await__())  # a hook waits, but not in the loop
        return self.get()

    def set(self, value: Any | None = None) -> None:
        """Set the value. Raises ``queue.Full`` where there is an outcome or a get hook already."""
        self._settle((value, None))

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Set an exception, by default the one being handled. Raises as `set`."""
        assert exc_info is None or len(exc_info) == 3
        self._settle((None, exc_info or sys.exc_info()))

    def set_get_hook(self, func: GetHookFunc[T]) -> None:
        """Have ``func`` make the value when it is asked for. Raises ``queue.Full`` after `set`."""
        with _settling:
            free = self._outcome is None
            if free:
                self._hook_running = self._hook_running or RLock()
                self._get_hook = func
        if not free:
            raise queue.Full
        self._release_waiters()

    def _settle(self, outcome: tuple[Any, OptExcInfo | None]) -> None:
        with _settling:
            free = self._outcome is None and self._get_hook is None
            if free:
                self._outcome = outcome
        if not free:
            raise queue.Full
        if self._waiters:
            self._release_waiters()

    def _release_waiters(self) -> None:
        for waiter in tuple(self._waiters):  # one that gives up may take itself out meanwhile
            if waiter.locked():
                with suppress(RuntimeError):  # a second hook has come at the same time
                    waiter.release()

    def _from_hook(self, timeout: float | None) -> Any:
        assert self._hook_running is not None
        with self._hook_running:
            return pykka.Future.get(self, timeout=timeout)

    def _wait(self, timeout: float | None) -> None:
        waiter = Gate()
        self._waiters.append(waiter)
        if self._outcome is None and self._get_hook is None and not self._sleep(waiter, self._seconds(timeout)):
            self._waiters.remove(waiter)
            if self._outcome is None:
                self._time_out(timeout)

    def _sleep(self, waiter: Gate | Lock, seconds: float) -> bool:
        actor = running.actor
        if actor is None:
            return wait_outside(waiter, seconds)
        try:
            return wait_inside(actor, self, waiter, seconds)
        except AskCycleError:
            self.abandoned = True
            raise

    def _is_settled(self) -> bool:
        return self._outcome is not None or self._get_hook is not None

    def _seconds(self, timeout: float | None) -> float:
        if timeout is None:
            return -1 if (left := self.seconds_left) is None else left
        return max(seconds_of(timeout), 0)

    def _time_out(self, timeout: float | None) -> None:
        if self._asked is None:
            raise pykka.Timeout(f"{timeout} seconds")
        actor, message, allowed, _ = self._asked
        named = message if isinstance(message, str) else shown(message)
        raise AskTimeoutError(actor=actor, message=named, timeout_s=allowed if timeout is None else timeout)


class Calling:
    """Looks like a lock that somebody waits for; releasing it calls."""

    __slots__ = ("_call", "_first")

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._first = Lock()

    def locked(self) -> bool:
        """Whether it is to be released."""
        return not self._first.locked()

    def release(self) -> None:
        """Call, unless somebody has done so."""
        if self._first.acquire(blocking=False):
            self._call()


class _Within:
    """Awaits a reply with a limit."""

    __slots__ = ("_reply", "_timeout")

    def __init__(self, reply: Reply[Any], timeout: float) -> None:
        self._reply = reply
        self._timeout = timeout

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._reply._awaited(self._timeout)
