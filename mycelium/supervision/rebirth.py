"""Rebirth: an actor is made anew, and everybody who knows it keeps knowing it.

Everything that others hold (its ref, mailbox, urn, counters, routes, its place in the registry and at
its dispatcher) belongs to the *cell*; everything else is state. A rebirth takes the state away and
runs ``__init__`` again with the arguments of the first time. The object stays the same one: what
others hold of it needs no exchange, and no message can meet the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from mycelium.actor.context import KEPT

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor

__all__ = ["CELL", "SHOWN", "make_anew"]

#: What of an actor's attributes outlives its state.
CELL = (
    "_actor_ref",
    "_begun",
    "_context",
    "_downstream",
    "_ended",
    "_envelopes",
    "_mailbox",
    "_routes",
    "_supervision",
    "_tally",
    "actor_inbox",
    "actor_stopped",
    "actor_urn",
    "failure",
    "finished",
    "name",
)
#: State that reports read at any time: it stays until ``__init__`` sets it.
SHOWN = frozenset({"_pumping", "exhausted", "progress", "refused"})


def make_anew(actor: Actor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Give the actor fresh state. What ``__init__`` raises goes to the caller; the cell is whole then too."""
    old = vars(actor)
    cell = {name: old[name] for name in CELL if name in old}
    # In one step, for other threads look at the cell. A new dict, for one that has been emptied makes each access twice as slow.
    actor.__dict__ = {name: old[name] for name in SHOWN if name in old} | cell
    for kind in type(actor).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, MemberDescriptorType) and name not in CELL:
                with suppress(AttributeError):  # it is not set
                    member.__delete__(actor)
    vars(actor)[KEPT] = cell
    try:
        type(actor).__init__(actor, *args, **kwargs)
    finally:
        state = vars(actor)
        state.pop(KEPT, None)
        state.update(cell)
