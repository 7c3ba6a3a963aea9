"""Inlet: the far end of a stream. It puts what comes over the link into the mailbox of the actor that receives.

Each message is told as a local one is: counted as sent, and subject to the policy of the mailbox. Where that
is full and its policy is to wait, the stream waits, in order, and no other one does.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mycelium.errors.actor import ActorError
from mycelium.topology.nodes import Stream
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor import Actor

__all__ = ["Inlet"]


class Inlet:
    """Delivers one stream. All of it is for the peer's receiving thread, but the counts, which any may read."""

    def __init__(self, stream: Stream, actor: Actor, resume: Callable[[Inlet], None]) -> None:
        self.stream = stream
        #: Messages that came to the mailbox, by type, over all lives of the sender.
        self.delivered: Counter[type[TLV]] = Counter()
        #: The same, of this life.
        self.arrived = 0
        #: What the sender was told of them.
        self.told = 0
        #: How many are to come in all, where the sender has ended.
        self.expected: int | None = None
        self._ref = actor.actor_ref
        self._mailbox = actor.mailbox
        self._waiting: deque[Iterator[TLV]] = deque()
        self._in_hand: TLV | None = None
        self._resume = lambda: resume(self)

    @property
    def ended(self) -> bool:
        """Whether the sender has ended, and all of its messages are in the mailbox."""
        return self.expected is not None and self.arrived >= self.expected

    def begin(self) -> None:
        """The sender begins a new life. What came of the old one is still delivered, and not counted to the new one."""
        while self._waiting or self._in_hand is not None:
            self._deliver(wait=False)
        self.arrived = self.told = 0
        self.expected = None

    def take(self, messages: Iterator[TLV]) -> None:
        """Deliver these, behind those that wait."""
        self._waiting.append(messages)
        if self._in_hand is None:
            self._deliver()

    def go_on(self) -> None:
        """There is room again."""
        self._deliver()

    def _deliver(self, *, wait: bool = True) -> None:
        message, self._in_hand = self._in_hand, None
        while message is not None or (message := self._next()) is not None:
            if wait and self._must_wait(type(message)):
                self._in_hand = message
                return
            with suppress(ActorError):  # counted where it was refused: a dead letter, or an overflow
                self._ref.tell(message)
            self.delivered[type(message)] += 1
            self.arrived += 1
            message = None

    def _next(self) -> TLV | None:
        while self._waiting:
            message = next(self._waiting[0], None)
            if message is not None:
                return message
            self._waiting.popleft()
        return None

    def _must_wait(self, kind: type[Any]) -> bool:
        mailbox = self._mailbox
        return (
            len(mailbox.items) >= mailbox.capacity
            and not mailbox.refusing
            and mailbox.blocks(kind)
            and mailbox.when_room(mailbox.capacity // 2, self._resume)
        )
