"""Items: what lies in an outlet beside messages that go over the link as they are.

A message that an actor emits, or tells by a ref, is sent bare: the stream that it comes in says who sent it.
What is asked, ordered, or told in the name of somebody else is put into a message of `Wire`.
"""

from __future__ import annotations

from typing import Any

from pykka import Future
from pykka._envelope import Envelope

from mycelium.actor.ref import ActorRef
from mycelium.mailbox.mail import Internal, Keyed, Sampled, Sent
from tlv import TLV

__all__ = ["Asked", "Steering", "envelope_in"]


class Asked(Sent):
    """A question, and the number that its answer will have."""

    __slots__ = ("number",)

    def __init__(self, message: Any, reply_to: Future[Any], sender: ActorRef[Any] | None, number: int) -> None:
        super().__init__(message, reply_to, sender)
        self.number = number


class Steering(Internal):
    """What goes over a link in its place among the messages, and is none of theirs: an order, or the end of an actor."""

    __slots__ = ("message",)

    def __init__(self, message: TLV) -> None:
        self.message = message


def envelope_in(item: Any) -> Envelope[Any] | None:
    """The envelope around a message in a queue; None where it lies bare."""
    if type(item) is Keyed:
        item = item.item
    if type(item) is Sampled:
        item = item.message
    return item if isinstance(item, Envelope) else None
