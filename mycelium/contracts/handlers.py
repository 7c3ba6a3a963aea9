"""`handles`: says which method takes which message, by the annotation of its parameter."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, overload

import pykka

from mycelium.contracts.annotations import Scope, first_parameter, needed_besides, second_parameter
from mycelium.contracts.message_sets import is_message, shown
from mycelium.errors.message_set import HandlerSignatureError
from mycelium.mailbox.bounds import Overflow, check_keys, check_policy
from tlv import TLV, Batch

__all__ = ["Handler", "handlers_of", "handles"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__handles__"
_EXAMPLE = "annotate it: `def on_trade(self, trade: Trade) -> None`"


@dataclass(frozen=True, slots=True)
class Handler:
    """One method and what it takes. ``takes_rest``: every received message that no other handler names."""

    method: str
    batch: bool
    messages: tuple[type[TLV], ...]
    takes_rest: bool
    #: What becomes of these messages when the mailbox is full; None: what the mailbox says.
    overflow: Overflow | None = None
    key: tuple[str, ...] = ()
    #: Whether its second parameter gets the ref of the actor that sent the message.
    takes_sender: bool = False


class Mark:
    """What `handles` leaves on a function; the annotation is read when the first class with it is made."""

    __slots__ = ("batch", "handler", "key", "overflow")

    def __init__(self, *, batch: bool, overflow: Overflow | None, key: tuple[str, ...]) -> None:
        self.batch = batch
        self.overflow = overflow
        self.key = key
        self.handler: Handler | None = None


@overload
def handles(method: F, /) -> F: ...


@overload
def handles(
    *, batch: bool = False, overflow: Overflow | None = None, key: str | tuple[str, ...] = ()
) -> Callable[[F], F]: ...


def handles(
    method: F | None = None,
    /,
    *,
    batch: bool = False,
    overflow: Overflow | None = None,
    key: str | tuple[str, ...] = (),
) -> F | Callable[[F], F]:
    """Make a method the handler of the message that its parameter's annotation names.

    ::

        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...

        @handles
        def on_either(self, update: Market.Bid | Market.Ask) -> None: ...

        @handles(batch=True)                    # a run of one type from the mailbox, by columns
        def on_quotes(self, quotes: Batch[Market.Quote]) -> None: ...

        @handles(overflow="conflate", key="venue_id")    # in a full mailbox, the newest of each venue
        def on_quote(self, quote: Market.Quote) -> None: ...

        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> None: ...    # None: from outside of actors

        @handles
        def on_rest(self, message: TLV) -> None: ...    # all that is received and not named elsewhere

    What a handler returns is the reply to an ask, and is dropped after a tell. Handlers are
    inherited; a subclass may override the method without repeating the decorator. Whatever cannot
    work is refused when the class is made, with a `MessageSetError`, and a policy (see `Bounded`)
    that does not exist or fit the message with a `MailboxDeclarationError`.
    """

    def mark(function: F) -> F:
        setattr(
            function, _MARK, Mark(batch=batch, overflow=overflow, key=(key,) if isinstance(key, str) else tuple(key))
        )
        return function

    return mark if method is None else mark(method)


def handlers_of(cls: type[Any]) -> dict[str, Handler]:
    """The handlers of a class by method, inherited ones included; raises `HandlerSignatureError`."""
    scope: Scope | None = None
    found: dict[str, Handler] = {}
    for owner in reversed(cls.__mro__):
        for name, value in vars(owner).items():
            mark = getattr(value, _MARK, None) if callable(value) else None
            if isinstance(mark, Mark):
                if mark.handler is None:
                    scope = scope or Scope(cls)
                    mark.handler = _read(shown(owner), name, value, mark, scope)
                found[name] = mark.handler
            elif value is None:
                found.pop(name, None)
    return found


def _read(actor: str, name: str, method: Callable[..., Any], mark: Mark, scope: Scope) -> Handler:
    def refuse(reason: str, remedy: str) -> HandlerSignatureError:
        return HandlerSignatureError(actor=actor, handler=name, reason=reason, remedy=remedy)

    if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
        raise refuse("calling it would only make a generator", "make it a plain method, or a coroutine")
    parameter = first_parameter(method)
    if parameter is None:
        raise refuse("there is no parameter for the message", f"add one and {_EXAMPLE}")
    takes_sender = _takes_sender(method, scope)
    if others := needed_besides(method, given=2 if takes_sender else 1):
        raise refuse(
            f"it gets a message and nothing else, but needs {others} too", "give the others a default, or remove them"
        )
    if parameter.annotation is inspect.Parameter.empty:
        raise refuse(f"the parameter {parameter.name!r} has no annotation", _EXAMPLE)
    try:
        annotation = scope.resolve(parameter.annotation, method)
    except Exception as cause:
        raise refuse(
            f"the annotation {parameter.annotation!r} cannot be read ({type(cause).__name__}: {cause})",
            "import the name at run time, not only for the type checker, and before the class",
        ) from cause
    if takes_sender and mark.batch:
        raise refuse("a batch holds messages of many senders", "take them one by one, or leave the sender out")
    messages: list[type[TLV]] = []
    takes_rest = False
    for part in _parts(annotation):
        message = _message_in(part, mark.batch, refuse)
        if message is TLV:
            takes_rest = True
        else:
            messages.append(message)
    if mark.overflow is not None or mark.key:
        where = f"{actor}.{name}"
        check_policy(where, mark.overflow or "", mark.key)
        check_keys(where, messages, mark.key)
    return Handler(name, mark.batch, tuple(dict.fromkeys(messages)), takes_rest, mark.overflow, mark.key, takes_sender)


def _takes_sender(method: Callable[..., Any], scope: Scope) -> bool:
    """Whether the second parameter is annotated as a ref: ``ActorRef[Any] | None``."""
    parameter = second_parameter(method)
    if parameter is None or parameter.annotation is inspect.Parameter.empty:
        return False
    try:
        annotation = scope.resolve(parameter.annotation, method)
    except Exception:
        return False  # told below, unless the parameter has a default
    kinds = (get_origin(part) or part for part in _parts(annotation))
    return any(isinstance(kind, type) and issubclass(kind, pykka.ActorRef) for kind in kinds)


def _parts(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _parts(one)
    else:
        yield annotation


def _message_in(part: Any, batch: bool, refuse: Callable[[str, str], HandlerSignatureError]) -> type[TLV]:
    is_batch = part is Batch or get_origin(part) is Batch
    if is_batch and not batch:
        raise refuse("it takes a Batch, but gets messages one by one", "write @handles(batch=True)")
    if batch and not is_batch:
        raise refuse(f"it gets batches, but takes {_named(part)}", "annotate the parameter with Batch[Trade]")
    if batch:
        if part is Batch:
            raise refuse("Batch says no message", "annotate the parameter with Batch[Trade]")
        (part,) = get_args(part)
    if part is TLV or is_message(part):
        return part  # type: ignore[no-any-return]
    if isinstance(part, type) and issubclass(part, TLV):
        raise refuse(f"{_named(part)} has no type id, so it cannot arrive by itself", "give the message a type=")
    raise refuse(f"{_named(part)} is not a message", "name a message, several as A | B, or TLV for all the rest")


def _named(part: Any) -> str:
    return shown(part) if isinstance(part, type) else str(part)
