"""Message sets: closed sets of messages that actors receive or emit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, overload

from mycelium.contracts.domain import Domain
from mycelium.contracts.policies import Declared, declare_policies
from mycelium.errors.message_set import (
    EmptyMessageSetError,
    MessageNameClashError,
    NotADomainError,
    NotAMessageError,
    NotAMessageSetError,
    OutsideDomainError,
    TypeIdClashError,
    TypelessMessageError,
)
from mycelium.mailbox.bounds import Policy
from tlv import TLV
from tlv.digests import sha256

__all__ = ["MessageSet", "actor_messages", "is_message", "message_set", "messages_of", "shown"]

T = TypeVar("T")

_ATTRIBUTE = "__message_set__"


class MessageSet:
    """A named, closed set of messages of one domain, ordered by type id.

    Made by `actor_messages`; iterate over it, or ask ``Trade in market``. ``digest`` is a hex text
    over the computed layouts: two processes with equal digests understand each other.
    """

    __slots__ = ("_members", "digest", "domain", "messages", "name", "overflow")

    def __init__(
        self,
        name: str,
        messages: tuple[type[TLV], ...],
        domain: Domain,
        overflow: Mapping[str | type[TLV], Declared] | None = None,
    ) -> None:
        messages = tuple(dict.fromkeys(messages))
        _check_members(name, messages, domain)
        self.name = name
        self.domain = domain
        self.messages = tuple(sorted(messages, key=type_id_of))
        self._members = frozenset(messages)
        #: The policies that it declares for full mailboxes, by message.
        self.overflow: Mapping[type[TLV], Policy] = declare_policies(name, self.messages, overflow or {})
        lines = (f"{type_id_of(message)} {message.layout.digest}\n" for message in self.messages)
        self.digest = sha256("".join(lines).encode()).hexdigest()

    def __contains__(self, message: object) -> bool:
        return message in self._members

    def __iter__(self) -> Iterator[type[TLV]]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        return f"<MessageSet {self.name}: {', '.join(message.__name__ for message in self.messages)}>"


@overload
def actor_messages(
    *, domain: Domain, overflow: Mapping[str | type[TLV], Declared] | None = None
) -> Callable[[type[T]], type[T]]: ...


@overload
def actor_messages(
    name: str,
    /,
    *messages: type[TLV],
    domain: Domain,
    overflow: Mapping[str | type[TLV], Declared] | None = None,
) -> MessageSet: ...


def actor_messages(
    name: str | None = None,
    /,
    *messages: type[TLV],
    domain: Domain,
    overflow: Mapping[str | type[TLV], Declared] | None = None,
) -> MessageSet | Callable[[type[T]], type[T]]:
    """Declare a message set, as a decorator over a namespace or over messages that exist already.

    ::

        @actor_messages(domain=Domain.USER)
        class Market:
            class Trade(TLV, type=1000): ...

        MarketData = actor_messages("MarketData", TradeTLV, QuoteTLV, domain=Domain.MARKET_DATA)

    The decorator returns the class itself; `message_set` gives its set. Messages of base namespaces
    belong to it too.

    ``overflow`` says what becomes of a message that comes to a full mailbox, wherever it is received and neither the
    handler nor the actor says anything else (see `Bounded`): by name or class, ``{"Quote": ("conflate",
    "venue_id"), "Trade": "drop_oldest"}``, a key's fields after the policy.

    Raises a `MailboxDeclarationError` for a policy that cannot be, and a `MessageSetError` for a member that is no message, a message without a
    type id or outside of the domain, and for two messages of one type id or name.
    """
    if name is not None:
        return MessageSet(name, messages, domain, overflow)

    def declare(namespace: type[T]) -> type[T]:
        declared = MessageSet(namespace.__name__, tuple(_members_of(namespace)), domain, overflow)
        setattr(namespace, _ATTRIBUTE, declared)
        return namespace

    return declare


def message_set(declared: MessageSet | type[Any]) -> MessageSet:
    """The set that a decorated namespace declares. Raises `NotAMessageSetError` for anything else."""
    if isinstance(declared, MessageSet):
        return declared
    found = vars(declared).get(_ATTRIBUTE) if hasattr(declared, "__dict__") else None
    if isinstance(found, MessageSet):
        return found
    raise NotAMessageSetError(where="message_set()", value=repr(declared))


def messages_of(where: str, declared: Any) -> tuple[type[TLV], ...]:
    """All messages of a message, a set, a decorated namespace, or a tuple of these; each once, in order.

    Raises a `MessageSetError` that begins with ``where`` for anything else, and for two messages of
    one type id: nobody could tell their bytes apart.
    """
    found = tuple(dict.fromkeys(_flatten(where, declared)))
    _check_clashes(where, found)
    return found


def is_message(value: object) -> bool:
    """Whether this is a message class that can travel by itself."""
    return isinstance(value, type) and issubclass(value, TLV) and value.type_id is not None


def type_id_of(message: type[TLV]) -> int:
    """The type id of a message that is known to have one."""
    assert message.type_id is not None
    return message.type_id


def shown(named: type[Any]) -> str:
    """A class by its qualified name, without the functions around it."""
    return named.__qualname__.rpartition("<locals>.")[2]


def _is_layout(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, TLV)


def _members_of(namespace: type[Any]) -> Iterator[type[TLV]]:
    for scope in reversed(namespace.__mro__[:-1]):
        annotations = inspect.get_annotations(scope)
        for name, value in {**dict.fromkeys(annotations), **scope.__dict__}.items():
            if name.startswith("__") and name.endswith("__"):
                continue
            if not _is_layout(value):
                raise NotAMessageError(message_set=namespace.__name__, member=name, value=repr(value))
            yield value


def _check_members(name: str, messages: tuple[type[TLV], ...], domain: Domain) -> None:
    if not isinstance(domain, Domain):
        raise NotADomainError(message_set=name, value=repr(domain), known=", ".join(Domain.__members__))
    if not messages:
        raise EmptyMessageSetError(message_set=name)
    for message in messages:
        if not _is_layout(message):
            raise NotAMessageError(message_set=name, member="a message given", value=repr(message))
        if message.type_id is None:
            raise TypelessMessageError(message_set=name, message=message.__name__)
        if message.type_id not in domain:
            raise OutsideDomainError(
                message_set=name, message=message.__name__, type_id=message.type_id, domain=str(domain)
            )
    _check_clashes(name, messages)
    names: set[str] = set()
    for message in messages:
        if message.__name__ in names:
            raise MessageNameClashError(message_set=name, message=message.__name__)
        names.add(message.__name__)


def _check_clashes(where: str, messages: tuple[type[TLV], ...]) -> None:
    by_id: dict[int, type[TLV]] = {}
    for message in messages:
        taken = by_id.setdefault(type_id_of(message), message)
        if taken is not message:
            raise TypeIdClashError(
                message_set=where, first=shown(taken), second=shown(message), type_id=type_id_of(message)
            )


def _flatten(where: str, declared: Any) -> Iterator[type[TLV]]:
    if isinstance(declared, tuple | list):
        for one in declared:
            yield from _flatten(where, one)
    elif isinstance(declared, MessageSet):
        yield from declared.messages
    elif _is_layout(declared):
        if declared.type_id is None:
            raise TypelessMessageError(message_set=where, message=declared.__name__)
        yield declared
    elif isinstance(declared, type) and _ATTRIBUTE in declared.__dict__:
        yield from message_set(declared).messages
    else:
        raise NotAMessageSetError(where=where, value=repr(declared))
