"""The memory budget of a service: what all its mailboxes together may hold, worked out before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mycelium.actor.actor import Actor
from mycelium.contracts.contract import contract_of
from mycelium.errors.budget import MemoryBudgetError
from mycelium.mailbox.bounds import UNLIMITED, Bounded, bytes_of, capacity_of, is_unlimited
from mycelium.nearest import listed
from mycelium.routing.route_plan import RoutePlan

from .nodes import streams_of
from .problems import key_text

if TYPE_CHECKING:
    from .instances import Copy
    from .model import Topology

__all__ = ["budget_problems", "mailbox_bytes"]

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


def budget_problems(
    topology: Topology,
    copies: Mapping[str, Copy],
    classes: Mapping[str, type[Actor]],
    bounds: Mapping[str, Bounded],
    plan: RoutePlan | None,
) -> Iterator[MemoryBudgetError]:
    """The error for each process whose mailboxes may hold more than it may (0: no limit), naming the largest.

    What waits for an actor on another node lies in a mailbox of the same bound on the sender's node.
    """
    copies = {name: copy for name, copy in copies.items() if copy.group in classes}
    sizes = {name: mailbox_bytes(kind, bounds.get(name)) for name, kind in classes.items()}
    held = {name: sizes[copy.group] for name, copy in copies.items()}
    places = {name: copy.node for name, copy in copies.items()}
    waiting = {
        (stream.sender_node, str(stream)): held[stream.receiver]
        for stream in (streams_of(plan, places) if plan is not None and topology.nodes else ())
    }
    for node in sorted(set(places.values())):
        spec = topology.nodes.get(node)
        own = {name: held[name] for name in copies if places[name] == node}
        own |= {name: size for (place, name), size in waiting.items() if place == node}
        memory_mb = topology.memory_mb if spec is None or spec.memory_mb is None else spec.memory_mb
        total = sum(own.values())
        if memory_mb and total > memory_mb * MB:
            largest = sorted((name for name in own if own[name]), key=lambda name: -own[name])
            yield MemoryBudgetError(
                file=topology.file,
                key=key_text("topology") if spec is None or spec.memory_mb is None else key_text("nodes", node),
                memory_mb=memory_mb,
                needed=_told(total),
                largest=listed((f"{name} {_told(own[name])}" for name in largest), limit=5),
            )


def _told(count: float) -> str:
    return "without limit" if count == float("inf") else f"{count / MB:,.1f} MB"
