"""Traces: every Nth message that a source emits is followed hop by hop, into the log.

A hop is one sending: the first one has the number of the trace, ``7``, and what its receivers send while they
handle it has ``7.1``, ``7.2``, then ``7.2.1``. A line is logged when a message is emitted, told, asked, forwarded or
piped, one for each actor that has handled it, with the time that it waited and the time that it took, and
one when a question is answered.

On a node of several, a trace ends where its message leaves, with the stream that it goes over; and every Nth message
that comes to an actor from other nodes begins one.

Nothing is wrapped (see `mycelium.observing.hops`), and order, policies and counts are as ever. An actor that is not traced is made
as it always is; one that is, and its ref, have ways to send of their own, and handlers that look whether
the message in hand is a hop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import count
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from mycelium.actor.ref import ActorRef
from mycelium.actor.reply import Reply
from mycelium.dispatcher.current import running
from mycelium.imports.light_structlog import structlog
from mycelium.ledger.latency import now_ns
from mycelium.mailbox.mail import Sent
from mycelium.routing.spreading import next_of
from tlv import TLV, Batch

from .adding import is_stream
from .hops import Hop, Hops

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Tracer"]

#: Who is handling which hop in this thread, or task of an event loop.
_in_hand: ContextVar[tuple[Actor, Hop] | None] = ContextVar("in_hand", default=None)


def _hop_of(actor: Actor | None) -> Hop | None:
    """What this actor has in hand, where it is the one that runs here: others may have a turn inside its wait."""
    in_hand = _in_hand.get()
    return in_hand[1] if in_hand is not None and actor is in_hand[0] else None


@contextmanager
def _having(in_hand: tuple[Actor, Hop] | None) -> Iterator[None]:
    token = _in_hand.set(in_hand)
    try:
        yield
    finally:
        _in_hand.reset(token)


class Tracer:
    """Follows every ``every``-th message that each source of a node emits."""

    def __init__(self, every: int) -> None:
        self.every = every
        self._traces = count(1).__next__
        #: Of each source, over all its lives: how many messages it emitted.
        self._emitted: dict[Mailbox, Callable[[], int]] = {}
        #: Of each actor: how many messages came to it from other nodes.
        self._arrived: dict[Mailbox, Callable[[], int]] = {}
        self._hops = Hops()
        self._log = structlog.get_logger()

    def bind(self, actor: Actor) -> None:
        """Have an actor traced: for each of its lives, when its handlers are bound."""
        from mycelium.actor.source import Source

        own = vars(actor)
        for name in ("emit", "forward", "pipe_to"):
            own.pop(name, None)
        if isinstance(actor, Source):
            self._emitted.setdefault(actor.mailbox, count().__next__)
        own["emit"] = partial(self._emit, actor, actor.emit)
        own["forward"] = partial(self._forward, actor, actor.forward)
        own["pipe_to"] = partial(self._pipe_to, actor, actor.pipe_to)
        vars(actor.actor_ref)["tell"] = partial(self._tell, actor.actor_ref)
        vars(actor.actor_ref)["tell_each"] = partial(self._tell_each, actor.actor_ref)
        vars(actor.actor_ref)["_put_ask"] = partial(self._put_ask, actor.actor_ref)
        for cell in tuple(actor._tally.cells.values()):
            if cell.handle is not None:
                cell.handle = self._handling(actor, cell.handle)
        actor._batch_table = {kind: self._handling(actor, handle) for kind, handle in actor._batch_table.items()}
        self._hops.try_again(actor.mailbox)

    # Sending.

    def _emit(self, actor: Actor, emit: Callable[[Any], None], message: Any) -> None:
        hop = _hop_of(actor)
        emitted = self._emitted.get(actor.mailbox)
        if hop is not None:
            self._note_emission(actor, self._hops.child(hop, message))
        elif emitted is not None and not emitted() % self.every:
            self._note_emission(actor, Hop(str(self._traces()), message))
        emit(message)

    def _note_emission(self, actor: Actor, hop: Hop) -> None:
        route = actor._routes.get(type(hop.message))
        self._note("emitted", actor, hop, next_of(route, hop.message) if route is not None else [])

    def _tell(self, ref: ActorRef[Any], message: Any) -> None:
        hop = self._send("told", running.actor, _hop_of(running.actor), ref, message)
        with self._on_its_way(hop, ref):
            type(ref).tell(ref, message)

    def _tell_each(self, ref: ActorRef[Any], messages: Iterator[Any], runs: list[tuple[type[Any], int]]) -> Any:
        """What comes from another node."""
        return type(ref).tell_each(ref, self._arriving(ref.mailbox, messages), runs)

    def _arriving(self, mailbox: Mailbox, messages: Iterator[Any]) -> Iterator[Any]:
        arrived = self._arrived.setdefault(mailbox, count().__next__)
        for message in messages:
            if not arrived() % self.every:
                hop = Hop(str(self._traces()), message)
                self._log.info("arrived", hop=hop.name, actor=mailbox.tally.name, message=type(message).__name__)
                self._hops.add(hop, (mailbox,))
            yield message

    def _put_ask(
        self,
        ref: ActorRef[Any],
        message: Any,
        reply: pykka.Future[Any],
        sender: ActorRef[Any] | None,
        timeout: float | None = None,
        asking: Actor | None = None,
    ) -> None:
        hop = self._send("asked", running.actor, _hop_of(running.actor), ref, message)
        if hop is not None and isinstance(reply, Reply):
            reply.when_done(partial(self._answered, hop, ref, reply))
        type(ref)._put_ask(ref, message, reply, sender, timeout, asking)

    def _forward(
        self, actor: Actor, forward: Callable[[Any, Any], None], ref: pykka.ActorRef[Any], message: Any
    ) -> None:
        hop = self._send("forwarded", actor, _hop_of(actor), ref, message)
        with self._on_its_way(hop, ref), _having(None):  # or it would be told once more, as told
            forward(ref, message)

    def _pipe_to(
        self,
        actor: Actor,
        pipe_to: Callable[..., None],
        ref: pykka.ActorRef[Any],
        future: Any,
        *,
        convert: Callable[[Any], Any] | None = None,
        failed: Callable[[BaseException], Any] | None = None,
    ) -> None:
        hop = _hop_of(actor)
        if hop is not None:
            convert = self._piping(actor, hop, ref, convert)
            failed = failed and self._piping(actor, hop, ref, failed)
        pipe_to(ref, future, convert=convert, failed=failed)

    def _piping(
        self, actor: Actor, hop: Hop, ref: pykka.ActorRef[Any], make: Callable[[Any], Any] | None
    ) -> Callable[[Any], Any]:
        def made(outcome: Any) -> Any:
            message = outcome if make is None else make(outcome)
            self._send("piped", actor, hop, ref, message)
            return message

        return made

    def _send(
        self, how: str, actor: Actor | None, hop: Hop | None, ref: pykka.ActorRef[Any], message: Any
    ) -> Hop | None:
        """The next hop of the one in hand, if there is one: a declared message to one of our actors."""
        if actor is None or hop is None or not isinstance(message, TLV) or not isinstance(ref, ActorRef):
            return None
        sent = self._hops.child(hop, message)
        self._note(how, actor, sent, [ref.mailbox])
        return sent

    def _note(self, how: str, actor: Actor, hop: Hop, receivers: list[Mailbox]) -> None:
        names = [mailbox.tally.name for mailbox in receivers]
        self._log.info(how, hop=hop.name, actor=actor.name, message=type(hop.message).__name__, to=names)
        hop.sent_at = now_ns()
        self._hops.add(hop, [mailbox for mailbox in receivers if not is_stream(mailbox.tally.name)])

    @contextmanager
    def _on_its_way(self, hop: Hop | None, ref: pykka.ActorRef[Any]) -> Iterator[None]:
        """What raises has not been sent."""
        try:
            yield
        except BaseException:
            if hop is not None and isinstance(ref, ActorRef):
                self._hops.drop(hop, ref.mailbox)
            raise

    def _answered(self, hop: Hop, ref: ActorRef[Any], reply: Reply[Any]) -> None:
        """Whoever was to answer in the end has done so, or has failed to."""
        after_us = _us(now_ns() - hop.sent_at)
        self._hops.drop(hop, ref.mailbox)
        answerer = reply.target or ref.mailbox
        line = {"hop": hop.name, "actor": answerer.tally.name, "message": type(hop.message).__name__}
        try:
            reply.get(timeout=0)
        except BaseException as error:
            self._log.info("answered", **line, after_us=after_us, error=type(error).__name__)
        else:
            self._log.info("answered", **line, after_us=after_us)

    # Handling.

    def _handling(self, actor: Actor, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        mailbox = actor.mailbox
        waiting = self._hops.at(mailbox)

        def traced(given: Any) -> Any:
            if not waiting:
                return handle(given)
            messages: Iterable[Any] = (
                given if type(given) is Batch else (given.message if type(given) is Sent else given,)
            )
            found = [hop for one in messages if id(one) in waiting and (hop := self._hops.take(mailbox, one))]
            return self._handle(actor, handle, given, found) if found else handle(given)

        return traced

    def _handle(self, actor: Actor, handle: Callable[[Any], Any], given: Any, hops: list[Hop]) -> Any:
        """A batch is handled as a whole: what comes of it is shown as what came of the first hop in it."""
        began_at = now_ns()
        try:
            with _having((actor, hops[0])):
                made = handle(given)
        except BaseException as error:
            self._handled(actor, hops, began_at, error)
            raise
        if type(made) is CoroutineType:
            return self._finish(actor, made, hops, began_at)
        self._handled(actor, hops, began_at)
        return made

    async def _finish(self, actor: Actor, made: CoroutineType[Any, Any, Any], hops: list[Hop], began_at: int) -> Any:
        try:
            with _having((actor, hops[0])):
                answer = await made
        except BaseException as error:
            self._handled(actor, hops, began_at, error)
            raise
        self._handled(actor, hops, began_at)
        return answer

    def _handled(self, actor: Actor, hops: list[Hop], began_at: int, error: BaseException | None = None) -> None:
        ended_at = now_ns()
        if error is not None and actor._supervision is not None:
            self._hops.fail(actor.mailbox, hops)
        for hop in hops:
            line = {
                "hop": hop.name,
                "actor": actor.name,
                "message": type(hop.message).__name__,
                "waited_us": _us(began_at - hop.sent_at),
                "took_us": _us(ended_at - began_at),
            }
            self._log.info("handled", **line, **({} if error is None else {"error": type(error).__name__}))


def _us(passed_ns: int) -> float:
    return round(passed_ns / 1000, 1)
