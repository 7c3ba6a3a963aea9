"""Bounded: how much a mailbox holds, and what happens to a message that comes when it is full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import TIMEOUT_MAX
from typing import Literal, get_args

import annotated_types

from mycelium.errors.actor import MailboxDeclarationError
from mycelium.nearest import did_you_mean
from mycelium.numbers import rule_broken
from mycelium.texts import text_of
from tlv import TLV

__all__ = [
    "DEFAULT_BOUND",
    "NO_POLICY",
    "UNBOUNDED",
    "UNLIMITED",
    "Bounded",
    "Overflow",
    "Policy",
    "bytes_of",
    "capacity_of",
    "check_keys",
    "check_policy",
    "is_unlimited",
    "least_bytes_of",
]

Overflow = Literal["block", "drop_oldest", "drop_newest", "conflate", "reject"]

#: What becomes of a message that comes when the mailbox is full, and by which fields it is conflated.
Policy = tuple[Overflow, tuple[str, ...]]
NO_POLICY: tuple[str, tuple[str, ...]] = ("", ())

#: The capacity of a mailbox without a bound: more than fits into any memory.
UNLIMITED = (1 << 30) - 1

#: What a variable field is taken to hold where its declaration sets no limit.
VARIABLE_BYTES = 512
#: An owned message besides its own bytes: the object's head, and its place in the queue.
OBJECT_BYTES = 48


@dataclass(frozen=True, slots=True)
class Bounded:
    """The bound of a mailbox. ::

        class Tape(Actor, receives=Market, mailbox=Bounded(10_000, overflow="drop_oldest")): ...

    ``capacity`` is a number of messages; ``bytes_max`` lowers it to what fits into that many bytes
    if all were of the largest type that the actor handles. A message that comes when the mailbox is
    full

    * ``block``: waits for room, for ``deadline_s`` seconds, and is then refused;
    * ``drop_oldest``: takes the place of the oldest message of this policy;
    * ``drop_newest``: is dropped;
    * ``conflate``: the newest message per ``key`` (names of fields) survives, older ones are dropped;
    * ``reject``: is refused at once.

    A refusal is a `MailboxFullError` for the sender, which hands the message back. All of it is
    counted. A handler may have a policy of its own: ``@handles(overflow="conflate", key=("venue_id",))``. Without
    ``overflow``, a message has the policy that its message set declares, and else blocks.
    Raises `MailboxDeclarationError` for values that make no bound.
    """

    capacity: int = 16_384
    overflow: Overflow | None = None
    key: tuple[str, ...] = ()
    deadline_s: float = 5.0
    bytes_max: int | None = None

    def __post_init__(self) -> None:
        given: object = self.key
        key = (given,) if isinstance(given, str) else given
        if not (isinstance(key, (tuple, list)) and all(isinstance(name, str) for name in key)):
            problem = f"key takes the name of a field, or a tuple of names, got {text_of(key, repr)}"
            raise MailboxDeclarationError(where="Bounded()", problem=problem)
        object.__setattr__(self, "key", tuple(key))
        check_policy("Bounded()", self.policy, self.key)
        rules = {
            "capacity": rule_broken(self.capacity, least=1, most=UNLIMITED, whole=True),
            "bytes_max": "" if self.bytes_max is None else rule_broken(self.bytes_max, least=1, whole=True),
            "deadline_s": rule_broken(self.deadline_s, above=True, most=TIMEOUT_MAX, whole=False),
        }
        for name, rule in rules.items():
            if rule:
                problem = f"{name} takes {rule}, got {text_of(getattr(self, name), repr)}"
                raise MailboxDeclarationError(where="Bounded()", problem=problem)

    @property
    def policy(self) -> Overflow:
        """What becomes of a message of which nobody says anything else."""
        return "block" if self.overflow is None else self.overflow


def check_policy(where: str, overflow: str, key: tuple[str, ...]) -> None:
    """Raise `MailboxDeclarationError` for a policy that does not exist, or a key that is missing or useless."""
    policies = get_args(Overflow)
    problem = ""
    if overflow not in policies:
        problem = f"there is no overflow policy {overflow!r}; {did_you_mean(str(overflow), policies, 'policies')}"
    elif overflow == "conflate" and not key:
        problem = "conflate needs key=, the fields that say which messages replace each other"
    elif key and overflow != "conflate":
        problem = f"a key is for conflate, not for {overflow}"
    if problem:
        raise MailboxDeclarationError(where=where, problem=problem)


def check_keys(where: str, messages: Iterable[type[TLV]], key: tuple[str, ...]) -> None:
    """Raise `MailboxDeclarationError` where one of the messages lacks a field of the key."""
    for message in messages:
        fields = {field.name for field in message.layout.values}
        for name in key:
            if name not in fields:
                hint = did_you_mean(name, fields, f"fields of {message.__name__}")
                problem = f"{message.__name__} has no field {name!r} to conflate by; {hint}"
                raise MailboxDeclarationError(where=where, problem=problem)


def bytes_of(message: type[TLV]) -> int:
    """The most that a message of this type takes in memory while it waits, as far as its declaration tells."""
    return OBJECT_BYTES + message.layout.size + sum(_variable_bytes(field) for field in message.layout.variable)


def is_unlimited(message: type[TLV]) -> bool:
    """Whether it has a variable field of any size, so that only the message itself tells what it takes."""
    return any(not _limits(field) for field in message.layout.variable)


def least_bytes_of(message: type[TLV]) -> int:
    """What a message of this type takes with nothing in its variable fields."""
    return OBJECT_BYTES + message.layout.size


def capacity_of(bound: Bounded, handled: Iterable[type[TLV]]) -> int:
    """The number of messages that a mailbox with this bound holds, for an actor that handles these.

    Those of any size count as if they were empty: they are weighed one by one (`mycelium.mailbox.weights`).
    """
    if bound.bytes_max is None:
        return bound.capacity
    sizes = (least_bytes_of(message) if is_unlimited(message) else bytes_of(message) for message in handled)
    largest = max(sizes, default=OBJECT_BYTES)
    return max(1, min(bound.capacity, bound.bytes_max // largest))


def _limits(field: object) -> list[int]:
    constraints = getattr(field, "constraints", ())
    limits = [one.max_length for one in constraints if isinstance(one, annotated_types.MaxLen)]
    return limits + [one.max_length for one in constraints if isinstance(one, annotated_types.Len) and one.max_length]


def _variable_bytes(field: object) -> int:
    limits = _limits(field)
    item_size = getattr(getattr(field, "codec", None), "item_size", 0) or 4  # of a text, in UTF-8 at most
    return min(limits) * item_size if limits else VARIABLE_BYTES


UNBOUNDED = Bounded(UNLIMITED)
"""For ``mailbox=``: no bound. A topology refuses such an actor unless it has no memory budget."""

#: The bound of actors that declare none.
DEFAULT_BOUND = Bounded(bytes_max=1 << 20)
