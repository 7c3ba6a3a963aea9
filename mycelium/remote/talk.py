"""Talk: what the actors of two nodes have begun with each other: questions that wait for answers, and watches.

Of each peer there is one. It knows which futures wait for an answer from there, and which actors here watch one
there (`Orders` knows who there watches one here); what it has to say beside the streams waits in ``outbox`` for the peer's sending
thread. When the peer is lost, all who wait are told at once, and whether its process has died or only the link.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from random import SystemRandom
from typing import TYPE_CHECKING, Any, cast

import pykka
from pykka._envelope import Envelope

from mycelium.actor.reply import Reply
from mycelium.attempted_log import try_to_log
from mycelium.contracts.message_sets import shown
from mycelium.deadline import LONGEST_S
from mycelium.errors.actor import DeadActorError, NotReceivedError, StoppedFirstError
from mycelium.errors.cluster import MessageTooLargeError, PeerMismatchError
from mycelium.errors.talking import AnswerKindError, LinkLostError, ProcessDiedError
from mycelium.mailbox.mail import Sent
from tlv import TLV, TLVError

from .items import Asked, Steering
from .messages import Act, Wire
from .orders import Orders
from .values import answer_of, failure_of, told_error, value_of

if TYPE_CHECKING:
    from mycelium.mailbox.ending import Ending

    from .directory import Directory
    from .peer import Peer

__all__ = ["Talk", "dead_letter_of", "loss_of", "too_large"]

#: How often to look for answers that come no more; in seconds.
LOOK_S = 1.0
#: Who is told of an end: with an error, or None.
Told = Callable[[BaseException | None], None]


class Waiting:
    """A future that waits for an answer from a peer: whom it asked, and what."""

    __slots__ = ("actor", "asked", "message", "reply")

    def __init__(self, reply: pykka.Future[Any], actor: str, message: str) -> None:
        self.reply = reply
        self.actor = actor
        self.message = message
        #: The question has gone.
        self.asked = False

    @property
    def is_late(self) -> bool:
        """Whether nobody waits any more."""
        return isinstance(self.reply, Reply) and self.reply.seconds_left == 0

    @property
    def left_us(self) -> int:
        """How long the answer may still take, in microseconds."""
        left = self.reply.seconds_left if isinstance(self.reply, Reply) else None
        return int((LONGEST_S if left is None else left) * 1_000_000)

    def settle(self, value: Any = None, error: BaseException | None = None) -> None:
        """Once; whoever asked may have given up."""
        with suppress(queue.Full):
            if error is None:
                self.reply.set(value)
            else:
                self.reply.set_exception((type(error), error, error.__traceback__))


class Talk:
    """With one peer. The directory knows who is where."""

    def __init__(self, peer: Peer, directory: Directory) -> None:
        self.outbox: deque[TLV] = deque()
        #: Answers that came when nobody waited for them any more.
        self.late = 0
        #: What they order of actors here.
        self.orders = Orders(peer, directory)
        self._peer = peer
        self._directory = directory
        self._look_at = 0.0
        self._waiting: dict[int, Waiting] = {}
        self._watching: dict[int, tuple[str, Ending, Told]] = {}
        # No number of another life is one of this.
        self._next: Callable[[], int] = count(SystemRandom().getrandbits(62)).__next__

    def say(self, message: TLV) -> None:
        """Have it sent, beside the streams. Any thread."""
        self.outbox.append(message)
        self._peer.sending.wake()

    # Asking from here.

    def expect(self, reply: pykka.Future[Any], actor: str, message: str) -> int:
        """Give an answer that is to come a number. Any thread."""
        number = self._next()
        self._waiting[number] = Waiting(reply, actor, message)
        if isinstance(reply, Reply):
            # Also where it is settled here: the outlet was full, say, and no answer comes.
            reply.when_done(partial(self._forget, number))
        return number

    def _forget(self, number: int) -> None:
        self._waiting.pop(number, None)

    def refuse(self, number: int, error: BaseException) -> None:
        """What was to be answered is not sent. Any thread."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting.settle(error=error)

    def spoken(self, envelope: Envelope[Any], speaker: str) -> TLV | None:
        """What goes over the link for what lies in an envelope; None where nobody wants it any more. The sending thread."""
        message = envelope.message
        if isinstance(message, Steering):
            return message.message
        if not isinstance(envelope, Sent):
            return cast("TLV", message)  # whose handler does not ask who sent it
        sender = self._directory.name_of(envelope.sender)
        if type(envelope) is Asked:
            waiting = self._waiting.get(envelope.number)
            if waiting is None:
                return None
            waiting.asked = True
            return Wire.Question(
                number=envelope.number,
                left_us=waiting.left_us,
                kind=type(message).type_id or 0,
                sender=sender,
                message=bytes(message.as_bytes()),
            )
        if sender == speaker:
            return cast("TLV", message)
        return Wire.Told(kind=type(message).type_id or 0, sender=sender, message=bytes(message.as_bytes()))

    def take_answer(self, answer: Wire.Answer) -> None:
        """The receiving thread. Raises a `TLVError` for what is none."""
        waiting = self._take_waiting(answer.number)
        if waiting is None:
            return
        try:
            value = value_of(answer, self._directory.vocabulary, self._peer.node, self._peer.name)
        except PeerMismatchError as error:
            waiting.settle(error=error)  # a newer peer: it concerns nobody else
        except TLVError as error:
            waiting.settle(error=error)
            raise
        else:
            waiting.settle(value)

    def take_failure(self, failed: Wire.Failed) -> None:
        """A question failed, or a watched actor has ended. The receiving thread."""
        error = told_error(failed, self._peer.name)
        if failed.ended:
            watch = self._watching.pop(failed.number, None)
            if watch is not None:
                watch[2](error)
            return
        waiting = self._take_waiting(failed.number)
        if waiting is not None and error is not None:
            waiting.settle(error=error)

    def look(self, now: float) -> None:
        """Free what waits for an answer that comes no more: its deadline has passed. The sending thread.

        What has not been asked yet is asked all the same, when its turn comes.
        """
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        for number, waiting in self._waiting.copy().items():
            if waiting.asked and waiting.is_late:
                self._forget(number)

    def _take_waiting(self, number: int) -> Waiting | None:
        waiting = self._waiting.pop(number, None)
        if waiting is None or waiting.is_late:
            self.late += 1
            if waiting is not None:
                self._peer.log.debug("late answer", actor=waiting.actor, message=waiting.message)
        return waiting

    # Answering from here.

    def answer(self, number: int, life: int | None, reply: Reply[Any], asked: str) -> None:
        """A question from there has its outcome: send it. Whoever settles it, in his thread."""
        if self._peer.their_incarnation != life:
            return  # who asked is gone
        actor = reply.target.tally.name if reply.target is not None else ""
        value, failed = reply._outcome or (None, None)
        if failed is not None:
            self.say(failure_of(number, failed[1]))
            return
        try:
            self.say(answer_of(number, value, actor, asked))
        except AnswerKindError as error:
            try_to_log(self._peer.log.error, "an answer does not cross nodes", **error.to_dict())
            self.say(failure_of(number, error))

    def answer_unread(self, number: int, actor: str, kind: int) -> None:
        """A question that this node cannot even read."""
        message = f"type {kind}"
        self.say(failure_of(number, NotReceivedError(actor=actor, message=message, received="other messages")))

    # Watching from here.

    def watch(self, actor: str, watcher: Ending, tell: Told, *, ahead: bool) -> None:
        """Have ``tell`` called once when that actor has ended, or cannot be reached any more."""
        number = self._next()
        self._watching[number] = (actor, watcher, tell)
        act = Act.WATCH_AHEAD if ahead else Act.WATCH
        self.say(Wire.Order(number=number, act=int(act), actor=actor, watcher=watcher.tally.name))
        if not self._peer.reachable and self._watching.pop(number, None) is not None:
            tell(self._peer.end_of(actor))

    def unwatch(self, actor: str, watcher: Ending) -> None:
        """Tell that one no more."""
        for number, (name, who, _) in self._watching.copy().items():
            if name == actor and who is watcher and self._watching.pop(number, None) is not None:
                self.say(Wire.Order(number=number, act=int(Act.UNWATCH), actor=actor, watcher=who.tally.name))

    # The end of the peer.

    def end_life(self) -> None:
        """What the peer knew of this node in its last life, it knows no more. Either thread."""
        self.outbox.clear()
        self.orders.end_life()
        for number in self._waiting.copy():
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                waiting.settle(error=self._why_unanswered(waiting))
        for number in self._watching.copy():
            watch = self._watching.pop(number, None)
            if watch is not None:
                watch[2](self._peer.end_of(watch[0]))

    def _why_unanswered(self, waiting: Waiting) -> BaseException:
        return self._peer.end_of(waiting.actor) or StoppedFirstError(
            actor=f"{waiting.actor} on {self._peer.name}", message=waiting.message
        )


def loss_of(actor: str, node: str, *, died: bool) -> ProcessDiedError | LinkLostError:
    """What to say of an actor whose node is lost."""
    return ProcessDiedError(actor=actor, node=node) if died else LinkLostError(actor=actor, node=node)


def dead_letter_of(actor: str, node: str, message: TLV) -> DeadActorError:
    """What to say of an actor whose node has ended in order."""
    return DeadActorError(actor=f"{actor} on {node}", message=shown(type(message)))


def too_large(message: TLV, limit: int) -> Wire.Failed:
    """In place of an answer that no frame takes."""
    number, name = getattr(message, "number", 0), str(getattr(message, "name", "")) or type(message).__name__
    size = len(message.as_bytes())
    return failure_of(
        number, MessageTooLargeError(message=name, size=size, sender="an answer", receiver="who asked", limit=limit)
    )
