"""The contract of an actor class: what it receives, handles, ignores and emits, compiled once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mycelium.contracts.annotations import Scope, first_parameter
from mycelium.contracts.handlers import Handler, handlers_of
from mycelium.contracts.message_sets import messages_of, shown
from mycelium.contracts.policies import own_policies, policies_of
from mycelium.errors.actor import MailboxDeclarationError
from mycelium.errors.message_set import (
    HandledAndIgnoredError,
    HandlerClashError,
    HandlerSignatureError,
    NotAMessageSetError,
    UnhandledMessageError,
    UnreceivedHandlerError,
    UnreceivedIgnoreError,
)
from mycelium.mailbox.bounds import DEFAULT_BOUND, UNLIMITED, Bounded, Policy, capacity_of
from mycelium.mailbox.weights import Weights, weighed_bytes
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["Contract", "compile_contract", "contract_of", "open_mailbox"]

_ATTRIBUTE = "__contract__"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a class promises. Messages stand in the order in which they were declared."""

    receives: tuple[type[TLV], ...] = ()
    ignores: tuple[type[TLV], ...] = ()
    handled: tuple[type[TLV], ...] = ()
    emits: tuple[type[TLV], ...] = ()
    #: Which handler gets which message.
    table: Mapping[type[TLV], Handler] = field(default_factory=dict)
    #: What holds its mail, and what becomes of each handled message when that is full: policy and key.
    bound: Bounded = DEFAULT_BOUND
    policies: Mapping[type[TLV], Policy] = field(default_factory=dict)
    #: The messages whose handlers want to know who sent them.
    wants_sender: frozenset[type[TLV]] = frozenset()
    #: How many messages the mailbox holds under that bound.
    capacity: int = UNLIMITED
    #: Whether ``receives`` was written down; else it is what the handlers name.
    is_closed: bool = False
    #: The class of the first parameter of ``__init__``: how the actor takes its config.
    config_class: type[Any] | None = None
    #: Why the annotation of that parameter cannot be read; empty where it can.
    config_problem: str = ""
    #: Bound and policies, as the mailboxes of all its actors have them, and the bytes of what these weigh.
    terms: tuple[Bounded, Mapping[type[TLV], Policy]] = field(init=False)
    weighs: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", (self.bound, self.policies))
        object.__setattr__(self, "weighs", weighed_bytes(self.bound, self.handled))


def contract_of(actor_class: type[Any]) -> Contract:
    """The contract of an actor class. Raises `NotAMessageSetError` for a class that is no `Actor`."""
    found = getattr(actor_class, _ATTRIBUTE, None)
    if isinstance(found, Contract):
        return found
    raise NotAMessageSetError(where="contract_of()", value=repr(actor_class))


def compile_contract(
    cls: type[Any], receives: Any, ignores: Any, emits: Any, mailbox: Bounded | None = None
) -> Contract:
    """Compile what a new class declares (None: as its base); raises a `MessageSetError` or a
    `MailboxDeclarationError` for what cannot work.
    """
    base = next((vars(one)[_ATTRIBUTE] for one in cls.__mro__[1:] if _ATTRIBUTE in vars(one)), Contract())
    name = shown(cls)
    handlers = handlers_of(cls)
    named = tuple(dict.fromkeys(message for handler in handlers.values() for message in handler.messages))
    is_closed = receives is not None or base.is_closed
    if receives is not None:
        received = messages_of(f"{name} receives=", receives)
    else:
        received = base.receives if base.is_closed else messages_of(f"{name} handlers", named)
    ignored = base.ignores if ignores is None else messages_of(f"{name} ignores=", ignores)
    emitted = base.emits if emits is None else messages_of(f"{name} emits=", emits)
    table = _table(name, handlers, received)
    for message in ignored:
        if message in table and not table[message].takes_rest:
            raise HandledAndIgnoredError(actor=name, message=shown(message), handler=table[message].method)
        if message not in received:
            raise UnreceivedIgnoreError(actor=name, message=shown(message))
        table.pop(message, None)
    missing = [shown(message) for message in received if message not in table and message not in ignored]
    if missing:
        raise UnhandledMessageError(actor=name, messages=", ".join(missing))
    config_class, config_problem = _config_of(cls)
    if mailbox is not None and not isinstance(mailbox, Bounded):
        raise MailboxDeclarationError(where=name, problem=f"mailbox= takes a Bounded, got {mailbox!r}")
    handled = tuple(message for message in received if message in table)
    bound = mailbox or base.bound
    return Contract(
        receives=received,
        ignores=ignored,
        handled=handled,
        emits=emitted,
        table=table,
        is_closed=is_closed,
        config_class=config_class,
        config_problem=config_problem,
        bound=bound,
        wants_sender=frozenset(message for message, handler in table.items() if handler.takes_sender),
        capacity=capacity_of(bound, handled),
        policies=policies_of(name, bound, own_policies(table), handled),
    )


def open_mailbox(mailbox: Mailbox, contract: Contract, bound: Bounded | None) -> None:
    """Let in what the class of a new actor receives, under its bound or the one that is given instead."""
    terms, capacity, weighs = contract.terms, contract.capacity, contract.weighs
    if bound is not None:
        terms = (bound, policies_of(mailbox.tally.name, bound, own_policies(contract.table), contract.handled))
        capacity, weighs = capacity_of(bound, contract.handled), weighed_bytes(bound, contract.handled)
    mailbox.tally.receives = contract.receives
    if capacity < UNLIMITED:
        mailbox.bound = terms
        mailbox.capacity = capacity
        if weighs:
            mailbox.weights = Weights(mailbox, weighs, contract.handled)
    mailbox.wants_sender = contract.wants_sender


def _table(name: str, handlers: Mapping[str, Handler], received: tuple[type[TLV], ...]) -> dict[type[TLV], Handler]:
    table: dict[type[TLV], Handler] = {}
    for handler in handlers.values():
        for message in handler.messages:
            if message not in received:
                raise UnreceivedHandlerError(actor=name, handler=handler.method, message=shown(message))
            taken = table.setdefault(message, handler)
            if taken is not handler:
                raise HandlerClashError(actor=name, message=shown(message), first=taken.method, second=handler.method)
    rest = [handler for handler in handlers.values() if handler.takes_rest]
    if rest and not received:
        raise HandlerSignatureError(
            actor=name,
            handler=rest[0].method,
            reason="it takes all that is received, but nothing says what is",
            remedy="write receives= in the class line",
        )
    if len(rest) > 1:
        raise HandlerClashError(actor=name, message="TLV", first=rest[0].method, second=rest[1].method)
    for handler in rest:
        for message in received:
            table.setdefault(message, handler)
    return table


def _config_of(cls: type[Any]) -> tuple[type[Any] | None, str]:
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    known = vars(owner).get(_ATTRIBUTE)
    if isinstance(known, Contract):
        return known.config_class, known.config_problem
    initializer = vars(owner)["__init__"]
    parameter = first_parameter(initializer)
    if parameter is None:
        return None, ""
    if parameter.annotation is inspect.Parameter.empty:
        required = parameter.default is inspect.Parameter.empty
        return None, f"the parameter {parameter.name!r} has no annotation" if required else ""
    try:
        annotation = Scope(cls).resolve(parameter.annotation, initializer)
    except Exception as cause:
        return None, f"the annotation {parameter.annotation!r} cannot be read ({type(cause).__name__}: {cause})"
    return (annotation, "") if isinstance(annotation, type) else (None, f"{annotation} is not a class")
