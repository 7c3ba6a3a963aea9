"""Splitter: among the targets of a route, what stands for all copies of one actor, and chooses which of them gets a message.

To a route it is a mailbox that is always full, which is asked for each message what becomes of it. So a route without
copies knows nothing of them, and a message that a copy's own full mailbox refuses is refused as by a plain receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from mycelium.counter import SharedCounter
from mycelium.inbox import Inbox
from mycelium.mail import unwrapped
from mycelium.shards import shard_of
from tlv import TLV, TLVError

if TYPE_CHECKING:
    from mycelium.emitting import Route, Target
    from mycelium.errors.actor import MailboxFullError
    from mycelium.mailbox import Mailbox
    from mycelium.route_plan import Spread

__all__ = ["KeyShards", "KeySplitter", "Splitter", "Spreading", "TurnSplitter", "emitted_to", "next_of"]

#: How many keys are remembered with the copy that they belong to.
KEYS_MAX = 16_384


class KeyShards:
    """Which copy each key belongs to; it remembers the last `KEYS_MAX`. Any thread."""

    __slots__ = ("_count", "known")

    def __init__(self, count: int) -> None:
        self._count = count
        self.known: dict[Any, int] = {}

    def find(self, key: Any) -> int:
        """For a key that is not among those ``known``."""
        if len(self.known) >= KEYS_MAX:
            self.known.clear()
        if isinstance(key, bytearray | memoryview):
            key = bytes(key)  # what is remembered borrows no frame
        found = self.known[key] = shard_of(key, self._count)
        return found


class Splitter(Inbox):
    """Chooses among copies. ``targets`` are these, in the order of their numbers."""

    __slots__ = ("_counters", "_kind", "_targets")

    def __init__(self, kind: type[TLV], targets: Sequence[Target]) -> None:
        super().__init__()
        self.capacity = 0
        self._kind = kind
        self._counters = tuple(SharedCounter() for _ in targets)
        self._targets: tuple[tuple[Callable[[Any], None], Mailbox, Callable[[], int]], ...] = tuple(
            (append or mailbox.items.append, mailbox, counter.advance)
            for (append, mailbox), counter in zip(targets, self._counters, strict=True)
        )

    @property
    def overflow(self) -> Splitter:
        """What a route asks."""
        return self

    def emitted(self) -> Iterator[tuple[Mailbox, int]]:
        """How many messages each of the copies was given."""
        for (_, mailbox, _), counter in zip(self._targets, self._counters, strict=True):
            yield mailbox, counter.value

    if TYPE_CHECKING:

        def offer(self, item: Any) -> MailboxFullError | None:
            """Put a message, or what it lies in, into the mailbox of a copy; the error where that refuses it."""

        def next_for(self, message: TLV) -> Mailbox:
            """Where this message would go."""


class KeySplitter(Splitter):
    """All messages of a key go to one copy."""

    __slots__ = ("_find", "_key_of", "_known")

    def __init__(self, kind: type[TLV], targets: Sequence[Target], field: str, shards: KeyShards) -> None:
        super().__init__(kind, targets)
        self._key_of: Callable[[Any], Any] = attrgetter(field)
        self._known = shards.known
        self._find = shards.find

    def offer(self, item: Any) -> MailboxFullError | None:
        """See `Splitter.offer`."""
        try:
            key = self._key_of(item if type(item) is self._kind else unwrapped(item))
            at = self._known.get(key)
        except TLVError:  # a view of bytes that are no key: its handler is to meet that, and not its sender
            key, at = None, 0
        append, mailbox, advance = self._targets[self._find(key) if at is None else at]
        advance()
        if len(mailbox.items) >= mailbox.capacity:
            return mailbox.overflow.offer(item)
        append(item)
        if mailbox.asleep:
            mailbox.wake()
        return None

    def next_for(self, message: TLV) -> Mailbox:
        """See `Splitter.next_for`."""
        return self._targets[self._find(self._key_of(message))][1]


class TurnSplitter(Splitter):
    """Each message goes to the next copy. ``turns`` counts what one sender sends to them, of any type."""

    __slots__ = ("_last", "_next")

    def __init__(self, kind: type[TLV], targets: Sequence[Target], turns: count[int]) -> None:
        super().__init__(kind, targets)
        self._next = turns.__next__
        self._last = -1

    def offer(self, item: Any) -> MailboxFullError | None:
        """See `Splitter.offer`."""
        self._last = turn = self._next()
        append, mailbox, advance = self._targets[turn % len(self._targets)]
        advance()
        if len(mailbox.items) >= mailbox.capacity:
            return mailbox.overflow.offer(item)
        append(item)
        if mailbox.asleep:
            mailbox.wake()
        return None

    def next_for(self, message: TLV) -> Mailbox:
        """See `Splitter.next_for`."""
        return self._targets[(self._last + 1) % len(self._targets)][1]


class Spreading:
    """Turns the mailboxes that one sender's messages go to into the targets of its routes."""

    def __init__(self, spreads: Iterable[Spread]) -> None:
        self._spreads = tuple(spread for spread in spreads if spread.way != "broadcast")
        self._shards = {spread.group: KeyShards(len(spread.members)) for spread in self._spreads}

    def begin(self) -> Callable[[type[TLV], Mapping[str, Target]], tuple[Target, ...]]:
        """For one sender: makes the targets of a message out of those of all its receivers, by their names."""
        turns = {spread.group: count() for spread in self._spreads}

        def targets_of(message: type[TLV], receivers: Mapping[str, Target]) -> tuple[Target, ...]:
            left = dict(receivers)
            splitters = []
            for spread in self._spreads:
                if spread.members[0] in left:
                    copies = [left.pop(member) for member in spread.members]
                    splitters.append(self._splitter(spread, message, copies, turns[spread.group]))
            return (*left.values(), *((None, cast("Mailbox", splitter)) for splitter in splitters))

        return targets_of

    def _splitter(self, spread: Spread, message: type[TLV], copies: Sequence[Target], turns: count[int]) -> Splitter:
        if spread.way == "shards":
            return KeySplitter(message, copies, spread.field, self._shards[spread.group])
        return TurnSplitter(message, copies, turns)


def emitted_to(route: Route) -> Iterator[tuple[Mailbox, int]]:
    """How many messages of a route went to each of its receivers."""
    for target in route.targets:
        splitter = _splitter_in(target)
        if splitter is None:
            yield target[1], route.emitted
        else:
            yield from splitter.emitted()


def next_of(route: Route, message: TLV) -> list[Mailbox]:
    """The mailboxes that a message would go to."""
    return [
        target[1] if (splitter := _splitter_in(target)) is None else splitter.next_for(message)
        for target in route.targets
    ]


def _splitter_in(target: Target) -> Splitter | None:
    inbox: object = target[1]
    return inbox if isinstance(inbox, Splitter) else None
