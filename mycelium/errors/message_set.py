"""Errors of declaring message sets and handlers. All are raised while a class or a set is created.

::

    MessageSetError
      NotAMessageError          MSG-001  a member of a set is not a message
      TypelessMessageError       MSG-002  a message of a set has no type id
      OutsideDomainError        MSG-003  a type id lies outside the set's domain
      TypeIdClashError          MSG-004  two messages of a set have one type id
      MessageNameClashError     MSG-005  two messages of a set have one name
      EmptyMessageSetError      MSG-006  a set without messages
      NotAMessageSetError       MSG-007  something else where a message set belongs
      UnhandledMessageError     MSG-008  received, but neither handled nor ignored
      UnreceivedHandlerError    MSG-009  a handler for a message that is not received
      HandlerClashError         MSG-010  two handlers for one message
      HandledAndIgnoredError    MSG-011  handled and ignored
      UnreceivedIgnoreError     MSG-012  ignored, but not received
      HandlerSignatureError     MSG-013  a handler whose parameter says no message
      NotADomainError           MSG-014  something else where a domain belongs
      UnknownKeywordError       MSG-015  a class keyword that does not exist
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "EmptyMessageSetError",
    "HandledAndIgnoredError",
    "HandlerClashError",
    "HandlerSignatureError",
    "MessageNameClashError",
    "MessageSetError",
    "NotADomainError",
    "NotAMessageError",
    "NotAMessageSetError",
    "OutsideDomainError",
    "TypeIdClashError",
    "TypelessMessageError",
    "UnhandledMessageError",
    "UnknownKeywordError",
    "UnreceivedHandlerError",
    "UnreceivedIgnoreError",
]


class MessageSetError(DeclaredError, TypeError):
    """Family of the errors of message sets and of the handlers for them."""


class NotAMessageError(
    MessageSetError,
    code="MSG-001",
    text="{message_set}: {member} is {value}, not a message",
    next_step="keep only subclasses of TLV in a message set; put everything else outside",
):
    """A member of a set is not a message."""

    message_set: str
    member: str
    value: str


class TypelessMessageError(
    MessageSetError,
    code="MSG-002",
    text="{message_set}: {message} has no type id, so it cannot travel by itself",
    next_step="write `class {message}(TLV, type=...)`, or move the plain layout out of the set",
):
    """A message of a set has no type id."""

    message_set: str
    message: str


class OutsideDomainError(
    MessageSetError,
    code="MSG-003",
    text="{message_set}: type {type_id} of {message} is outside of the domain {domain}",
    next_step="choose a type id of the domain, or the domain of the type id",
):
    """A type id lies outside the set's domain."""

    message_set: str
    message: str
    type_id: int
    domain: str


class TypeIdClashError(
    MessageSetError,
    code="MSG-004",
    text="{message_set}: {first} and {second} both have type {type_id}",
    next_step="give one of them another type id",
):
    """Two messages of a set have one type id."""

    message_set: str
    first: str
    second: str
    type_id: int


class MessageNameClashError(
    MessageSetError,
    code="MSG-005",
    text="{message_set}: two messages are called {message}",
    next_step="rename one of them: reports and topologies tell messages apart by name",
):
    """Two messages of a set have one name."""

    message_set: str
    message: str


class EmptyMessageSetError(
    MessageSetError,
    code="MSG-006",
    text="{message_set}: a message set needs at least one message",
    next_step="declare a message in it: `class Trade(TLV, type=1000): ...`",
):
    """A set without messages."""

    message_set: str


class NotAMessageSetError(
    MessageSetError,
    code="MSG-007",
    text="{where}: {value} is neither a message nor a message set",
    next_step="give a message class, what actor_messages made, or a tuple of these",
):
    """Something else where a message set belongs."""

    where: str
    value: str


class UnhandledMessageError(
    MessageSetError,
    code="MSG-008",
    text="{actor} receives, but neither handles nor ignores: {messages}",
    next_step="add a method with @handles and this annotation, or name the message in ignores=",
):
    """Received, but neither handled nor ignored."""

    actor: str
    messages: str


class UnreceivedHandlerError(
    MessageSetError,
    code="MSG-009",
    text="{actor}.{handler} handles {message}, which is not in receives=",
    next_step="add the message to receives=, or remove the handler",
):
    """A handler for a message that is not received."""

    actor: str
    handler: str
    message: str


class HandlerClashError(
    MessageSetError,
    code="MSG-010",
    text="{actor} handles {message} twice, in {first} and in {second}",
    next_step="keep one of them; it may call the other",
):
    """Two handlers for one message."""

    actor: str
    message: str
    first: str
    second: str


class HandledAndIgnoredError(
    MessageSetError,
    code="MSG-011",
    text="{actor} ignores {message}, but {handler} handles it",
    next_step="take it out of ignores=, or remove the handler",
):
    """Handled and ignored."""

    actor: str
    message: str
    handler: str


class UnreceivedIgnoreError(
    MessageSetError,
    code="MSG-012",
    text="{actor} ignores {message}, which is not in receives=",
    next_step="ignore only what receives= brings in",
):
    """Ignored, but not received."""

    actor: str
    message: str


class HandlerSignatureError(
    MessageSetError,
    code="MSG-013",
    text="{actor}.{handler}: {reason}",
    next_step="{remedy}",
):
    """A handler whose parameter does not say which message it takes."""

    actor: str
    handler: str
    reason: str
    remedy: str


class NotADomainError(
    MessageSetError,
    code="MSG-014",
    text="{message_set}: {value} is no domain",
    next_step="pass a member of mycelium.Domain: {known}",
):
    """``domain=`` is something else, such as a text."""

    message_set: str
    value: str
    known: str


class UnknownKeywordError(
    MessageSetError,
    code="MSG-015",
    text="{actor}: there is no class keyword {keyword!r}",
    next_step="{hint}",
):
    """A class keyword that neither Actor nor a mixin takes."""

    actor: str
    keyword: str
    hint: str
