"""Spreading: among the targets of a route, what stands for all copies of one actor, and chooses which of them gets a message.

To a route it is a mailbox that is always full, which is asked for each message what becomes of it. So a route without
copies knows nothing of them, and a message that a copy's own full mailbox refuses is refused as by a plain receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from mycelium.mailbox.mail import unwrapped
from mycelium.routing.shards import shard_of
from mycelium.routing.splitter import Splitter
from tlv import TLV, TLVError

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox
    from mycelium.routing.emitting import Route, Target
    from mycelium.routing.route_plan import Spread

__all__ = ["Copies", "KeyShards", "KeySplitter", "Spreading", "TurnSplitter", "emitted_to", "next_of"]

#: How many keys are remembered with the copy that they belong to.
KEYS_MAX = 16_384


class KeyShards:
    """Which copy each key belongs to; it remembers the last `KEYS_MAX`. Any thread."""

    __slots__ = ("_count", "known")

    def __init__(self, count: int) -> None:
        self._count = count
        self.known: dict[Any, int] = {}

    def find(self, key: Any) -> int:
        """The copy of this key; from then on it is among those ``known``."""
        if isinstance(key, bytearray | memoryview):
            key = bytes(key)  # what is remembered borrows no frame
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= KEYS_MAX:
                self.known.clear()
            found = self.known[key] = shard_of(key, self._count)
        return found


class Copies(Splitter):
    """Stands for the copies; says also where a message would go."""

    __slots__ = ()

    @property
    def overflow(self) -> Copies:
        """What a route asks."""
        return self

    if TYPE_CHECKING:

        def next_for(self, message: TLV) -> Mailbox:
            """Where this message would go."""


class KeySplitter(Copies):
    """All messages of a key go to one copy."""

    __slots__ = ("_key_of", "_shards")

    def __init__(self, kind: type[TLV], targets: tuple[Target, ...], field: str, shards: KeyShards) -> None:
        super().__init__(kind, targets, field, shards.known)
        self._key_of: Callable[[Any], Any] = attrgetter(field)
        self._shards = shards

    def choose(self, item: Any) -> int:
        """For a key that is not known yet, and what lies in an envelope."""
        try:
            key = self._key_of(unwrapped(item))
        except TLVError:  # a view of bytes that are no key: its handler is to meet that, and not its sender
            return 0
        return self._shards.find(key)

    def next_for(self, message: TLV) -> Mailbox:
        """See `Copies.next_for`."""
        return self.targets[self._shards.find(self._key_of(message))][1]


class TurnSplitter(Copies):
    """Each message goes to the next copy. ``turns`` counts what one sender sends to them, of any type."""

    __slots__ = ("_last", "_next")

    def __init__(self, kind: type[TLV], targets: tuple[Target, ...], turns: count[int]) -> None:
        super().__init__(kind, targets)
        self._next = turns.__next__
        self._last = -1

    def choose(self, item: Any) -> int:
        """For any."""
        self._last = turn = self._next() % len(self.targets)
        return turn

    def next_for(self, message: TLV) -> Mailbox:
        """See `Copies.next_for`."""
        return self.targets[(self._last + 1) % len(self.targets)][1]


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
                    copies = tuple(left.pop(member) for member in spread.members)
                    splitters.append(self._splitter(spread, message, copies, turns[spread.group]))
            return (*left.values(), *((None, cast("Mailbox", splitter)) for splitter in splitters))

        return targets_of

    def _splitter(self, spread: Spread, message: type[TLV], copies: tuple[Target, ...], turns: count[int]) -> Copies:
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
            yield from zip((mailbox for _, mailbox in splitter.targets), splitter.counts, strict=True)


def next_of(route: Route, message: TLV) -> list[Mailbox]:
    """The mailboxes that a message would go to."""
    return [
        target[1] if (splitter := _splitter_in(target)) is None else splitter.next_for(message)
        for target in route.targets
    ]


def _splitter_in(target: Target) -> Copies | None:
    inbox: object = target[1]
    return inbox if isinstance(inbox, Copies) else None
