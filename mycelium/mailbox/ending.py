"""The end of a mailbox: what becomes of mail that nobody takes any more, and who is told that it is over.

**Why no message is lost at the end.** A dead owner sets ``closed`` and ``asleep`` and then empties
the queue; a sender that is late by a hair appends, finds ``asleep``, and empties the queue itself.
What is left is dead-lettered and counted, by exactly one of them, since ``popleft`` gives a message
to one caller only.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any, ClassVar

import pykka
from pykka._envelope import Envelope

from mycelium.actor.signals import left_in
from mycelium.contracts.message_sets import shown
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.errors.actor import StoppedFirstError
from mycelium.ledger.tally import Tally
from mycelium.mailbox.inbox import NOTHING_ACCEPTED, Inbox
from mycelium.mailbox.mail import is_control, unwrapped
from tlv import TLV

__all__ = ["Ending"]


class Ending(Inbox):
    """An inbox that counts, and that can be closed. `Mailbox` has the rest."""

    __slots__ = ("_ending", "_sweeping", "_watchers", "control", "kind", "tally", "urn")

    #: Held for a few steps, when somebody begins to wait for room or for the end of an actor: one for all mailboxes.
    #: Its own thread may come in again: a finalizer or a signal handler that sends in the middle of them. It does no harm there.
    _lock: ClassVar[RLock] = RLock()

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally("actor")
        self.accepts = self.tally.cells
        self.latency = self.tally.latency
        self.handling = self.tally.handling
        #: The class and the urn of the owner, by which pykka names it in its errors.
        self.kind: type[Any] = object
        self.urn = ""
        #: What overtakes the queue, see `mycelium.actor.signals`.
        self.control: tuple[Envelope[Any], ...] = ()
        #: Threads that are burying what is left: what each has in hand is not counted yet.
        self._sweeping = 0
        #: Who is to be told when the owner has ended, by who he is: his mailbox, where he is here.
        self._watchers: dict[object, Callable[[BaseException | None], None]] | None = None
        #: What the owner failed with, once it has ended.
        self._ending: tuple[BaseException | None] | None = None

    def make_room_known(self) -> None:
        """For the owner, when messages were taken out: resume those who wait for room."""

    def at_end(self, watcher: object, tell: Callable[[BaseException | None], None], *, ahead: bool = False) -> None:
        """Have ``tell`` called with what the owner failed with, once, when it has ended; now where it has.

        ``ahead`` is for mailboxes of actors elsewhere, whose end has a way to go: by which one.
        """
        del ahead
        with self._lock:
            if self._ending is None:
                self._watchers = self._watchers or {}
                self._watchers[watcher] = tell
                return
        tell(self._ending[0])

    def not_at_end(self, watcher: object) -> None:
        """Forget what `at_end` was told by that one."""
        with self._lock:
            if self._watchers:
                self._watchers.pop(watcher, None)

    def accept_no_more(self) -> None:
        """From now on no declared message gets in as it is, and the owner sees that it is to stop."""
        with self._lock:
            self.refusing = True
            self.accepts = NOTHING_ACCEPTED

    def close(self) -> int:
        """The owner is gone: bury what is left, and have senders bury what comes too late; how many were left."""
        self.accept_no_more()
        self.closed = True
        self.asleep = True
        left = self.sweep(told=True)
        self.engaged = False
        self.make_room_known()
        return left

    def tell_end(self, failure: BaseException | None) -> None:
        """The owner has ended, all is counted: tell those who watch it."""
        with self._lock:
            self._ending = (failure,)
            watchers, self._watchers = self._watchers, None
        for tell in (watchers or {}).values():
            tell(failure)

    def sweep(self, *, told: bool = False) -> int:
        """Dead-letter everything that waits and answer every ask; how many messages that were."""
        with self._lock:
            self._sweeping += 1
        try:
            return sum(self._bury(item, told=told) for item in left_in(self))
        finally:
            with self._lock:
                self._sweeping -= 1

    def _bury(self, item: Any, *, told: bool) -> int:
        reply_to = item.reply_to if isinstance(item, Envelope) else None
        message = unwrapped(item)
        if is_control(message):
            if reply_to is not None:
                with suppress(queue.Full):  # here and below: who asked was told already, as its peer was lost
                    reply_to.set(None)
            return 0
        self.tally.count_dead(type(message))
        if reply_to is not None:
            error: pykka.ActorDeadError
            if isinstance(message, TLV):
                error = StoppedFirstError(actor=self.tally.name, message=shown(type(message)))
            else:
                error = pykka.ActorDeadError(f"{self.kind.__name__} ({self.urn}) stopped before handling the message")
            with suppress(queue.Full):
                reply_to.set_exception((type(error), error, None))
        told = told or reply_to is not None
        publish(DeadLetterKind.DEAD_RECEIVER, self.tally.name, message, "it stopped before it came to it", told=told)
        return 1
