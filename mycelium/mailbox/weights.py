"""Weights: what messages without a size of their own take while they wait, where a mailbox has a bound in bytes.

A message whose variable fields have no limit may be of any size, so a number of them says nothing about
memory. They are weighed one by one, as they are put in and taken out; all others count as their type
says. What is left of the bytes is told to senders as the capacity of the mailbox, with which they
compare anyway: so who sends other messages pays nothing, and neither does a mailbox without such types.

A weighed message lies in the queue as `Keyed`: who takes it out tells, in the same way as of a message to conflate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mycelium.mailbox.bounds import OBJECT_BYTES, Bounded, bytes_of, is_unlimited, least_bytes_of
from mycelium.mailbox.mail import Keyed, is_fixed, unwrapped
from mycelium.one_by_one import OneByOne
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Weights", "weigh", "weighed_bytes", "weight_of"]


class Weights:
    """What the weighed messages of one mailbox take."""

    __slots__ = ("_bytes", "_bytes_max", "_count", "_largest", "_mailbox", "_most", "_steps", "kinds")

    def __init__(self, mailbox: Mailbox, bytes_max: int, handled: Iterable[type[TLV]]) -> None:
        self.kinds = frozenset(kind for kind in handled if is_unlimited(kind))
        self._mailbox = mailbox
        self._bytes_max = bytes_max
        self._most = mailbox.capacity
        #: What any other message takes, at most.
        self._largest = max(least_bytes_of(kind) if kind in self.kinds else bytes_of(kind) for kind in handled)
        self._bytes = 0
        self._count = 0
        self._steps: OneByOne[tuple[Keyed, int]] = OneByOne(self._weigh)

    def is_over(self, waiting: int, more: int = 0) -> bool:
        """Whether ``waiting`` messages, those weighed among them, take too much, or would with ``more`` bytes."""
        others = max(waiting - self._count, 0) * self._largest
        return waiting > self._most or (waiting > 1 and self._bytes + others + more > self._bytes_max)

    def add(self, keyed: Keyed) -> None:
        """It is put in."""
        self._steps.bring((keyed, weight_of(unwrapped(keyed))))

    def remove(self, keyed: Keyed) -> None:
        """It has been taken out; told twice, it counts once."""
        self._steps.bring((keyed, 0))

    def _weigh(self, step: tuple[Keyed, int]) -> None:
        keyed, size = step
        before, keyed.size = keyed.size, size
        if before == size:
            return
        self._bytes += size - before
        self._count += 1 if size else -1
        self._adjust()

    def _adjust(self) -> None:
        # One message is always let in, however large.
        left = max(self._bytes_max - self._bytes, 0) // self._largest
        self._mailbox.capacity = max(1, min(self._most, self._count + left))


def weight_of(message: TLV) -> int:
    """What this message takes in memory while it waits."""
    return OBJECT_BYTES + len(message.as_bytes())


def weighed_bytes(bound: Bounded, handled: tuple[type[TLV], ...]) -> int:
    """The bytes of messages that a mailbox with this bound holds, for an actor that handles these; 0 where none are weighed."""
    return (bound.bytes_max or 0) if any(map(is_unlimited, handled)) else 0


def weigh(mailbox: Mailbox, item: Any) -> Any:
    """What is to be put into the queue for this item, which is not to be conflated. Asks are not weighed."""
    weights = mailbox.weights
    if weights is None or type(unwrapped(item)) not in weights.kinds or is_fixed(item):
        return item
    keyed = Keyed(item, None, weights.remove)
    weights.add(keyed)
    return keyed
