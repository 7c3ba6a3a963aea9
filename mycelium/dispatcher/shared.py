"""Many actors on few threads: a queue of actors that have mail, and workers that give each a turn.

**Who runs an actor.** An actor's mailbox has two marks that are only ever tried, never waited for.
`Inbox.enter_queue` is for a sender that finds the mailbox asleep and puts the actor on the queue, and
it stands there until a worker takes it off: once at most. `Inbox.enter_turn` is for who gives it a
turn, to whose end it stays: no two threads are ever in one actor.

**Why no message waits for ever.** Whoever ends a turn first sets ``asleep``, then calls
`Inbox.leave_turn`, and then looks at the mailbox once more; a sender first appends and then looks at
``asleep``. Whichever comes last sees the other. A worker that takes an actor which is being run by
somebody else drops it: the other one has that last look ahead of him.

**Why turns are bounded.** After ``throughput`` messages an actor goes to the end of the queue, so
that one with much mail does not starve those with little.

The threads exist while actors do: a program ends when its last actor has stopped, as with pykka.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from threading import Lock, RLock
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Literal

import pykka

from mycelium.core import gil_is_on
from mycelium.mailbox.gate import Gate

from .clock import Clock, clock
from .current import running
from .slow import watch

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox

    from .waiting import Awaited

__all__ = ["THROUGHPUT", "Dispatcher"]

#: Messages that an actor handles in one turn, at most.
THROUGHPUT = 256


class Dispatcher:
    """A queue of actors with mail, and the worker threads that serve it."""

    kind: ClassVar[Literal["threads", "asyncio"]] = "threads"
    #: Whether an actor may handle a question in the turn of the one who asks; see `mycelium.dispatcher.inside`.
    handles_inside: ClassVar[bool] = True
    #: The length of a turn where nobody says another one.
    throughput_usual: ClassVar[int] = THROUGHPUT

    def __init__(
        self, name: str, *, workers: int | None = None, throughput: int | None = None, daemon: bool = False
    ) -> None:
        self.name = name
        self.daemon = daemon
        self.throughput = throughput or self.throughput_usual
        self.workers = workers or _usual_workers()
        #: What the timers of its actors go by.
        self.clock: Clock = clock
        #: From when on a handler is reported as slow; None where the process is to say, 0 for never.
        self.slow_handler_ms: int | None = None
        self._ready: deque[Mailbox] = deque()
        #: The gates at which workers without work wait.
        self._idle: list[Gate] = []
        self._lock = RLock()  # a finalizer that waits for room may come in the middle
        self._attached = 0
        self._threads = 0
        self._blocked = 0
        self._started = 0

    def __repr__(self) -> str:
        return f"Dispatcher({self.name!r}, workers={self.workers}, actors={self._attached})"

    @property
    def is_in_use(self) -> bool:
        """Whether actors run here."""
        return self._attached > 0

    def configure(
        self, *, workers: int | None, throughput: int | None = None, slow_handler_ms: int | None = None
    ) -> None:
        """Change the number of workers and the length of a turn, also while actors run."""
        self.slow_handler_ms = slow_handler_ms
        self.workers = workers or _usual_workers()
        self.throughput = throughput or self.throughput_usual

    def attach(self, actor: Actor) -> None:
        """Run this actor from now on, until it has stopped."""
        with self._lock:
            self._attached += 1
            self._staff()
        mailbox = actor.mailbox
        mailbox.attach(actor, self)
        # First asleep, then the look: a sender appends, then looks whether it is asleep.
        mailbox.asleep = True
        if mailbox.items or mailbox.refusing or _begins_at_once(actor):
            mailbox.wake()

    def enqueue(self, mailbox: Mailbox) -> None:
        """Put an actor on the queue, for which the caller has entered it."""
        self._ready.append(mailbox)
        if self._idle:
            self._open_gate()

    def run_inside(self, mailbox: Mailbox, awaited: Awaited, until: Gate | Lock, seconds: float) -> bool:
        """Give an actor turns in this thread, as long as it has mail and the lock is held.

        For a handler that waits for what that actor is to bring about, for ``seconds`` or (-1) without end. False,
        and nothing was done, where somebody else is running it. Of one message each, for an answer may be there after
        any of them; who waits for room in a full mailbox waits for many, and gives usual turns.
        """
        budget = self.throughput if awaited is mailbox else 1
        deadline = inf if seconds < 0 else monotonic() + seconds
        if not mailbox.enter_turn():
            return False
        outer = running.actor
        running.depth += 1
        try:
            while (
                mailbox.items
                and until.locked()
                and mailbox.owner is not None
                and not mailbox.paused
                and monotonic() < deadline
            ):
                self._give_turn(mailbox, budget)
                if awaited.target is not mailbox:
                    break
        finally:
            running.depth -= 1
            running.actor = outer
            self._leave(mailbox)
        return True

    def refuse_wait(self, actor: Actor, target: Mailbox | None) -> None:
        """Raise where a handler must not wait as it is about to. Here it may: another thread takes over."""

    def cut_short(self, mailbox: Mailbox) -> None:
        """Interrupt the turn of an actor that is to stop at once. Here nobody can."""

    @contextmanager
    def blocking(self) -> Iterator[None]:
        """While the caller, a worker of this dispatcher, waits: have another thread do its work."""
        with self._lock:
            self._blocked += 1
            self._staff()
        try:
            yield
        finally:
            with self._lock:
                self._blocked -= 1

    def _staff(self) -> None:
        """With the lock held: as many threads that can work as there should be."""
        while self._attached and self._threads - self._blocked < self.workers:
            self._threads += 1
            self._started += 1
            name = f"mycelium-{self.name}-{self._started}"
            threading.Thread(target=self._run_worker, name=name, daemon=self.daemon).start()

    def _run_worker(self) -> None:
        with watch.over(self):
            self._work()

    def _work(self) -> None:
        gate = Gate()
        take = self._ready.popleft
        while True:
            try:
                mailbox = take()
            except IndexError:
                if self._is_over(resting=True):
                    return
                self._rest(gate)
                continue
            mailbox.leave_queue()
            if mailbox.enter_turn():
                try:
                    self._give_turn(mailbox, self.throughput)
                finally:
                    running.actor = None
                    self._leave(mailbox)
            if self._threads - self._blocked > self.workers and self._is_over(resting=False):
                return

    def _give_turn(self, mailbox: Mailbox, budget: int) -> None:
        actor = mailbox.owner
        if actor is None:
            return  # it has stopped
        running.actor = actor
        if actor._take_turn(budget):
            return
        self._detach(mailbox)

    def _detach(self, mailbox: Mailbox) -> None:
        """The actor has ended."""
        mailbox.detach()
        with self._lock:
            self._attached -= 1
            over = not self._attached
        if over:
            self._end_rest()

    def _end_rest(self) -> None:
        """The last actor has ended: let the threads that rest end too."""
        for _ in tuple(self._idle):
            self._open_gate()

    def _leave(self, mailbox: Mailbox) -> None:
        """The end of a turn: to the end of the queue with mail left, else to sleep."""
        if mailbox.items and mailbox.owner is not None and not mailbox.paused:
            mailbox.leave_turn()
            if mailbox.enter_queue():
                self.enqueue(mailbox)
            return
        mailbox.asleep = True
        mailbox.leave_turn()
        if (mailbox.items and not mailbox.paused) or (mailbox.refusing and mailbox.owner is not None):
            mailbox.wake()

    def _rest(self, gate: Gate) -> None:
        """Wait for work. First registered, then another look: whoever enqueues does it the other way round."""
        self._idle.append(gate)
        if self._ready or not self._attached:
            try:
                self._idle.remove(gate)
            except ValueError:
                pass  # somebody is opening it
            else:
                return
        gate.acquire()

    def _open_gate(self) -> None:
        try:
            gate = self._idle.pop()
        except IndexError:
            return  # somebody else has woken the last one
        gate.release()

    def _is_over(self, *, resting: bool) -> bool:
        """Whether this thread is to end: no actor is left, or there are more threads than wanted."""
        with self._lock:
            over = not self._attached if resting else False
            if over or self._threads - self._blocked > self.workers:
                self._threads -= 1
                return True
            return False


def _begins_at_once(actor: Actor) -> bool:
    """Whether it has something to do before its first message: to wake a worker for nothing costs most of a start."""
    on_start, set_up = getattr(actor.on_start, "__func__", None), getattr(actor._actor_loop_setup, "__func__", None)
    return on_start is not pykka.Actor.on_start or set_up is not pykka.Actor._actor_loop_setup


def _usual_workers() -> int:
    """One under the GIL, where more threads only get in each other's way."""
    return 1 if gil_is_on() else os.cpu_count() or 1
