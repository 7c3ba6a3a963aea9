"""Teller: of an ActorRef, what tells a message; the twin of the compiled one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mycelium.core import compiled, native
from mycelium.dispatcher.current import current_ref
from mycelium.ledger.latency import SAMPLE_MASK, now_ns
from mycelium.mailbox.mail import Sampled, Sent

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Teller"]

if native is not None:
    native.register(sent=Sent, current_ref=current_ref)


@compiled
class Teller:
    """`tell`, and the mailbox that it tells. `ActorRef` has the rest."""

    __slots__ = ("_mailbox",)

    _mailbox: Mailbox

    def tell(self, message: Any) -> None:
        """Send a message and do not wait for what becomes of it.

        Where the mailbox is full, its policy decides: see `Bounded`. By default it waits for room,
        and raises `MailboxFullError` when none comes within the mailbox's deadline.

        Raises `DeadActorError` (a declared message) or ``pykka.ActorDeadError`` (anything else) when
        the actor is not running, and counts a dead letter; `NotReceivedError` for a declared
        message that the actor's class does not receive.
        """
        mailbox = self._mailbox
        cell = mailbox.accepts.get(type(message))
        if cell is None or not cell.accepted:
            if cell is None or not cell.signed:
                self._tell_otherwise(message)
                return
            message = Sent(message, None, current_ref())
        if not cell.advance() & SAMPLE_MASK:
            message = Sampled(message, now_ns())
        if len(mailbox.items) < mailbox.capacity:
            mailbox.items.append(message)
            if mailbox.asleep:
                mailbox.wake()
            return
        refused = mailbox.overflow.offer(message)
        if refused is not None:
            raise refused

    def tell_each(self, messages: Iterator[Any], runs: list[tuple[type[Any], int]], /) -> Any:
        """Tell what an iterator gives, and wake the actor once; the first message that `tell` has to be asked about,
        or None where the iterator is over.

        How many were told is appended to ``runs``, also where the iterator raises: (class, how many) for each
        run of one class.
        """
        mailbox = self._mailbox
        items = mailbox.items
        current: type[Any] | None = None
        count = 0
        try:
            for message in messages:
                kind = type(message)
                cell = mailbox.accepts.get(kind)
                if cell is None or not cell.accepted or len(items) >= mailbox.capacity:
                    return message
                items.append(message if cell.advance() & SAMPLE_MASK else Sampled(message, now_ns()))
                if kind is not current:
                    if current is not None:
                        runs.append((current, count))
                    current, count = kind, 0
                count += 1
        finally:
            if current is not None:
                runs.append((current, count))
                if mailbox.asleep:
                    mailbox.wake()
        return None

    def _tell_otherwise(self, message: Any) -> None:
        """What is no message, what was not told before, or where nobody takes any more."""
