"""What lies in a mailbox, and what of it is the message.

A declared message as it is; a `Sampled` one, with the time when it was put there; one that may be
conflated, as `Keyed`; everything else, and every ask, in pykka's Envelope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

__all__ = ["Internal", "Keyed", "Sampled", "is_control", "unwrapped"]


class Internal:
    """A message of an actor to itself, which is no dead letter when the actor is gone."""

    __slots__ = ()


class Sampled:
    """A message whose hand-off latency is measured."""

    __slots__ = ("message", "sent_at")

    def __init__(self, message: Any, sent_at: int) -> None:
        self.message = message
        self.sent_at = sent_at


class Keyed:
    """A message that a newer one of the same key may replace; ``item`` is the message, or a `Sampled`."""

    __slots__ = ("_forget", "item", "key", "taken")

    def __init__(self, item: Any, key: tuple[type[Any], Any], forget: Callable[[Keyed], None]) -> None:
        self.item = item
        self.key = key
        self.taken = False
        self._forget = forget

    def take(self) -> Any:
        """For the owner, who has it: no newer one is to replace it any more; the item."""
        self._forget(self)
        return self.item


def is_control(message: object) -> bool:
    """Whether this only steers an actor: nothing is lost when it comes too late."""
    return isinstance(message, _ActorStop | Internal)


def unwrapped(item: Any) -> Any:
    """The message in what lies in a queue."""
    if type(item) is Keyed:
        item = item.item
    return item.message if isinstance(item, Envelope | Sampled) else item
