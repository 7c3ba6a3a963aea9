"""How a message leaves an actor: by its routes to all who receive its type, or as a question to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pykka

from mycelium.actor.reply import Reply
from mycelium.contracts.message_sets import shown
from mycelium.errors.actor import UndeclaredEmissionError
from mycelium.errors.talking import ActorUnknownError
from mycelium.routing.emitting import Emitter, Route
from mycelium.texts import text_of
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.context import ActorContext
    from mycelium.actor.ref import ActorRef
    from mycelium.contracts.contract import Contract
    from mycelium.ledger.tally import Tally
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Sending"]


class Sending(Emitter, pykka.Actor):
    """The sending half of an actor."""

    __contract__: ClassVar[Contract]
    _context: ActorContext
    _tally: Tally
    name: str

    def ref_of(self, name: str) -> ActorRef[Any]:
        """The ref of another actor of the topology, by its name there: ``self.ref_of("books").tell(Clear())``.

        Wherever it runs: `tell`, `ask`, `watch` and `stop` are the same on another node, but that only declared
        messages go there. To be called in `on_start` or later, when all actors have been made. Raises
        `ActorUnknownError`, and `NotLinkedError` where the topology says that the two nodes have no link.
        """
        refs = self._context.refs
        if refs is None:
            raise ActorUnknownError(
                actor=self.name, name=name, reason="it is in no topology itself", hint="pass the ref in its constructor"
            )
        return refs(self.name, name)

    async def ask(self, ref: pykka.ActorRef[Any], message: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - as every ask
        """Ask another actor from a coroutine, and await the answer: ``await self.ask(ref, message, timeout=1.0)``.

        Meanwhile the event loop runs others; this actor's next message waits. ``timeout`` is in
        seconds. Raises what `ActorRef.ask` does, and `AskCycleError` where the other one waits for this one.
        """
        future = ref.ask(message, block=False, timeout=timeout)
        return await (future.within(timeout) if isinstance(future, Reply) else future)

    def forward(self, ref: pykka.ActorRef[Any], message: Any) -> None:
        """Have another actor handle a message in the place of this one: it sees the sender that this one saw.

        In the handler of an ask, the other one answers in place of this one, whose handler may return what it
        likes: the asker gets that answer, or what an ask of the other one would have raised, within its own
        deadline. To be called in the handler, with the message in hand or with another one.

        Raises `SenderUnknownError` where the other's handler takes the sender and this one's does not,
        `AskCycleError` where the other one waits for this answer, and what `ActorRef.tell` does.
        """
        from mycelium.actor.forwarding import forward

        forward(cast("Actor", self), ref, message)

    def pipe_to(
        self,
        ref: pykka.ActorRef[Any],
        future: Any,
        *,
        convert: Callable[[Any], Any] | None = None,
        failed: Callable[[BaseException], Any] | None = None,
    ) -> None:
        """Have what a future brings told to an actor, this one or another, and do not wait for it.

        ::

            self.pipe_to(self.actor_ref, self.book.ask(Depth(), block=False, timeout=1.0), convert=Depths.of)

        ``future`` is what an ask with ``block=False`` or a proxy gives, a future of asyncio or concurrent.futures, or
        on an event loop a coroutine, which runs there while the actor goes on. ``convert`` makes the message
        of its result, by default it is the result. ``failed`` makes one of its error, by default a
        `PipeFailed`; so does the end of the ask's deadline. It is told as by `ActorRef.tell` from this actor, also after its
        end, but never waits for room. Raises `PipeSourceError` for what cannot tell when it is done.
        """
        from mycelium.actor.piping import pipe

        pipe(cast("Actor", self), ref, future, convert, failed)

    def _emit_unrouted(self, message: object) -> None:
        declared = self.__contract__.emits
        if type(message) not in declared:
            named = (
                shown(type(message)) if isinstance(message, TLV) else f"{text_of(message, repr)}, which is no message"
            )
            raise UndeclaredEmissionError(
                actor=self.name,
                message=named,
                declared=", ".join(shown(one) for one in declared) or "nothing: it has no emits=",
            )
        self._tally.count_unrouted(type(message))

    def _connect(self, routes: Mapping[type[Any], Route], downstream: tuple[Mailbox, ...]) -> None:
        self._routes = dict(routes)
        self._tally.routes += tuple(self._routes.values())
