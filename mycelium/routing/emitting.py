"""Emitter: of an Actor, what sends a message to all who receive its type; and Route. Twins of the compiled ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mycelium.core import compiled
from mycelium.ledger.latency import SAMPLE_MASK, now_ns
from mycelium.mailbox.counter import SharedCounter
from mycelium.mailbox.mail import Sampled

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox
    from tlv import TLV

__all__ = ["Emitter", "Route", "Target"]

#: How a message gets into a queue, None where it is a plain append, and whose queue that is.
Target = tuple["Callable[[Any], None] | None", "Mailbox"]


@compiled
class Route:
    """Where one emitter's messages of one type go, and how many went."""

    __slots__ = ("_emitted", "advance", "message", "targets")

    def __init__(self, message: type[TLV], targets: tuple[Target, ...], /) -> None:
        self.message = message
        self.targets = targets
        self._emitted = SharedCounter()
        self.advance = self._emitted.advance

    @property
    def emitted(self) -> int:
        """How many messages were emitted."""
        return self._emitted.value

    @property
    def sent(self) -> int:
        """How many deliveries were sent out: emissions times receivers."""
        return self.emitted * len(self.targets)

    def deliver(self, item: Any, /) -> None:
        """Put a message, or what it lies in, into the queues of all; what one refuses is raised when all others have got it."""
        refused = None
        for append, mailbox in self.targets:
            if len(mailbox.items) < mailbox.capacity:
                (append or mailbox.items.append)(item)
                if mailbox.asleep:
                    mailbox.wake()
            else:
                refused = mailbox.overflow.offer(item) or refused
        if refused is not None:
            raise refused


@compiled
class Emitter:
    """`emit`, and the routes that it goes by. `Actor` has the rest."""

    __slots__ = ("_routes",)

    _routes: Mapping[type[Any], Route]

    def emit(self, message: TLV) -> None:
        """Send a message to everyone in the topology who receives its type.

        One table look-up, then an append per receiver. A receiver whose mailbox is full has its
        policy applied (see `Bounded`); what it refuses raises `MailboxFullError` after all others
        have got the message. What nobody receives is counted as unrouted. Raises
        `UndeclaredEmissionError` for a type that ``emits=`` does not name. To be called in the
        actor's own thread.
        """
        route = self._routes.get(type(message))
        if route is None:
            self._emit_unrouted(message)
            return
        route.deliver(message if route.advance() & SAMPLE_MASK else Sampled(message, now_ns()))

    def _emit_unrouted(self, message: TLV) -> None:
        """What nobody receives."""
