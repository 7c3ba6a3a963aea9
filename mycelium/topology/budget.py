"""The memory budget of a service: what all its mailboxes together may hold, worked out before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from mycelium.actor import Actor
from mycelium.bounds import UNLIMITED, Bounded, bytes_of, capacity_of, is_unlimited
from mycelium.contract import contract_of
from mycelium.errors.budget import MemoryBudgetError
from mycelium.nearest import listed

__all__ = ["budget_problem", "mailbox_bytes"]

MB = 1_000_000


def mailbox_bytes(actor_class: type[Actor], bound: Bounded | None = None) -> float:
    """The most that the mailbox of such an actor holds, if all of it were of the largest type; infinite without a bound.

    An actor that handles no declared message has nothing that its bound would count.
    """
    contract = contract_of(actor_class)
    if not contract.handled:
        return 0
    bound = bound or contract.bound
    if bound.bytes_max is not None and any(map(is_unlimited, contract.handled)):
        return bound.bytes_max
    capacity = capacity_of(bound, contract.handled)
    return float("inf") if capacity >= UNLIMITED else capacity * max(map(bytes_of, contract.handled))


def budget_problem(
    file: str, memory_mb: float, classes: Mapping[str, type[Actor]], bounds: Mapping[str, Bounded]
) -> MemoryBudgetError | None:
    """The error for a topology whose mailboxes may hold more than ``memory_mb`` (0: no limit), naming the largest."""
    held = {name: mailbox_bytes(kind, bounds.get(name)) for name, kind in classes.items()}
    total = sum(held.values())
    if not memory_mb or total <= memory_mb * MB:
        return None
    largest = sorted((name for name in held if held[name]), key=lambda name: -held[name])
    return MemoryBudgetError(
        file=file,
        memory_mb=memory_mb,
        needed=_told(total),
        largest=listed((f"{name} {_told(held[name])}" for name in largest), limit=5),
    )


def _told(count: float) -> str:
    return "without limit" if count == float("inf") else f"{count / MB:,.1f} MB"
