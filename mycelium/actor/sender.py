"""Who sent the message in hand.

A message lies bare in the queue unless the handler of its type takes a second parameter for the
sender; then, as asks and plain objects do, it lies there in a `Sent`. So who does not ask pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, overload

from mycelium.contracts.message_sets import shown
from mycelium.errors.conversation import SenderUnknownError
from mycelium.mailbox.mail import Sent
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.handling import Handling
    from mycelium.actor.ref import ActorRef

__all__ = ["SenderInHand", "giving_sender", "knows_sender", "sender_in_hand"]


class SenderInHand:
    """What `Actor.sender` is. Not a property: an actor may have an attribute of that name for itself."""

    @overload
    def __get__(self, actor: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, actor: Actor, owner: type[Any]) -> ActorRef[Any] | None: ...

    def __get__(self, actor: Actor | None, owner: type[Any]) -> Self | ActorRef[Any] | None:
        if actor is None:
            return self
        if not knows_sender(actor):
            message = shown(type(actor._envelope.message)) if actor._envelope is not None else "the message in hand"
            raise SenderUnknownError(actor=actor.name, message=message)
        return sender_in_hand(actor)


def knows_sender(actor: Handling) -> bool:
    """Whether the message in hand tells who sent it."""
    envelope = actor._envelope
    if envelope is None or type(envelope) is Sent:
        return envelope is not None
    message = envelope.message
    return not isinstance(message, TLV) or type(message) in actor._mailbox.wants_sender


def sender_in_hand(actor: Handling) -> ActorRef[Any] | None:
    """Who sent the message in hand, as far as that is known."""
    envelope = actor._envelope
    return envelope.sender if isinstance(envelope, Sent) else None


def giving_sender(actor: Handling, method: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """A handler that takes the sender, as one that takes the message only, or the `Sent` in which it was told."""

    def handle(given: Any) -> Any:
        if type(given) is not Sent:
            return method(given, sender_in_hand(actor))
        outer, actor._envelope = actor._envelope, given
        try:
            return method(given.message, given.sender)
        finally:
            actor._envelope = outer

    return handle
