"""RemoteRef: the ref of an actor on another node. Whoever has it need not know that.

What an actor tells and asks by it goes the way of what that actor emits to the same receiver, and so stays in order with it:
into an outlet, a mailbox here with the bound and the policies of the receiver, and from there over a stream. For each
actor that speaks there is a `Voice`, which is an ordinary ref of that outlet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pykka
from pykka._envelope import Envelope

from mycelium.actor.ref import ActorRef
from mycelium.actor.reply import Reply
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.deadline import seconds_of
from mycelium.dispatcher.current import current_ref, running
from mycelium.errors.actor import DeadlineMissingError, NotReceivedError
from mycelium.errors.cluster import PeerMismatchError
from mycelium.errors.talking import PlainObjectError
from mycelium.mailbox.mailbox import Mailbox
from mycelium.texts import text_of
from tlv import TLV

from .items import Asked, Steering
from .messages import Act, Wire
from .outlet import Outlet
from .talk import dead_letter_of

if TYPE_CHECKING:
    from mycelium.mailbox.ending import Ending

    from .peer import Peer

__all__ = ["RemoteRef", "Voice"]


class FarMailbox(Mailbox):
    """Stands where a ref has the mailbox of its actor: it knows whom it is for, and has the far node tell of the end."""

    __slots__ = ("_actor", "_peer")

    def __init__(self, actor: str, kind: type[Any], peer: Peer) -> None:
        super().__init__()
        self.tally.name = f"{actor} on {peer.name}"
        self.wants_sender = contract_of(kind).wants_sender
        self._actor = actor
        self._peer = peer

    def at_end(self, watcher: Any, tell: Callable[[BaseException | None], None], *, ahead: bool = False) -> None:
        """Have ``tell`` called once, when the actor has ended or cannot be reached any more."""
        self._peer.talk.watch(self._actor, cast("Ending", watcher), tell, ahead=ahead)

    def not_at_end(self, watcher: Any) -> None:
        """Forget what `at_end` was told by that one."""
        self._peer.talk.unwatch(self._actor, cast("Ending", watcher))


class Voice(ActorRef[Any]):
    """What one actor here says to one there: a ref whose mailbox is the outlet between the two."""

    __slots__ = ("_outlet", "_peer", "_stream")

    def __init__(self, far: RemoteRef, outlet: Outlet, peer: Peer) -> None:
        # Not the base's: there is no actor.
        self._mailbox = self._outlet = outlet.mailbox
        self._stream = outlet.stream
        self._peer = peer
        self.actor_class = far.actor_class
        self.actor_urn = far.actor_urn
        self.actor_inbox = outlet.mailbox
        self.actor_stopped = cast("Any", _Gone(peer))

    def _enclose(
        self, message: Any, reply: pykka.Future[Any] | None, sender: ActorRef[Any] | None, *, bare: bool = False
    ) -> Any:
        if reply is None:
            return super()._enclose(message, reply, sender, bare=bare)
        number = self._peer.talk.expect(reply, self._stream.receiver, shown(type(message)))
        return Asked(message, reply, sender, number)

    def _put_question(self, question: Envelope[Any], reply: pykka.Future[Any], timeout: float | None) -> None:
        if self._peer.reachable:
            super()._put_question(question, reply, timeout)
            self._outlet.hurry()
            if self._peer.reachable:
                return  # else it may have come in after all others were told
            error = self._lost(question.message)
        else:
            error = self._lost(question.message)
            self._bury(question.message)
        self._peer.talk.refuse(cast("Asked", question).number, error)

    def steer(self, order: Wire.Order) -> None:
        """Order it behind what it was told before."""
        self._outlet.put(Envelope(Steering(order)))
        self._outlet.hurry()

    def _lost(self, message: TLV) -> BaseException:
        receiver = self._stream.receiver
        return self._peer.end_of(receiver) or dead_letter_of(receiver, self._peer.name, message)

    def _dead_letter(self, message: TLV, *, told: bool = True) -> Any:
        self._bury(message, told=told)
        return dead_letter_of(self._stream.receiver, self._peer.name, message)


class _Gone:
    """Looks like the event that an actor sets when it stops: whether its node has ended."""

    __slots__ = ("_peer",)

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def is_set(self) -> bool:
        return self._peer.gone


class RemoteRef(ActorRef[Any]):
    """As an `ActorRef`, of an actor on another node; equal to every other ref of it, in whichever life its node is."""

    __slots__ = ("_name", "_peer", "_taken", "_voice_of", "_voices", "node")

    def __init__(
        self,
        name: str,
        kind: type[Any],
        peer: Peer,
        topology: str,
        voice_of: Callable[[RemoteRef, ActorRef[Any] | None], tuple[Voice, bool]],
    ) -> None:
        # Not the base's: there is no actor.
        self._name = name
        self.node = peer.name
        self._peer = peer
        self._mailbox = FarMailbox(name, kind, peer)
        self._taken = frozenset(contract_of(kind).receives)
        self._voices: dict[Mailbox | None, Voice] = {}
        self._voice_of = voice_of
        self.actor_class = kind
        self.actor_urn = f"urn:mycelium:{topology}:{peer.name}:{name}"
        self.actor_inbox = self._mailbox
        self.actor_stopped = cast("Any", _Gone(peer))
        self._actor_weakref = cast("Any", self._no_actor)

    @property
    def name(self) -> str:
        """The name of the actor in its topology."""
        return self._name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteRef) and other.actor_urn == self.actor_urn

    def __hash__(self) -> int:
        return hash(self.actor_urn)

    def __repr__(self) -> str:
        return f"<ActorRef for {self}>"

    def __str__(self) -> str:
        return f"{self.actor_class.__name__} ({self._name} on {self.node})"

    def is_alive(self) -> bool:
        """Whether its node can be reached, as far as this one knows, and has not ended; not whether the actor has."""
        return self._peer.reachable

    def tell(self, message: Any) -> None:
        """As of every ref; a full outlet waits, or drops, as the mailbox of the receiver would.

        Raises `PlainObjectError` for what is no declared message besides, and `PeerMismatchError` where the other
        node reads this message otherwise. While the other node is lost, what is told waits for its return.
        """
        if type(message) not in self._taken:
            self._check(message, ())
        actor = running.actor
        if self._peer.gone or self._peer.unreadable:
            self._tell_from(current_ref(), message)
            return
        voice = self._voices.get(None if actor is None else actor._mailbox)
        (voice or self._voice(current_ref())).tell(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """As of every ref. The deadline goes along; the answer may be a declared message or a plain value.

        Raises `ProcessDiedError` or `LinkLostError` besides, at once where the other node is lost while it waits,
        `PlainObjectError`, `AnswerKindError`, and `RemoteError` for what failed there with an error that is not declared here.
        """
        if isinstance(message, TLV) and timeout is None:
            raise DeadlineMissingError(actor=self._mailbox.tally.name, message=shown(type(message)))
        if type(message) not in self.actor_class.__contract__.table:
            self._check(message, contract_of(self.actor_class).handled)
        seconds = seconds_of(timeout)
        reply: Reply[Any] = Reply()
        reply.expect(self._mailbox, type(message), seconds)
        asking = running.actor
        self._put_ask(message, reply, None if asking is None else current_ref(), seconds)
        return reply.get() if block else reply

    def stop(self, *, block: bool = True, timeout: float | None = None, now: bool = False) -> Any:
        """As of every ref: after what this actor has told it before; or ``now``, ahead of its mail.

        Raises `ProcessDiedError` or `LinkLostError` where its node is lost.
        """
        peer = self._peer
        told: Reply[Any] = Reply()
        told.target = self._mailbox
        number = peer.talk.expect(told, self._name, "stop")
        order = Wire.Order(number=number, act=int(Act.STOP_NOW if now else Act.STOP), actor=self._name, watcher="")
        if now:
            peer.talk.say(order)
        else:
            self._voice(current_ref()).steer(order)
        if peer.gone:
            peer.talk.refuse(number, pykka.ActorDeadError(f"{self} not found"))
        elif not peer.reachable:
            peer.talk.refuse(number, peer.end_of(self._name) or pykka.ActorDeadError(f"{self} not found"))
        stopped: Reply[bool] = Reply()
        stopped.set_get_hook(lambda timeout: _was_alive(told, timeout))
        return stopped.get(timeout=timeout) if block else stopped

    def proxy(self) -> Any:
        """No proxy goes to another node. Raises `PlainObjectError`."""
        raise PlainObjectError(actor=self._name, node=self.node, value="a proxy")

    def _no_actor(self) -> Any:
        return self.proxy()

    def _voice(self, speaker: ActorRef[Any] | None) -> Voice:
        voice, own = self._voice_of(self, speaker)
        if own:
            self._voices[speaker._mailbox if speaker is not None else None] = voice
        return voice

    def _tell_from(self, sender: ActorRef[Any] | None, message: Any, *, piped: bool = False) -> None:
        if type(message) not in self._taken:
            self._check(message, ())
        self._check_readable(message)
        self._voice(sender if piped else current_ref())._tell_from(sender, message, piped=piped)

    def _put_ask(
        self,
        message: Any,
        reply: pykka.Future[Any],
        sender: ActorRef[Any] | None,
        timeout: float | None = None,
        asking: Any = None,
    ) -> None:
        if not isinstance(message, TLV):
            self._check(message, ())
        self._check_readable(message)
        self._voice(current_ref())._put_ask(message, reply, sender, timeout)

    def _check(self, message: Any, taken: tuple[type[TLV], ...]) -> None:
        if not isinstance(message, TLV):
            raise PlainObjectError(actor=self._name, node=self.node, value=text_of(message, repr)[:200])
        if type(message) not in taken:
            named = ", ".join(shown(one) for one in taken or contract_of(self.actor_class).receives)
            raise NotReceivedError(
                actor=self._mailbox.tally.name,
                message=shown(type(message)),
                received=named or "nothing that it declares",
            )

    def _check_readable(self, message: TLV) -> None:
        """Refuse what the other node reads otherwise."""
        mismatch = self._peer.unreadable.get(type(message))
        if mismatch is not None:  # one of its own: it gets a traceback
            raise PeerMismatchError(node=mismatch.node, peer=mismatch.peer, difference=mismatch.difference)


def _was_alive(told: Reply[Any], timeout: float | None) -> bool:
    try:
        return bool(told.get(timeout=timeout))
    except pykka.ActorDeadError:
        return False
