"""Forwarding: another actor takes over a message, and with an ask the duty to answer.

The reply goes along in the envelope, and says from then on that the other one is to answer. So
whoever waits for it sees whom it waits for, a circle is found as before, and the handler that forwarded
has nothing left to answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka
from pykka._envelope import Envelope

from mycelium.actor.ref import ActorRef
from mycelium.actor.reply import Reply
from mycelium.actor.sender import knows_sender, sender_in_hand
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.dispatcher.waiting import refuse_circle
from mycelium.errors.conversation import SenderUnknownError
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor

__all__ = ["forward"]


def forward(actor: Actor, ref: pykka.ActorRef[Any], message: Any) -> None:
    """What `Actor.forward` does."""
    envelope = actor._envelope
    reply = envelope.reply_to if envelope is not None else None
    if isinstance(ref, ActorRef) and type(message) in ref._mailbox.wants_sender and not knows_sender(actor):
        raise SenderUnknownError(actor=actor.name, message=shown(type(message)))
    if envelope is None or reply is None:
        _tell(actor, ref, message)
    elif isinstance(ref, ActorRef):
        if isinstance(message, TLV):
            ref._check(message, contract_of(ref.actor_class).handled)
        if isinstance(reply, Reply):
            refuse_circle(actor, reply, ref._mailbox)
            reply.hand_over(ref._mailbox, shown(type(message)))
        envelope.reply_to = None
        ref._put_ask(message, reply, sender_in_hand(actor), _seconds_left(reply))
    else:
        _hand_to_stranger(ref, message, reply)
        envelope.reply_to = None


def _tell(actor: Actor, ref: pykka.ActorRef[Any], message: Any) -> None:
    if isinstance(ref, ActorRef) and (not isinstance(message, TLV) or type(message) in ref._mailbox.wants_sender):
        ref._tell_from(sender_in_hand(actor), message)
    else:
        ref.tell(message)


def _seconds_left(reply: pykka.Future[Any]) -> float | None:
    return reply.seconds_left if isinstance(reply, Reply) else None


def _hand_to_stranger(ref: pykka.ActorRef[Any], message: Any, reply: pykka.Future[Any]) -> None:
    """To an actor of pykka's own."""
    if isinstance(reply, Reply):
        reply.target = None
    if ref.is_alive():
        ref.actor_inbox.put(Envelope(message, reply_to=reply))
    else:
        error = pykka.ActorDeadError(f"{ref} not found")
        reply.set_exception((type(error), error, None))
