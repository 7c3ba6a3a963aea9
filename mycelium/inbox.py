"""Inbox: of a mailbox, what every message goes through; the twin of the compiled one."""

from __future__ import annotations

from typing import Any

from mycelium.bounds import UNLIMITED
from mycelium.core import compiled, native
from mycelium.counter import SharedCounter
from mycelium.latency import LatencyHistogram, now_ns
from mycelium.mail import Keyed
from mycelium.queue import Queue

__all__ = ["Inbox"]

if native is not None:
    native.register(keyed=Keyed, now_ns=now_ns)


@compiled
class Inbox:
    """Putting in. `Mailbox` has the rest, among it `wake`."""

    __slots__ = ("accepts", "asleep", "capacity", "handling", "items", "latency")

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

    def __len__(self) -> int:
        return len(self.items)

    def wake(self) -> None:
        """For whoever appended and then found the owner asleep."""

    def put(self, envelope: Any, /) -> None:
        """Append and wake the owner. Never blocks, and has no bound."""
        self.items.append(envelope)
        if self.asleep:
            self.wake()
