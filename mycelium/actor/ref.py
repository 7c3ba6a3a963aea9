"""ActorRef: how everybody else talks to an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import pykka
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.actor.reply import Reply
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.deadline import LONGEST_S, seconds_of
from mycelium.dispatcher.current import current_ref, running
from mycelium.dispatcher.inside import handle_inside
from mycelium.errors.actor import DeadActorError, DeadlineMissingError, NotReceivedError
from mycelium.ledger.latency import SAMPLE_MASK, now_ns
from mycelium.mailbox.mail import Sampled, Sent, is_control
from mycelium.mailbox.weights import weigh
from mycelium.routing.telling import Teller
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["ActorRef"]

A = TypeVar("A", bound="Actor")


class ActorRef(Teller, pykka.ActorRef[A]):
    """A `pykka.ActorRef` with a short way for declared messages.

    For declared messages: `tell` costs a table look-up, a count and an append; `ask` needs a
    deadline; what the actor does not receive is refused; dead, timed out and failed are different
    errors. For every other object, and for ``proxy``, ``stop`` and ``is_alive``, it is as in pykka.
    """

    # What pykka keeps in a dict, which takes 300 bytes more.
    __slots__ = ("_actor_weakref", "actor_class", "actor_inbox", "actor_stopped", "actor_urn")

    def __init__(self, actor: A) -> None:
        super().__init__(actor)
        self._mailbox = actor.mailbox

    @property
    def name(self) -> str:
        """The actor's name in its topology, else the name of its class."""
        return self._mailbox.tally.name

    @property
    def mailbox(self) -> Mailbox:
        """Where the actor's messages wait."""
        return self._mailbox

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = None) -> pykka.Future[Any]: ...

    @overload
    def ask(self, message: Any, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any | pykka.Future[Any]: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any | pykka.Future[Any]:
        """Send a message and wait for the reply, or return its future with ``block=False``.

        A declared message needs ``timeout`` (seconds) in both cases: the future's ``get()`` waits
        until that deadline. Raises

        * `DeadlineMissingError` without one, `DeadlineInvalidError` for what is none, `NotReceivedError` for what the actor does not receive;
        * `DeadActorError` when the actor is not running, `StoppedFirstError` when it stopped before
          it came to this message (both are also ``pykka.ActorDeadError``);
        * `AskTimeoutError` (also ``pykka.Timeout`` and ``TimeoutError``) when no answer came in time;
        * `MailboxFullError` where its full mailbox refused the message;
        * the handler's own exception, with a note that names the actor and the message, and
          with its traceback as the text ``remote_traceback``.
        """
        if not isinstance(message, TLV):
            return self._ask_as_pykka(message, block=block, timeout=timeout)
        if timeout is None:
            raise DeadlineMissingError(actor=self._mailbox.tally.name, message=shown(type(message)))
        mailbox = self._mailbox
        kind = type(message)
        if kind not in self.actor_class.__contract__.table:
            self._check(message, contract_of(self.actor_class).handled)
        if type(timeout) is not float or not timeout <= LONGEST_S:
            timeout = seconds_of(timeout)
        reply: Reply[Any] = Reply()
        reply.expect(mailbox, kind, timeout)
        asking = running.actor
        sender = asking.actor_ref if asking is not None and kind in mailbox.wants_sender else None
        self._put_ask(message, reply, sender, timeout, asking if block and timeout > 0 else None)
        return reply.get() if block else reply

    @overload
    def stop(self, *, block: Literal[True], timeout: float | None = None, now: bool = False) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None, now: bool = False) -> pykka.Future[bool]: ...

    @overload
    def stop(
        self, *, block: bool = True, timeout: float | None = None, now: bool = False
    ) -> bool | pykka.Future[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None, now: bool = False) -> bool | pykka.Future[bool]:
        """Stop the actor: as in pykka, after the mail that it has; or ``now``, ahead of it.

        Either way the message in hand is handled and `on_stop` runs, unless it waits for its restart. What is behind a stop becomes dead
        letters, and asks among it a `StoppedFirstError`. Returns whether it was alive, or with ``block=False``
        a future of that; ``timeout`` is as for `ask`.
        """
        if not now or not self.is_alive():
            return super().stop(block=block, timeout=timeout)
        told: Reply[Any] = Reply()
        told.target = self._mailbox
        self._stop_now(told)
        stopped: Reply[bool] = Reply()
        stopped.set_get_hook(lambda timeout: told.get(timeout=timeout) is None)
        return stopped.get(timeout=timeout) if block else stopped

    def _stop_now(self, told: Reply[Any]) -> None:
        self._mailbox.steer(Envelope(_ActorStop(), told))
        if self._mailbox.paused:
            self.actor_stopped.set()  # it waits to be made anew, and has nothing left to end

    def _ask_as_pykka(self, message: Any, *, block: bool, timeout: float | None) -> Any:
        timeout = None if timeout is None else seconds_of(timeout)
        future = self.actor_class._create_future()
        if isinstance(future, Reply):
            future.target = self._mailbox
        self._put_ask(message, future, current_ref())
        return future.get(timeout=timeout) if block else future

    def _put_ask(
        self,
        message: Any,
        reply: pykka.Future[Any],
        sender: ActorRef[Any] | None,
        timeout: float | None = None,
        asking: Actor | None = None,
    ) -> None:
        """Put a question into the mailbox; where that cannot be, the reply says why.

        Of an actor ``asking`` that will wait for the answer now, it may be handled in here.
        """
        mailbox = self._mailbox
        if isinstance(message, TLV):
            mailbox.tally.cell(type(message)).advance()
            question = self._enclose(message, reply, sender)
            if asking is None or not isinstance(reply, Reply) or not handle_inside(asking, mailbox, reply, question):
                self._put_question(question, reply, timeout)
            return
        if self.is_alive():
            mailbox.put(self._enclose(message, reply, sender))
            return
        if not is_control(message):
            self._bury(message)
        error = pykka.ActorDeadError(f"{self} not found")
        reply.set_exception((type(error), error, None))

    def _put_question(self, question: Envelope[Any], reply: pykka.Future[Any], timeout: float | None) -> None:
        """The same for the envelope of a declared message that has been counted as sent."""
        mailbox = self._mailbox
        error: Exception | None
        if self.actor_stopped.is_set():
            error = self._dead_letter(question.message)
        elif len(mailbox.items) < mailbox.capacity:
            mailbox.put(question)
            return
        else:
            error = mailbox.overflow.offer(question, timeout)
        if error is not None:
            reply.set_exception((type(error), error, None))

    def _tell_otherwise(self, message: Any) -> None:
        self._tell_from(current_ref(), message)

    def _tell_from(self, sender: ActorRef[Any] | None, message: Any, *, piped: bool = False) -> None:
        """As `tell`; what is piped does not wait for room, and nobody hears its exceptions."""
        if not isinstance(message, TLV):
            if self.actor_stopped.is_set():
                if not is_control(message):
                    self._bury(message, told=not piped)
                raise pykka.ActorDeadError(f"{self} not found")
            self._mailbox.put(self._enclose(message, None, sender))
            return
        received = contract_of(self.actor_class).receives
        self._check(message, received)
        number = self._mailbox.tally.cell(type(message)).advance()
        if self.actor_stopped.is_set():
            raise self._dead_letter(message, told=not piped)
        # From the second one on, messages of this type need not come here.
        if type(message) in received:
            self._mailbox.accept(type(message))
        conflated = self._mailbox.conflates(type(message))
        item = self._enclose(message, None, sender, bare=type(message) in received)
        if item is message and not number & SAMPLE_MASK:
            item = Sampled(message, now_ns())
        mailbox = self._mailbox
        has_room = len(mailbox.items) < mailbox.capacity or (piped and mailbox.blocks(type(message)))
        if has_room and not conflated:
            mailbox.put(weigh(mailbox, item))
            return
        refused = self._mailbox.overflow.offer(item)
        if refused is not None:
            raise refused

    def _enclose(
        self, message: Any, reply: pykka.Future[Any] | None, sender: ActorRef[Any] | None, *, bare: bool = False
    ) -> Any:
        """What is put into the queue for a message; itself, where it may lie there ``bare`` and nobody asks who sent it."""
        if not isinstance(message, TLV) or type(message) in self._mailbox.wants_sender:
            return Sent(message, reply, sender)
        return message if bare else Envelope(message, reply)

    def _check(self, message: TLV, taken: tuple[type[TLV], ...]) -> None:
        """Refuse what the class does not take; an actor without a contract gets everything in ``on_receive``."""
        if type(message) not in taken and contract_of(self.actor_class).receives:
            raise NotReceivedError(
                actor=self._mailbox.tally.name,
                message=shown(type(message)),
                received=", ".join(shown(one) for one in taken) or "nothing that it answers",
            )

    def _dead_letter(self, message: TLV, *, told: bool = True) -> DeadActorError:
        self._bury(message, told=told)
        return DeadActorError(actor=self._mailbox.tally.name, message=shown(type(message)))

    def _bury(self, message: Any, *, told: bool = True) -> None:
        tally = self._mailbox.tally
        tally.count_dead(type(message))
        publish(DeadLetterKind.DEAD_RECEIVER, tally.name, message, "it was not running", told=told)
