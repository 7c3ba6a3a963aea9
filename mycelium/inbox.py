"""Inbox: of a mailbox, what every message goes through; the twin of the compiled one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mycelium.bounds import UNLIMITED
from mycelium.core import compiled, native
from mycelium.counter import SharedCounter
from mycelium.latency import LatencyHistogram, now_ns
from mycelium.mail import Keyed, Sampled
from mycelium.queue import Queue
from mycelium.tally import Cell

__all__ = ["Inbox", "Table"]

#: What takes messages one by one, and its counts.
Table = dict[type[Any], tuple[Callable[[Any], Any], Cell]]

if native is not None:
    native.register(keyed=Keyed, now_ns=now_ns)


def _no_handler(_: Any) -> None:
    raise AssertionError("a handler is set before the first message")


_NO_CELL = Cell()


@compiled
class Inbox:
    """Putting in, and draining into handlers. `Mailbox` has the rest, among it `wake`."""

    __slots__ = ("accepts", "asleep", "capacity", "drained", "handling", "in_hand", "items", "latency", "sampled")

    def __init__(self) -> None:
        self.items: Queue = Queue()
        #: The owner does not look at the queue by itself: it sleeps, or is dead. See `Mailbox.wake`.
        self.asleep = False
        #: At this many items a sender asks `Mailbox.overflow` what to do, which exists where there is a bound.
        self.capacity = UNLIMITED
        #: Declared messages that may be put in as they are, and what counts them as sent. Empty after a stop.
        self.accepts: dict[type[Any], SharedCounter] = {}
        #: Where the hand-off times of sampled messages go, and the times that their handlers took.
        self.latency: LatencyHistogram | None = None
        self.handling: LatencyHistogram | None = None
        #: What the handler had that raised.
        self.in_hand: Any = None
        #: How many items the last `drain` took.
        self.drained = 0
        #: Whether the message that it returned was a sampled one.
        self.sampled = False

    def __len__(self) -> int:
        return len(self.items)

    def wake(self) -> None:
        """For whoever appended and then found the owner asleep."""

    def put(self, envelope: Any, /) -> None:
        """Append and wake the owner. Never blocks, and has no bound."""
        self.items.append(envelope)
        if self.asleep:
            self.wake()

    def drain(self, table: Table, budget: int, /) -> Any:
        """Take up to ``budget`` items and give the messages to their handlers, until the queue is empty.

        Stops at the first message that the table has no handler for, and returns it out of its
        wrapping, else None. Where a handler raises, its message is ``in_hand``, and counted; what
        comes after it is still in the queue. ``drained`` tells how many items were taken.
        """
        take = self.items.popleft
        current: type[Any] | None = None
        handle: Callable[[Any], Any] = _no_handler
        cell = _NO_CELL
        message: Any = None
        taken = taken_at = 0
        try:
            while taken < budget:
                try:
                    message = take()
                except IndexError:
                    break
                taken += 1
                kind = type(message)
                if kind is not current:
                    if kind is Keyed:
                        message = message.take()
                        kind = type(message)
                    if kind is Sampled:
                        taken_at = self._note_hand_off(message)
                        message = message.message
                        kind = type(message)
                    entry = table.get(kind)
                    if entry is None:
                        self.sampled = bool(taken_at)
                        return message
                    handle, cell = entry
                    current = kind
                try:
                    handle(message)
                except BaseException:
                    cell.failed += 1
                    cell.handled += 1
                    self.in_hand = message
                    raise
                cell.handled += 1
                if taken_at:
                    if self.handling is not None:
                        self.handling.record(now_ns() - taken_at)
                    taken_at = 0
        finally:
            self.drained = taken
        return None

    def _note_hand_off(self, sampled: Sampled) -> int:
        taken_at = now_ns()
        if self.latency is not None:
            self.latency.record(taken_at - sampled.sent_at)
        return taken_at
