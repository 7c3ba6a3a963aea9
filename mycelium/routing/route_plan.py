"""Who sends what to whom, worked out from the classes before any actor exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from mycelium.contracts.contract import contract_of
from tlv import TLV

__all__ = ["Edge", "RoutePlan", "Spread", "Way", "plan_routes"]

#: Which copies of an actor get a message: that of its key, the next one, or all.
Way = Literal["shards", "round-robin", "broadcast"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One message type on its way from one actor to another, by their names."""

    sender: str
    message: type[TLV]
    receiver: str


@dataclass(frozen=True, slots=True)
class Spread:
    """The copies of one actor, by their names, and which of them a message goes to; ``field`` is the key of shards."""

    group: str
    members: tuple[str, ...]
    way: Way
    field: str = ""

    @property
    def text(self) -> str:
        """How it divides, for a reader."""
        return {"shards": f"by {self.field}", "round-robin": "in turn", "broadcast": "to each"}[self.way]


@dataclass(frozen=True)
class RoutePlan:
    """All edges of a topology, in declared order, and what follows from them."""

    actors: tuple[str, ...]
    edges: tuple[Edge, ...]
    #: (sender, message) that is emitted, and received by nobody.
    unreceived: tuple[tuple[str, type[TLV]], ...]
    #: (receiver, message) that is handled, and emitted by nobody whom the receiver listens to.
    unfed: tuple[tuple[str, type[TLV]], ...]
    #: Actors of which there are several copies; each of these is a receiver of its own in all the rest.
    spreads: tuple[Spread, ...] = ()

    @cached_property
    def receivers(self) -> Mapping[str, tuple[str, ...]]:
        """Each actor's direct receivers."""
        return {
            name: tuple(dict.fromkeys(edge.receiver for edge in self.edges if edge.sender == name))
            for name in self.actors
        }

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The actors upstream first; those that feed each other in a circle stand together."""
        return tuple(_strongly_connected(self.actors, self.receivers))

    @property
    def upstream_first(self) -> tuple[str, ...]:
        """An order in which every actor stands before those that it feeds, circles excepted."""
        return tuple(name for group in self.groups for name in group)

    @property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """The circles: actors that feed each other, or themselves."""
        return tuple(group for group in self.groups if len(group) > 1 or group[0] in self.receivers[group[0]])

    def downstream(self, name: str) -> tuple[str, ...]:
        """Everybody whom a message of this actor can cause work for, but itself; in declared order."""
        reached: set[str] = set()
        ahead = [name]
        while ahead:
            for receiver in self.receivers[ahead.pop()]:
                if receiver not in reached:
                    reached.add(receiver)
                    ahead.append(receiver)
        return tuple(one for one in self.actors if one in reached and one != name)


def plan_routes(classes: Mapping[str, type[Any]], listens: Mapping[str, Collection[str]] | None = None) -> RoutePlan:
    """Route by type: what a class emits goes to everybody who handles it.

    ``listens`` narrows that: receiver to the names of those whom it hears. An actor hears itself
    only if it is named there. Names that do not exist are ignored: checking them is the topology's.
    """
    contracts = {name: contract_of(actor_class) for name, actor_class in classes.items()}
    narrowed = listens or {}

    def hears(receiver: str, sender: str) -> bool:
        return sender in narrowed[receiver] if receiver in narrowed else sender != receiver

    edges = tuple(
        Edge(sender, message, receiver)
        for sender, emitting in contracts.items()
        for message in emitting.emits
        for receiver, receiving in contracts.items()
        if message in receiving.handled and hears(receiver, sender)
    )
    sent = {(edge.sender, edge.message) for edge in edges}
    fed = {(edge.receiver, edge.message) for edge in edges}
    return RoutePlan(
        actors=tuple(classes),
        edges=edges,
        unreceived=_missing(((name, contract.emits) for name, contract in contracts.items()), sent),
        unfed=_missing(((name, contract.handled) for name, contract in contracts.items()), fed),
    )


def _missing(
    declared: Iterable[tuple[str, tuple[type[TLV], ...]]], present: Collection[tuple[str, type[TLV]]]
) -> tuple[tuple[str, type[TLV]], ...]:
    pairs = ((name, message) for name, messages in declared for message in messages)
    return tuple(pair for pair in pairs if pair not in present)


def _strongly_connected(names: Iterable[str], receivers: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Tarjan's algorithm with a stack of its own; upstream groups first, members in declared order."""
    order = {name: position for position, name in enumerate(names)}
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_path: list[str] = []
    groups: list[tuple[str, ...]] = []
    # Backwards, because the algorithm finds groups downstream first and the result is turned round.
    for root in reversed(list(order)):
        if root in index:
            continue
        index[root] = lowest[root] = len(index)
        open_path.append(root)
        visits = [(root, iter(receivers[root]))]
        while visits:
            name, ahead = visits[-1]
            following = next(ahead, None)
            if following is None:
                visits.pop()
                if visits:
                    parent = visits[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[name])
                if lowest[name] == index[name]:
                    start = open_path.index(name)
                    groups.append(tuple(sorted(open_path[start:], key=order.__getitem__)))
                    del open_path[start:]
            elif following not in index:
                index[following] = lowest[following] = len(index)
                open_path.append(following)
                visits.append((following, iter(receivers[following])))
            elif following in open_path:
                lowest[name] = min(lowest[name], index[following])
    return groups[::-1]
