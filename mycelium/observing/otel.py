"""OpenTelemetry: the context of a span travels in the envelope, and the handler runs in a span that is a child of it.

`instrument` puts functions of this module in the place of those by which actors send and handle, and `uninstrument`
puts those back: so while it is off, nothing is asked and nothing is paid. While it is on, what is sent inside of
a span lies in the queue as `Spanned`, which is handled as every envelope is: one by one, in order, counted. What is
sent outside of one goes its usual way.

A turn begins outside of all spans: it may be taken inside the wait of an actor that asks, or in a task that was
made where somebody told, and what that one is in is not for others.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import Lock
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from mycelium.actor.actor import Actor
from mycelium.actor.ref import ActorRef
from mycelium.contracts.message_sets import shown
from mycelium.dispatcher.current import current_ref
from mycelium.dispatcher.event_loop import EventLoop
from mycelium.errors.observing import ObservingExtraError
from mycelium.mailbox.mail import Sent, is_control
from mycelium.routing.emitting import Emitter
from mycelium.routing.telling import Teller
from mycelium.texts import text_of

try:
    from opentelemetry import trace
    from opentelemetry.context import Context, attach, detach, get_current
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as missing:
    raise ObservingExtraError(feature="--otel", package="opentelemetry-api", extra="otel") from missing

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from pykka import Future

    from mycelium.mailbox.mailbox import Mailbox
    from tlv import TLV

__all__ = ["instrument", "uninstrument"]

#: What is put back.
_handle_declared = Actor._handle_declared
_handle_receive = Actor._handle_receive
_take_turn = Actor._take_turn
_take_turn_in_loop = EventLoop._take_turn
_enclose = ActorRef._enclose

_lock = Lock()
_tracer: trace.Tracer = trace.NoOpTracer()


def instrument(tracer_provider: TracerProvider | None = None) -> None:
    """From now on, handlers run in spans that are children of those in which their messages were sent.

    ::

        instrument()
        with tracer.start_as_current_span("order"):
            book.ask(Depth(), timeout=1.0)  # its handler: a span "process Depth", below "order"

    Holds for all actors of this process, those that run already too. ``tracer_provider`` makes the spans, by default the global
    one of OpenTelemetry. Called again, it changes the provider. Importing this module raises
    `ObservingExtraError` where opentelemetry-api is not installed.
    """
    global _tracer
    with _lock:
        _tracer = trace.get_tracer("mycelium", tracer_provider=tracer_provider)
        for owner, name, ours, _ in _WAYS:
            setattr(owner, name, ours)


def uninstrument() -> None:
    """Leave the handlers of what is sent from now on without spans. Does nothing where `instrument` was not called."""
    with _lock:
        for owner, name, _, theirs in _WAYS:
            setattr(owner, name, theirs)


class Spanned(Sent):
    """An envelope that says in which span its message was sent."""

    __slots__ = ("context",)

    def __init__(
        self, message: Any, reply_to: Future[Any] | None, sender: ActorRef[Any] | None, context: Context
    ) -> None:
        super().__init__(message, reply_to, sender)
        self.context = context


def _active() -> Context | None:
    """The context in which this is called, where that is one of a span."""
    context = get_current()
    return context if context and trace.get_current_span(context).get_span_context().is_valid else None


# Sending --------------------------------------------------------------------------------------------------------------


def _tell_spanned(ref: ActorRef[Any], message: Any) -> None:
    if _active() is None:
        Teller.tell(ref, message)
    else:
        ref._tell_from(current_ref(), message)


def _enclose_spanned(
    ref: ActorRef[Any], message: Any, reply: Future[Any] | None, sender: ActorRef[Any] | None, *, bare: bool = False
) -> Any:
    context = None if is_control(message) else _active()
    if context is None:
        return _enclose(ref, message, reply, sender, bare=bare)
    return Spanned(message, reply, sender, context)


def _emit_spanned(actor: Actor, message: TLV) -> None:
    context = _active()
    route = None if context is None else actor._routes.get(type(message))
    if context is None or route is None:
        Emitter.emit(actor, message)
        return
    route.advance()
    route.deliver(Spanned(message, None, actor.actor_ref, context))


# Handling -------------------------------------------------------------------------------------------------------------


def _take_turn_outside(actor: Actor, budget: int) -> bool:
    if _active() is None:
        return _take_turn(actor, budget)
    token = attach(Context())
    try:
        return _take_turn(actor, budget)
    finally:
        detach(token)


async def _take_turn_in_loop_outside(loop: EventLoop, actor: Actor, mailbox: Mailbox) -> None:
    attach(Context())  # of this task, which ends with the turn
    await _take_turn_in_loop(loop, actor, mailbox)


def _handle_declared_spanned(actor: Actor, message: TLV) -> Any:
    if type(message) in actor.__contract__.ignores:
        return _handle_declared(actor, message)
    return _handle(actor, message, _handle_declared)


def _handle_receive_spanned(actor: Actor, message: Any) -> Any:
    return _handle(actor, message, _handle_receive)


def _handle(actor: Actor, message: Any, handle: Callable[[Any, Any], Any]) -> Any:
    envelope = actor._envelope
    if type(envelope) is not Spanned or envelope.message is not message:
        return handle(actor, message)
    name = shown(type(message))
    span = _tracer.start_span(
        f"process {name}",
        context=envelope.context,
        kind=SpanKind.CONSUMER,
        attributes={
            "messaging.system": "mycelium",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": actor.name,
            "mycelium.message": name,
        },
    )
    context = trace.set_span_in_context(span, envelope.context)
    with _inside(span, context):
        made = handle(actor, message)
    if type(made) is CoroutineType:
        return _finish(span, context, made)
    span.end()
    return made


async def _finish(span: trace.Span, context: Context, made: Coroutine[Any, Any, Any]) -> Any:
    with _inside(span, context):
        answer = await made
    span.end()
    return answer


@contextmanager
def _inside(span: trace.Span, context: Context) -> Iterator[None]:
    """An error ends the span, and is noted in it."""
    token = attach(context)
    try:
        yield
    except BaseException as error:
        kind = type(error)
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, f"{kind.__name__}: {text_of(error)}"))
        span.set_attribute("error.type", f"{kind.__module__}.{kind.__qualname__}")
        span.end()
        raise
    finally:
        detach(token)


#: Whose method, its name, what it is while this is on, and what it is else.
_WAYS: tuple[tuple[type[Any], str, Callable[..., Any], Callable[..., Any]], ...] = (
    (ActorRef, "tell", _tell_spanned, ActorRef.tell),
    (ActorRef, "_enclose", _enclose_spanned, _enclose),
    (Actor, "emit", _emit_spanned, Actor.emit),
    (Actor, "_take_turn", _take_turn_outside, _take_turn),
    (EventLoop, "_take_turn", _take_turn_in_loop_outside, _take_turn_in_loop),
    (Actor, "_handle_declared", _handle_declared_spanned, _handle_declared),
    (Actor, "_handle_receive", _handle_receive_spanned, _handle_receive),
)
