"""Hearing: what becomes of that in a stream which is no bare message: a question, an order, what is told for somebody else."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mycelium.actor.reply import Reply
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.deadline import LONGEST_S
from mycelium.errors.actor import ActorError
from tlv import TLV, TLVError

from .messages import Wire
from .orders import OUTBOX_MAX
from .values import failure_of

if TYPE_CHECKING:
    from .inlet import Inlet
    from .peer import Peer

__all__ = ["Hearing"]


class Hearing:
    """Of one peer. Its receiving thread only."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def take(self, inlet: Inlet, message: Any, *, current: bool) -> bool:
        """Take it, of the ``current`` life of the peer or of one before; False where the mailbox has no room for it, and will tell when it has."""
        try:
            if type(message) is Wire.Order:
                self._peer.talk.orders.take(message)
            elif type(message) is Wire.Failed:
                self._peer.talk.take_failure(message)
            else:
                return self._take_message(inlet, message, current=current)
        except TLVError as error:  # texts that are none: what follows in the stream comes all the same
            self._peer.receiving.refuse(str(error))
        return True

    def _take_message(self, inlet: Inlet, spoken: Any, *, current: bool) -> bool:
        asked = type(spoken) is Wire.Question
        kind = inlet.kinds.get(spoken.kind)
        if kind is None:
            if not asked:
                inlet.note_unknown(1)
            elif len(self._peer.talk.outbox) >= OUTBOX_MAX:
                self._peer.receiving.refuse("questions, of which it does not take the answers")
            else:
                self._peer.talk.answer_unread(spoken.number, inlet.actor.name, spoken.kind)
            return True
        if inlet.must_wait(kind):
            return False
        try:
            message = kind.read_from(bytes(spoken.message))
            sender = self._peer.directory.find(str(spoken.sender))
        except TLVError as error:
            self._peer.receiving.refuse(str(error))
            if asked:
                self._peer.talk.say(failure_of(spoken.number, error))
            return True
        if not asked:
            with suppress(ActorError):  # counted where it was refused
                inlet.actor.actor_ref._tell_from(sender, message)
        elif current:
            self._ask(inlet, spoken, message, sender)
        else:
            return True  # of a life that has ended: nobody waits for the answer
        inlet.delivered[kind] += 1
        return True

    def _ask(self, inlet: Inlet, question: Wire.Question, message: TLV, sender: Any) -> None:
        kind, ref, talk = type(message), inlet.actor.actor_ref, self._peer.talk
        reply: Reply[Any] = Reply()
        seconds = min(question.left_us / 1_000_000, LONGEST_S)
        reply.expect(inlet.actor.mailbox, kind, seconds)
        life = self._peer.their_incarnation
        reply.when_done(partial(talk.answer, question.number, life, reply, shown(kind)))
        try:
            ref._check(message, contract_of(type(inlet.actor)).handled)
        except ActorError as error:
            reply.set_exception((type(error), error, None))
            return
        ref._put_ask(message, reply, sender, seconds)
