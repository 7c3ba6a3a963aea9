"""Actors on an event loop: one thread, in which handlers may await.

An actor's turn is a task. Its mailbox has the locks of `mycelium.dispatcher.shared`, and they mean
the same: ``queued`` from the wake-up until the turn is begun, ``running`` until its end. So an actor
whose handler awaits is in its turn still, and mail that comes meanwhile waits for the next one.

The loop and its thread begin with the first actor and end with the last one; tasks that a user has
made there are cancelled then, as `asyncio.run` does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mycelium.attempted_log import try_to_log
from mycelium.errors.event_loop import BlockingInLoopError
from mycelium.imports.light_structlog import structlog

from .async_turn import take_turn
from .awaiting import turn_of
from .coroutines import may_await
from .current import running
from .shared import Dispatcher
from .slow import watch

if TYPE_CHECKING:
    from threading import Lock

    from mycelium.actor.actor import Actor
    from mycelium.mailbox.gate import Gate
    from mycelium.mailbox.mailbox import Mailbox

    from .waiting import Awaited

__all__ = ["EventLoop", "Steps"]

#: Messages that an actor handles before the loop looks at sockets and timers again.
THROUGHPUT = 64


class Steps(Coroutine[Any, Any, Any]):
    """A coroutine of an actor: in each step between two awaits, the thread knows which actor it runs."""

    __slots__ = ("_actor", "_inner")

    def __init__(self, actor: Actor, inner: Coroutine[Any, Any, Any]) -> None:
        self._actor = actor
        self._inner = inner

    def send(self, value: Any) -> Any:
        """One step."""
        running.actor = self._actor
        running.steps += 1
        try:
            return self._inner.send(value)
        finally:
            running.actor = None

    def throw(self, *raised: Any) -> Any:
        """One step that begins with an exception."""
        running.actor = self._actor
        running.steps += 1
        try:
            return self._inner.throw(*raised)
        finally:
            running.actor = None

    def close(self) -> None:
        """Drop it."""
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()


class EventLoop(Dispatcher):
    """A dispatcher whose one worker is an event loop."""

    kind = "asyncio"
    handles_inside = False
    throughput_usual = THROUGHPUT

    def __init__(self, name: str, *, daemon: bool = False) -> None:
        super().__init__(name, workers=1, daemon=daemon)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Future[None] | None = None
        #: The turns that have begun.
        self._turns: dict[Mailbox, asyncio.Task[Any]] = {}

    def enqueue(self, mailbox: Mailbox) -> None:
        """Have an actor take its turn, whose ``queued`` the caller holds."""
        self._ready.append(mailbox)
        loop = self._loop
        try:
            if loop is None:
                self._bury()
            elif asyncio._get_running_loop() is loop:
                loop.call_soon(self._begin_turns)
            else:
                loop.call_soon_threadsafe(self._begin_turns)
        except RuntimeError:  # it has ended a moment ago
            self._bury()

    def run_inside(self, mailbox: Mailbox, awaited: Awaited, until: Gate | Lock, seconds: float) -> bool:
        """As elsewhere, for actors that never await."""
        if mailbox.owner is None or may_await(type(mailbox.owner)):
            return False
        return super().run_inside(mailbox, awaited, until, seconds)

    def refuse_wait(self, actor: Actor, target: Mailbox | None) -> None:
        """Raise `BlockingInLoopError` where who is to answer needs the loop that would be blocked."""
        if target is not None and target.dispatcher is self:
            raise BlockingInLoopError(actor=actor.name, target=target.tally.name)

    def cut_short(self, mailbox: Mailbox) -> None:
        """Cancel the turn that the actor is in, unless it does that itself."""
        loop = self._loop
        if loop is not None and running.actor is not mailbox.owner:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._cancel, mailbox)

    def _cancel(self, mailbox: Mailbox) -> None:
        turn = self._turns.get(mailbox)
        if turn is not None:
            turn.cancel()

    def _staff(self) -> None:
        if self._loop is not None:
            return
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        self._over = self._loop.create_future()
        self._started += 1
        name = f"mycelium-{self.name}-{self._started}"
        threading.Thread(target=self._run, args=(runner, self._over), name=name, daemon=self.daemon).start()

    def _run(self, runner: asyncio.Runner, over: asyncio.Future[None]) -> None:
        async def main() -> None:
            await over

        with watch.over(self), runner:
            while not over.done() and not runner.get_loop().is_closed():
                try:
                    runner.run(main())
                except (
                    BaseException
                ) as error:  # of a task that somebody began: SystemExit goes through the loop, and ends it
                    try_to_log(structlog.get_logger(dispatcher=self.name).error, "a task failed", exc_info=error)
        self._bury()

    def _end_rest(self) -> None:
        with self._lock:
            if not self._attached and self._over is not None:
                self._over.set_result(None)
                self._loop = self._over = None

    def _begin_turns(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            self._bury()  # this one is ending, and what it began now it would cancel
            return
        ready = self._ready
        while ready:
            mailbox = ready.popleft()
            mailbox.leave_queue()
            if not mailbox.enter_turn():
                continue
            actor = mailbox.owner
            if actor is None:
                self._leave(mailbox)
            else:
                asyncio.get_running_loop().create_task(Steps(actor, self._take_turn(actor, mailbox)))

    async def _take_turn(self, actor: Actor, mailbox: Mailbox) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._turns[mailbox] = task
        turn_of.set((actor, task))
        try:
            if not await take_turn(actor, self.throughput):
                self._detach(mailbox)
        finally:
            del self._turns[mailbox]
            self._leave(mailbox)

    def _bury(self) -> None:
        """What was sent to a dead actor in its last moment is a dead letter: no loop will look at it.

        Those that live are of a loop that has begun meanwhile, and that has been told of them.
        """
        for mailbox in self._ready.copy():
            if mailbox.owner is not None:
                continue
            with suppress(ValueError):  # somebody else has taken it
                self._ready.remove(mailbox)
                mailbox.leave_queue()
                mailbox.asleep = True
                if mailbox.items:
                    mailbox.wake()
