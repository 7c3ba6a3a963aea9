"""Run: what a turn of an actor takes out of its mailbox; the twin of the compiled one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mycelium.core import compiled
from mycelium.ledger.latency import now_ns
from mycelium.ledger.tally import Cell
from mycelium.mailbox.inbox import Inbox
from mycelium.mailbox.mail import Keyed, Sampled, Sent

__all__ = ["Run", "Table"]

#: What takes messages one by one, and counts them.
Table = Mapping[type[Any], Cell]


@compiled
class Run:
    """At most ``budget`` items of a mailbox, class by class. ::

        run = Run(mailbox, 256)
        while (handle := run.begin(table)) is not None:
            for message in run:
                handle(message)

    The loop is the caller's, so that the interpreter goes from there into a handler without leaving
    itself. A message is counted as handled when the next one is asked for, so right after its
    handler has returned; where that raised, by `fail`. What has not been handled is still in the queue.

    A told message whose handler takes the sender is given to it in its `Sent`.
    """

    __slots__ = ("_budget", "_cell", "_mailbox", "_taken_at", "envelope", "message", "taken")

    def __init__(self, mailbox: Inbox, budget: int, /) -> None:
        self._mailbox = mailbox
        self._budget = budget
        self._cell: Cell | None = None
        #: When the message in hand was taken, if it is a sampled one.
        self._taken_at = 0
        #: The message in hand, or None.
        self.message: Any = None
        #: The `Sent` in which it goes to its handler, or None.
        self.envelope: Any = None
        #: How many items it has taken.
        self.taken = 0

    @property
    def sampled(self) -> bool:
        """Whether the time of the message in hand is taken."""
        return self._taken_at != 0

    def begin(self, table: Table, /) -> Callable[[Any], Any] | None:
        """The handler of the next message; None where that has none (and is ``message``), or where it is over."""
        self.message = self.envelope = self._cell = None
        item = self._take()
        if item is None:
            return None
        self._taken_at = 0
        if type(item) is Keyed:
            item = item.take()
        if type(item) is Sampled:
            self._taken_at = now_ns()
            if self._mailbox.latency is not None:
                self._mailbox.latency.record(self._taken_at - item.sent_at)
            item = item.message
        self.message = item
        told = _told_in(item)
        cell = table.get(type(item if told is None else told))
        if cell is None or cell.handle is None:
            return None
        if told is not None:
            self.message, self.envelope = told, item
        self._cell = cell
        return cell.handle

    def __iter__(self) -> Iterator[Any]:
        cell, message = self._cell, self.message
        if cell is None or message is None:
            return
        kind = type(message)
        if self.envelope is not None:
            yield from self._signed(cell, kind)
            return
        while True:
            yield message
            cell.handled += 1
            if self._taken_at:
                self._note_time()
            message = self._take()
            if type(message) is not kind:
                break
            self.message = message
        self._put_back(message)

    def _signed(self, cell: Cell, kind: type[Any]) -> Iterator[Any]:
        """The same for messages that lie in their `Sent`."""
        while True:
            yield self.envelope
            cell.handled += 1
            if self._taken_at:
                self._note_time()
            item = self._take()
            message = _told_in(item)
            if type(message) is not kind:
                break
            self.message, self.envelope = message, item
        self._put_back(item)

    def _note_time(self) -> None:
        """After the handler of a sampled message."""
        if self._mailbox.handling is not None:
            self._mailbox.handling.record(now_ns() - self._taken_at)
        self._taken_at = 0

    def _put_back(self, item: Any) -> None:
        """It is none of the run, which is over."""
        self.message = self.envelope = None
        if item is not None:
            self.taken -= 1
            self._mailbox.items.appendleft(item)

    def fail(self) -> Any:
        """Count the message in hand as one whose handler raised; that message, or None."""
        if self._cell is not None and self.message is not None:
            self._cell.failed += 1
            self._cell.handled += 1
        self._cell = None
        return self.message

    def _take(self) -> Any:
        """The next item; None where there is none, or where it has had as many as it may."""
        if self.taken >= self._budget:
            return None
        try:
            item = self._mailbox.items.popleft()
        except IndexError:
            return None  # also where a sender made room, and took one that was counted
        self.taken += 1
        return item


def _told_in(item: Any) -> Any:
    """The message in a `Sent`, where nobody waits for an answer; else None."""
    return item.message if type(item) is Sent and item.reply_to is None else None
