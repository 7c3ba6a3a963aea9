"""How many frames may be under way: the sender's account of what its receiver has taken.

A receiver tells from time to time the number of the last frame that it took. A sender whose window is
used up waits for that: so what cannot be taken is never sent, and a frame is refused before it is
built. Both ends carry an incarnation, a random number, so that what is said by or about an end that
was there before is told apart.
"""

from __future__ import annotations

from random import SystemRandom

from tlv import TLV, u64

__all__ = ["Acknowledgement", "Prefix", "Taken", "Window", "incarnation"]


class Prefix(TLV):
    """Before each frame: its length, the incarnation of its sender, and its number, from 1."""

    length: u64
    sender: u64
    number: u64


class Acknowledgement(TLV):
    """What a receiver says: its incarnation, that of the sender, and the number of the last frame that it took."""

    receiver: u64
    sender: u64
    number: u64


#: Who a receiver is of which the sender knows only that it is there.
_SOMEBODY = 1 << 63


def incarnation() -> int:
    """A number that no other life of any end has; not 0."""
    return SystemRandom().getrandbits(62) + 1


class Window:
    """Kept by a sender. ``lost`` counts frames, at most, that a receiver had not taken when it ended."""

    __slots__ = ("_acknowledged", "_known", "capacity", "incarnation", "lost", "number", "receiver")

    def __init__(self, capacity: int) -> None:
        self._known = False
        self.capacity = capacity
        self.incarnation = incarnation()
        self.number = 0
        self.receiver = 0
        self.lost = 0
        self._acknowledged = 0

    @property
    def waiting(self) -> int:
        """How many frames have been sent and, as far as is known, not been taken."""
        return self.number - self._acknowledged

    @property
    def has_room(self) -> bool:
        """Whether there is a receiver, and one more frame may be under way."""
        return self.receiver != 0 and self.number - self._acknowledged < self.capacity

    @property
    def is_settled(self) -> bool:
        """Whether all frames have reached who takes them: the receiver has seen this sender, or there is none."""
        return self._known or self.receiver == 0 or not self.waiting

    def hear(self, receiver: int, sender: int, number: int) -> None:
        """Take note of what a receiver says; one that was not there before begins with an empty window."""
        if self.receiver not in {receiver, _SOMEBODY}:
            self.leave()
        self.receiver = receiver
        if sender == self.incarnation:
            self._known = True
            self._acknowledged = max(self._acknowledged, min(number, self.number))

    def meet(self) -> None:
        """There is a receiver; who it is, it will say."""
        self.receiver = self.receiver or _SOMEBODY

    def leave(self) -> None:
        """The receiver has ended."""
        self.receiver = 0
        self._known = False
        self.lost += self.waiting
        self._acknowledged = self.number


class Taken:
    """Kept by a receiver: what it took, and whether it is time to say so. ``missed`` frames never came."""

    __slots__ = ("_every", "_said", "incarnation", "missed", "number", "sender")

    def __init__(self, capacity: int) -> None:
        self.incarnation = incarnation()
        self.sender = 0
        self.number = 0
        self.missed = 0
        self._every = max(1, capacity // 2)
        self._said = 0

    def take(self, sender: int, number: int) -> bool:
        """Take note of a frame; whether to say so now: a new sender wants to know, and the others from time to time."""
        is_new = sender != self.sender
        if is_new:
            self.sender = sender
            self._said = 0
        else:
            self.missed += number - self.number - 1
        self.number = number
        return is_new or number - self._said >= self._every

    @property
    def has_news(self) -> bool:
        """Whether frames were taken of which nothing was said yet."""
        return self.number != self._said

    def say(self) -> bytes:
        """What to tell the sender."""
        self._said = self.number
        return bytes(Acknowledgement(self.incarnation, self.sender, self.number).as_bytes())
