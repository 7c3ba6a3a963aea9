"""Hops: the messages of a trace that are on their way, and to whom.

A hop is found by the identity of its message at the mailbox of its receiver, so nothing is wrapped, and one
message may be on several ways at once: emitted to many, or forwarded by one who has it in hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import RLock
from typing import TYPE_CHECKING, Any

from mycelium.ledger.latency import now_ns
from mycelium.mailbox.mail import unwrapped

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["HOPS_MAX", "Hop", "Hops"]

#: So many deliveries are waited for; where more wait, the oldest are followed no further.
HOPS_MAX = 10_000


class Hop:
    """One sending of a traced message, and how many hops came of it. It keeps the message, so its identity stays its own."""

    __slots__ = ("children", "message", "name", "sent_at")

    def __init__(self, name: str, message: Any) -> None:
        self.name = name
        self.message = message
        self.children = 0
        self.sent_at = now_ns()


class Hops:
    """The hops that are on their way. Any thread; a lock that its own thread may enter again, for finalizers may send too."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._waiting: dict[Mailbox, dict[int, deque[Hop]]] = {}
        self._in_order: dict[tuple[Hop, Mailbox], None] = {}
        self._failed: dict[Mailbox, tuple[Hop, ...]] = {}

    def __len__(self) -> int:
        return len(self._in_order)

    def at(self, mailbox: Mailbox) -> dict[int, deque[Hop]]:
        """Those on their way to this one, by the identity of the message; to be looked at only."""
        with self._lock:
            return self._waiting.setdefault(mailbox, {})

    def child(self, hop: Hop, message: Any) -> Hop:
        """The next hop that came of this one."""
        with self._lock:
            hop.children += 1
            return Hop(f"{hop.name}.{hop.children}", message)

    def add(self, hop: Hop, mailboxes: Iterable[Mailbox]) -> None:
        """It is on its way to these."""
        with self._lock:
            for mailbox in mailboxes:
                self.at(mailbox).setdefault(id(hop.message), deque()).append(hop)
                self._in_order[hop, mailbox] = None
            while len(self._in_order) > HOPS_MAX:
                self.drop(*next(iter(self._in_order)))

    def take(self, mailbox: Mailbox, message: Any) -> Hop | None:
        """The first hop by which this message comes to this one, which has it now; None where it is not followed."""
        with self._lock:
            found = self.at(mailbox).get(id(message))
            hop = found[0] if found else None
            if hop is not None:
                self.drop(hop, mailbox)
            return hop

    def drop(self, hop: Hop, mailbox: Mailbox) -> None:
        """It is not on its way there any more."""
        with self._lock:
            if (hop, mailbox) not in self._in_order:
                return
            del self._in_order[hop, mailbox]
            waiting = self._waiting[mailbox]
            waiting[id(hop.message)].remove(hop)
            if not waiting[id(hop.message)]:
                del waiting[id(hop.message)]

    def fail(self, mailbox: Mailbox, hops: Iterable[Hop]) -> None:
        """A supervised actor failed on these last; whether it is to try again is seen in its next life."""
        with self._lock:
            self._failed[mailbox] = tuple(hops)

    def try_again(self, mailbox: Mailbox) -> None:
        """A new life begins: what its actor failed on, and was given back to it, is on its way once more."""
        with self._lock:
            failed = self._failed.pop(mailbox, ())
        if failed:
            left = {id(unwrapped(item)) for item in mailbox.items.copy()}
            for hop in failed:
                if id(hop.message) in left:
                    self.add(hop, (mailbox,))
