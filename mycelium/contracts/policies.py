"""Which overflow policy holds for which message: the handler's, else the actor's, else the message set's, else to block.

A message set says it once for all who receive its messages, as in
``actor_messages(domain=..., overflow={"Quote": ("conflate", "venue_id")})``. It is a matter of the
mailboxes, so `tlv` and the class of the message know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from mycelium.errors.actor import MailboxDeclarationError
from mycelium.mailbox.bounds import Bounded, Overflow, Policy, check_keys, check_policy
from mycelium.nearest import did_you_mean
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.contracts.handlers import Handler

__all__ = ["Declared", "declare_policies", "own_policies", "policies_of"]

#: What a message set says of a message: a policy, or one with the fields of its key.
Declared = Overflow | tuple[str, ...]

#: What message sets have said, and which set it was.
_declared: WeakKeyDictionary[type[TLV], tuple[Policy, str]] = WeakKeyDictionary()


def declare_policies(
    where: str, messages: Iterable[type[TLV]], policies: Mapping[str | type[TLV], Declared]
) -> dict[type[TLV], Policy]:
    """Let the messages of a set have these policies, by class or name, and give them back.

    Raises `MailboxDeclarationError` for a message that the set lacks, a policy or key that cannot be, and
    where another set has said something else of the message.
    """
    by_name = {message.__name__: message for message in messages}
    found: dict[type[TLV], Policy] = {}
    for given, said in policies.items():
        name = given if isinstance(given, str) else getattr(given, "__name__", repr(given))
        message = by_name.get(name)
        if message is None or given not in {name, message}:
            problem = f"overflow= names {name!r}; {did_you_mean(name, by_name, 'messages of the set')}"
            raise MailboxDeclarationError(where=where, problem=problem)
        overflow, *key = (said,) if isinstance(said, str) else said or ("",)
        check_policy(f"{where}.{name}", overflow, tuple(key))
        check_keys(f"{where}.{name}", (message,), tuple(key))
        policy = cast("Policy", (overflow, tuple(key)))
        known, other = _declared.get(message, (policy, where))
        if known != policy:
            problem = f"{_told(policy)}, but {other} says {_told(known)}"
            raise MailboxDeclarationError(where=f"{where}.{name}", problem=problem)
        found[message] = policy
    _declared.update((message, (policy, where)) for message, policy in found.items() if message not in _declared)
    return found


def own_policies(table: Mapping[type[TLV], Handler]) -> dict[type[TLV], Policy]:
    """The policies that handlers declare for their messages."""
    return {message: (one.overflow, one.key) for message, one in table.items() if one.overflow is not None}


def policies_of(
    where: str, bound: Bounded, own: Mapping[type[TLV], Policy], handled: Iterable[type[TLV]]
) -> dict[type[TLV], Policy]:
    """The policy and key of each handled message; ``own`` are those of the handlers. Checks the keys."""
    found: dict[type[TLV], Policy] = {}
    for message in handled:
        if message in own:
            found[message] = own[message]
        elif bound.overflow is None and message in _declared:
            found[message] = _declared[message][0]
        else:
            found[message] = (bound.policy, bound.key)
        check_keys(where, (message,), found[message][1])
    return found


def _told(policy: Policy) -> str:
    overflow, key = policy
    return f"{overflow} by {', '.join(key)}" if key else overflow
