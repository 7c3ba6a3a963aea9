"""What lies in a mailbox, and what of it is the message.

A declared message as it is; one whose handler wants to know who sent it, as `Sent`; a `Sampled` one,
with the time when it was put there; one that may be conflated, as `Keyed`; everything else, and every
ask, in pykka's Envelope. Around a message these stand in the order `Keyed`, `Sampled`, `Sent`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.core import compiled
from tlv import TLV

if TYPE_CHECKING:
    from pykka import Future

    from mycelium.actor.ref import ActorRef

__all__ = ["Internal", "Keyed", "Sampled", "Sent", "is_control", "is_fixed", "sent_by", "unwrapped"]


class Internal:
    """A message of an actor to itself, which is no dead letter when the actor is gone."""

    __slots__ = ()


@compiled
class Sampled:
    """A message whose hand-off latency is measured."""

    __slots__ = ("message", "sent_at")

    def __init__(self, message: Any, sent_at: int) -> None:
        self.message = message
        self.sent_at = sent_at


class Sent(Envelope[Any]):
    """An envelope that says who sent it: None where that was no actor of ours."""

    __slots__ = ("sender",)

    def __init__(self, message: Any, reply_to: Future[Any] | None = None, sender: ActorRef[Any] | None = None) -> None:
        # Not by the base's own __init__, which would be a third of the cost.
        self.message = message
        self.reply_to = reply_to
        self.sender = sender


class Keyed:
    """A message that a newer one of the same key may replace; ``item`` is the message, a `Sampled` or a `Sent`."""

    __slots__ = ("_forget", "item", "key", "size", "taken")

    def __init__(self, item: Any, key: tuple[type[Any], Any] | None, forget: Callable[[Keyed], None]) -> None:
        self.item = item
        #: None for one that is weighed and not conflated, see `mycelium.mailbox.weights`.
        self.key = key
        #: Its bytes, while it is weighed.
        self.size = 0
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
    if type(item) is Sampled:
        item = item.message
    return item.message if isinstance(item, Envelope) else item


def is_fixed(item: Any) -> bool:
    """Whether no policy may let go of it: an ask, or what is no declared message."""
    if isinstance(item, Sent):
        return item.reply_to is not None or not isinstance(item.message, TLV)
    return isinstance(item, Envelope)


def sent_by(item: Any, sender: ActorRef[Any] | None) -> Any:
    """A told message, sampled or not, with its sender; itself, where it says that already."""
    if type(item) is Sampled:
        return Sampled(sent_by(item.message, sender), item.sent_at)
    return item if isinstance(item, Envelope) else Sent(item, None, sender)
