"""Traces: every Nth message that a source emits is followed hop by hop, into the log.

A hop is one emission: its first one has the number of the trace, ``7``, and what its receivers emit
while they handle it has ``7.1``, ``7.2``, then ``7.2.1``. A line is logged when a hop is emitted, and one for
each actor that has handled it, with the time that it waited and the time that it took.

Messages are passed on as they are, so a hop is found by the identity of its message: nothing is wrapped, and
order, policies and counts are as ever. An actor that is not traced is made as it always is; one that is has an
`emit` of its own, and handlers that look whether the message in hand is a hop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import count
from threading import Lock
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import structlog

from mycelium.latency import now_ns
from tlv import Batch

if TYPE_CHECKING:
    from mycelium.actor import Actor

__all__ = ["HOPS_MAX", "Tracer"]

#: So many hops are waited for; where more wait, the oldest are followed no further.
HOPS_MAX = 10_000


class Hop:
    """One emission of a traced message: who waits for it, and how many hops came of it."""

    __slots__ = ("children", "emitted_at", "left", "message", "name")

    def __init__(self, name: str, message: Any, receivers: int) -> None:
        self.name = name
        self.message = message
        self.left = receivers
        self.children = 0
        self.emitted_at = now_ns()


#: Who is handling which hops in this thread, or task of an event loop.
_in_hand: ContextVar[tuple[Actor, Hop] | None] = ContextVar("in_hand", default=None)


class Tracer:
    """Follows every ``every``-th message that each source of a node emits."""

    def __init__(self, every: int) -> None:
        self.every = every
        self._traces = count(1).__next__
        self._hops: dict[int, Hop] = {}
        self._lock = Lock()
        self._log = structlog.get_logger()

    def bind(self, actor: Actor) -> None:
        """Have an actor traced: for each of its lives, when its handlers are bound."""
        from mycelium.source import Source

        vars(actor).pop("emit", None)
        emit = self._emit_of_source if isinstance(actor, Source) else self._emit_of_actor
        vars(actor)["emit"] = emit(actor, actor.emit)
        for cell in tuple(actor._tally.cells.values()):
            if cell.handle is not None:
                cell.handle = self._handling(actor, cell.handle)
        actor._batch_table = {kind: self._handling(actor, handle) for kind, handle in actor._batch_table.items()}

    def _emit_of_source(self, actor: Actor, emit: Callable[[Any], None]) -> Callable[[Any], None]:
        emitted = count().__next__

        def traced(message: Any) -> None:
            if not emitted() % self.every:
                self._follow(actor, message, str(self._traces()))
            emit(message)

        return traced

    def _emit_of_actor(self, actor: Actor, emit: Callable[[Any], None]) -> Callable[[Any], None]:
        def traced(message: Any) -> None:
            in_hand = _in_hand.get()
            if in_hand is not None and in_hand[0] is actor:
                hop = in_hand[1]
                with self._lock:
                    hop.children += 1
                    name = f"{hop.name}.{hop.children}"
                self._follow(actor, message, name)
            emit(message)

        return traced

    def _follow(self, actor: Actor, message: Any, name: str) -> None:
        route = actor._routes.get(type(message))
        receivers = [mailbox.tally.name for _, mailbox in route.targets] if route is not None else []
        self._log.info("emitted", hop=name, actor=actor.name, message=type(message).__name__, to=receivers)
        if not receivers:
            return
        with self._lock:
            self._hops.pop(id(message), None)
            self._hops[id(message)] = Hop(name, message, len(receivers))
            if len(self._hops) > HOPS_MAX:
                del self._hops[next(iter(self._hops))]

    def _handling(self, actor: Actor, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        hops = self._hops

        def traced(given: Any) -> Any:
            hop = hops.get(id(given)) if type(given) is not Batch else self._first_in(given)
            return handle(given) if hop is None else self._handle(actor, handle, given, hop)

        return traced

    def _first_in(self, batch: Iterable[Any]) -> Hop | None:
        """A batch is handled as a whole; it is shown as what came of the first hop in it."""
        found = (self._hops.get(id(message)) for message in batch) if self._hops else ()
        return next((hop for hop in found if hop is not None), None)

    def _handle(self, actor: Actor, handle: Callable[[Any], Any], given: Any, hop: Hop) -> Any:
        began_at = now_ns()
        token = _in_hand.set((actor, hop))
        made: Any = None
        try:
            made = handle(given)
        finally:
            _in_hand.reset(token)
            if type(made) is not CoroutineType:
                self._handled(actor, hop, began_at)
        return self._finish(actor, made, hop, began_at) if type(made) is CoroutineType else made

    async def _finish(self, actor: Actor, made: CoroutineType[Any, Any, Any], hop: Hop, began_at: int) -> Any:
        token = _in_hand.set((actor, hop))
        try:
            return await made
        finally:
            _in_hand.reset(token)
            self._handled(actor, hop, began_at)

    def _handled(self, actor: Actor, hop: Hop, began_at: int) -> None:
        ended_at = now_ns()
        with self._lock:
            hop.left -= 1
            if hop.left <= 0 and self._hops.get(id(hop.message)) is hop:
                del self._hops[id(hop.message)]
        self._log.info(
            "handled",
            hop=hop.name,
            actor=actor.name,
            message=type(hop.message).__name__,
            waited_us=round((began_at - hop.emitted_at) / 1000, 1),
            took_us=round((ended_at - began_at) / 1000, 1),
        )
