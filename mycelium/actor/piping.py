"""Piping: what a future brings is told to an actor as a message, and nobody waits for it.

Whoever settles the future tells the message, in his thread. So that he never waits for the receiver, a
full mailbox whose policy is to wait takes it beyond its bound: there are never more of these than
futures that were piped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import pykka

from mycelium.actor.ref import ActorRef
from mycelium.actor.reply import Reply
from mycelium.attempted_log import try_to_log
from mycelium.dispatcher.awaiting import is_in_event_loop
from mycelium.dispatcher.current import running
from mycelium.errors.actor import MailboxFullError
from mycelium.errors.conversation import PipeSourceError
from mycelium.imports.light_structlog import structlog
from mycelium.texts import text_of

if TYPE_CHECKING:
    from asyncio import Future

    from mycelium.actor.actor import Actor
    from mycelium.dispatcher.clock import Call

__all__ = ["PipeFailed", "pipe"]

#: The coroutines that were piped and run still: an event loop itself keeps none of its tasks alive.
_tasks: set[Future[Any]] = set()


@dataclass(frozen=True, slots=True)
class PipeFailed:
    """What was piped has failed. Comes to `Actor.on_receive` of the receiver, unless `Actor.pipe_to` names another message."""

    error: BaseException
    """What it failed with."""


class Pipe:
    """One future on its way to an actor; told once, of its outcome or of the end of its deadline."""

    __slots__ = ("_convert", "_failed", "_first", "_ref", "_sender", "timer")

    def __init__(
        self,
        sender: ActorRef[Any],
        ref: pykka.ActorRef[Any],
        convert: Callable[[Any], Any] | None,
        failed: Callable[[BaseException], Any] | None,
    ) -> None:
        self._sender = sender
        self._ref = ref
        self._convert = convert
        self._failed = failed
        self._first = Lock()
        self.timer: Call | None = None

    def settle(self, outcome: Callable[[], Any]) -> None:
        """Tell what ``outcome`` returns or raises, if nothing has been told yet."""
        if not self._first.acquire(blocking=False):
            return
        if self.timer is not None:
            self.timer.cancel()
        try:
            result = outcome()
            self._tell(result if self._convert is None else self._convert(result))
        except BaseException as error:
            self._tell_failure(error)

    def _tell_failure(self, error: BaseException) -> None:
        try:
            self._tell(PipeFailed(error) if self._failed is None else self._failed(error))
        except BaseException as further:
            self._tell(PipeFailed(further))

    def _tell(self, message: Any) -> None:
        ref = self._ref
        try:
            if isinstance(ref, ActorRef):
                ref._tell_from(self._sender, message, piped=True)
            else:
                ref.tell(message)
        except pykka.ActorDeadError:
            pass  # counted, and told as a dead letter
        except MailboxFullError as error:
            try_to_log(structlog.get_logger().warning, "a piped message was refused", error=text_of(error))


def pipe(
    actor: Actor,
    ref: pykka.ActorRef[Any],
    source: Any,
    convert: Callable[[Any], Any] | None,
    failed: Callable[[BaseException], Any] | None,
) -> None:
    """What `Actor.pipe_to` does."""
    if not isinstance(ref, pykka.ActorRef):
        raise _refused(actor, source, f"{text_of(ref, repr)} is no ref of an actor")
    made = Pipe(actor.actor_ref, ref, convert, failed)
    if isinstance(source, Reply) and not source.is_computed:
        seconds = source.seconds_left
        if seconds is not None:
            clock = actor._clock()
            made.timer = clock.call_at(clock.now() + seconds, lambda: made.settle(source.time_out))
        source.when_done(lambda: made.settle(source.get))
    elif isinstance(source, pykka.Future):
        if running.simulation is not None:
            raise _refused(actor, source, "one can only wait for it, and nobody may in a simulation")
        Thread(target=made.settle, args=(source.get,), name="mycelium-pipe", daemon=True).start()
    elif hasattr(source, "add_done_callback"):
        source.add_done_callback(lambda done: made.settle(done.result))
    elif inspect.isawaitable(source) and is_in_event_loop():
        from asyncio import ensure_future

        task = ensure_future(source)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        task.add_done_callback(lambda done: made.settle(done.result))
    else:
        if inspect.iscoroutine(source):
            source.close()
        is_awaitable = inspect.isawaitable(source)
        raise _refused(actor, source, "no event loop runs here to await it" if is_awaitable else "it is no future")


def _refused(actor: Actor, source: Any, reason: str) -> PipeSourceError:
    return PipeSourceError(actor=actor.name, value=text_of(source, repr), reason=reason)
