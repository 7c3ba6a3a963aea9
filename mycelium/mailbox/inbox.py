"""Inbox: of a mailbox, what every message goes through; the twin of the compiled one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from mycelium.core import compiled, native
from mycelium.ledger.latency import LatencyHistogram, now_ns
from mycelium.ledger.tally import Cell
from mycelium.mailbox.bounds import UNLIMITED
from mycelium.mailbox.mail import Keyed
from mycelium.mailbox.queue import Queue

__all__ = ["NOTHING_ACCEPTED", "Inbox"]

#: What an inbox accepts that takes no declared messages: one for all, and never written to.
NOTHING_ACCEPTED: dict[type[Any], Cell] = {}

if native is not None:
    native.register(keyed=Keyed, now_ns=now_ns)


@compiled
class Inbox:
    """Putting in, and what state the owner is in. `Mailbox` has the rest, among it `wake`.

    Where a dispatcher gives the owner its turns, two marks say who does what, and are only ever tried, never waited
    for; `mycelium.dispatcher.shared` tells what they are for.
    """

    __slots__ = (
        "_queued",
        "_turn",
        "accepts",
        "asleep",
        "capacity",
        "closed",
        "engaged",
        "handling",
        "items",
        "latency",
        "paused",
        "refusing",
        "started",
    )

    def __init__(self) -> None:
        self.items: Queue = Queue()
        #: The owner does not look at the queue by itself: it sleeps, or is dead. See `Mailbox.wake`.
        self.asleep = False
        #: At this many items a sender asks `Mailbox.overflow` what to do, which exists where there is a bound.
        self.capacity = UNLIMITED
        #: The cells of declared messages; those that are ``accepted`` may be put in as they are. Empty after a stop.
        self.accepts: dict[type[Any], Cell] = NOTHING_ACCEPTED
        #: Where the hand-off times of sampled messages go, and the times that their handlers took.
        self.latency: LatencyHistogram | None = None
        self.handling: LatencyHistogram | None = None
        #: The owner will take no more (it may still be in its last hook).
        self.refusing = False
        #: The owner is gone: whoever puts something in empties the mailbox.
        self.closed = False
        #: The owner's loop has begun.
        self.started = False
        #: The owner has work that is not mail: a source that has not finished.
        self.engaged = False
        #: The owner takes nothing until `Mailbox.resume`: it waits to be made anew.
        self.paused = False
        self._queued = Lock()
        self._turn = Lock()

    def __len__(self) -> int:
        return len(self.items)

    def wake(self) -> None:
        """For whoever appended and then found the owner asleep."""

    def put(self, envelope: Any, /) -> None:
        """Append and wake the owner. Never blocks, and has no bound."""
        self.items.append(envelope)
        if self.asleep:
            self.wake()

    def pump(self, produced: Iterator[Any], emit: Callable[[Any], None], limit: int, /) -> bool:
        """Emit what a source produces, at most ``limit`` messages, and no more as soon as there is mail; whether that was all."""
        items = self.items
        for message in produced:
            emit(message)
            limit -= 1
            if items or limit <= 0:
                return False
        return True

    def enter_queue(self) -> bool:
        """For who will put the owner on the queue of its dispatcher; False where it stands there."""
        return self._queued.acquire(blocking=False)

    def leave_queue(self) -> None:
        """It was taken off."""
        self._queued.release()

    def enter_turn(self) -> bool:
        """For who will give the owner a turn; False where somebody does."""
        return self._turn.acquire(blocking=False)

    def leave_turn(self) -> None:
        """The turn is over."""
        self._turn.release()

    @property
    def in_turn(self) -> bool:
        """Whether somebody gives the owner a turn."""
        return self._turn.locked()
