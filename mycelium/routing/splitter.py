"""Splitter: stands for all copies of one actor, and puts each message in at one of them; the twin of the compiled one."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mycelium.core import compiled
from mycelium.mailbox.counter import SharedCounter
from mycelium.mailbox.inbox import Inbox
from mycelium.mailbox.mail import Sampled

if TYPE_CHECKING:
    from mycelium.errors.actor import MailboxFullError
    from mycelium.routing.emitting import Target
    from tlv import TLV

__all__ = ["Splitter"]


@compiled
class Splitter(Inbox):
    """Chooses among the copies of an actor. ``targets`` are these, in the order of their numbers.

    Where there is a ``field``, its value says who gets a message, for those values that are ``known`` with their number.
    For whatever else a subclass has `choose`.
    """

    __slots__ = ("_counters", "_field", "_kind", "_known", "targets")

    def __init__(
        self,
        kind: type[TLV],
        targets: tuple[Target, ...],
        /,
        field: str | None = None,
        known: dict[Any, int] | None = None,
    ) -> None:
        super().__init__()
        self.capacity = 0
        self.targets = targets
        self._kind = kind
        self._field = None if field is None else attrgetter(field)
        self._known = {} if known is None else known
        self._counters = tuple(SharedCounter() for _ in targets)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many messages each of the copies was given."""
        return tuple(counter.value for counter in self._counters)

    def offer(self, item: Any, /) -> MailboxFullError | None:
        """Put a message, or what it lies in, into the mailbox of a copy; the error where that refuses it."""
        at = self._find(item)
        if at is None:
            at = self.choose(item)
        if not 0 <= at < len(self.targets):
            msg = f"there is no copy {at}"
            raise IndexError(msg)
        self._counters[at].advance()
        append, mailbox = self.targets[at]
        if len(mailbox.items) >= mailbox.capacity:
            return mailbox.overflow.offer(item)
        (append or mailbox.items.append)(item)
        if mailbox.asleep:
            mailbox.wake()
        return None

    def _find(self, item: Any) -> int | None:
        """The number that the key of this is known with."""
        message = item.message if type(item) is Sampled else item
        if self._field is None or type(message) is not self._kind:
            return None
        try:
            return self._known.get(self._field(message))
        except Exception:  # `choose` meets it again, and knows what it means
            return None

    if TYPE_CHECKING:

        def choose(self, item: Any) -> int:
            """The number of the copy, from nought, that this message, or what it lies in, is to go to."""
