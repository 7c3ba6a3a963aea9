"""The nodes of a topology: which process runs which actors, and what goes between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mycelium.errors.cluster import NodeUnknownError
from mycelium.nearest import did_you_mean
from mycelium.routing.route_plan import RoutePlan
from mycelium.supervision.policy import Strategy
from tlv import TLV

from .node_spec import NodeSpec
from .supervisors import SupervisorSpec

if TYPE_CHECKING:
    from .instances import Copy
    from .model import ActorSpec, Topology
    from .resolved import ResolvedTopology

__all__ = ["NodePart", "Stream", "implementation_asked", "part_of", "problems_of_nodes", "streams_of"]


@dataclass(frozen=True, slots=True)
class Stream:
    """What one actor sends to another one on another node. Every node of a topology numbers them alike."""

    number: int
    sender: str
    receiver: str
    sender_node: str
    receiver_node: str
    messages: tuple[type[TLV], ...]

    def __str__(self) -> str:
        return f"{self.sender} -> {self.receiver}"


@dataclass(frozen=True, slots=True)
class NodePart:
    """What one node has of a topology: its own actors and the edges between them, and the streams that come and go."""

    node: str
    topology: ResolvedTopology
    inbound: tuple[Stream, ...]
    outbound: tuple[Stream, ...]
    #: The nodes that it exchanges messages with, and those whose actors its own talk to by refs.
    peers: tuple[str, ...]


def streams_of(plan: RoutePlan, places: Mapping[str, str]) -> tuple[Stream, ...]:
    """The edges of a plan that cross from one node to another, one stream a pair of actors, sorted by their names."""
    crossing: dict[tuple[str, str], list[type[TLV]]] = {}
    for edge in plan.edges:
        if places[edge.sender] != places[edge.receiver]:
            crossing.setdefault((edge.sender, edge.receiver), []).append(edge.message)
    return tuple(
        Stream(number, sender, receiver, places[sender], places[receiver], tuple(crossing[sender, receiver]))
        for number, (sender, receiver) in enumerate(sorted(crossing))
    )


def part_of(topology: ResolvedTopology, node: str) -> NodePart:
    """What ``node`` runs of a topology. Raises `NodeUnknownError`."""
    places = {name: actor.node for name, actor in topology.actors.items()}
    if node not in places.values():
        raise NodeUnknownError(
            topology=topology.name, node=node, hint=did_you_mean(node, topology.running_nodes, "nodes that run actors")
        )
    streams = streams_of(topology.plan, places)
    own = tuple(name for name in topology.plan.upstream_first if places[name] == node)
    plan = RoutePlan(
        actors=own,
        edges=tuple(edge for edge in topology.plan.edges if places[edge.sender] == places[edge.receiver] == node),
        unreceived=_of_these(topology.plan.unreceived, own),
        unfed=_of_these(topology.plan.unfed, own),
        spreads=topology.plan.spreads,
    )
    spec = topology.nodes[node]
    inbound = tuple(stream for stream in streams if stream.receiver_node == node)
    outbound = tuple(stream for stream in streams if stream.sender_node == node)
    planned = {*(one.sender_node for one in inbound), *(one.receiver_node for one in outbound)}
    talking = {one for one in topology.running_nodes if one != node and _talk(topology.nodes, node, one)}
    return NodePart(
        node=node,
        topology=replace(
            topology,
            actors={name: actor for name, actor in topology.actors.items() if actor.node == node},
            plan=plan,
            metrics=spec.metrics,
            tlv=spec.tlv or topology.tlv,
        ),
        inbound=inbound,
        outbound=outbound,
        peers=tuple(sorted({*planned, *talking})),
    )


def implementation_asked(topology: Topology, node: str | None) -> str | None:
    """The implementation of the message layer that the file asks for, where ``node`` is to run.

    Nothing for a process that only starts the others: each of them chooses for itself.
    """
    if not topology.nodes:
        return topology.tlv
    if node is None:
        return None
    return (topology.nodes[node].tlv if node in topology.nodes else None) or topology.tlv


def _talk(nodes: Mapping[str, NodeSpec], one: str, other: str) -> bool:
    """Whether actors of two nodes may talk by refs: where one of the nodes says so, or says nothing and can reach the other."""
    for here, there in ((one, other), (other, one)):
        named = nodes[here].talks_to
        if named is not None and there in named:
            return True
    if nodes[one].talks_to is not None and nodes[other].talks_to is not None:
        return False
    from .hosts import can_meet

    return can_meet(nodes, one, other)


def _of_these(pairs: Iterable[tuple[str, type[TLV]]], names: Iterable[str]) -> tuple[tuple[str, type[TLV]], ...]:
    return tuple(pair for pair in pairs if pair[0] in names)


def problems_of_nodes(
    topology: Topology,
    running: Mapping[str, ActorSpec],
    copies: Mapping[str, Copy],
    plan: RoutePlan | None,
    unread: Collection[str] = (),
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with where the actors are to run: the place of each problem in the file, and its text.

    Of nodes ``unread`` it is told already that they cannot be read: nothing that may come of that is told besides.
    """
    known = topology.nodes
    if unread and not known:
        return
    if known and topology.metrics:
        yield ("topology", "metrics"), "each node has an address of its own: write it as [nodes.NAME] metrics"
    for name in known:
        if all(name not in spec.places for spec in topology.actors.values()):
            yield ("nodes", name), f"no actor runs there; write node = {name!r} in the section of one, or remove it"
    for name, node in known.items():
        for other in node.talks_to or ():
            if other not in known and other not in unread:
                yield (
                    ("nodes", name, "talks_to"),
                    f"there is no node {other!r}; {did_you_mean(other, known, 'nodes')}",
                )
    wrong = False
    for name, spec in running.items():
        for place in spec.places:
            if place not in known:
                wrong = True
            if place not in known and place not in unread:
                yield ("actors", name, "node"), f"there is no node {place!r}; {did_you_mean(place, known, 'nodes')}"
        if known and not spec.places:
            wrong = True
            yield ("actors", name, "node"), f"it says on no node: write node = and one of {', '.join(sorted(known))}"
    if wrong or not known:
        return
    places = {name: copy.node for name, copy in copies.items()}
    yield from _torn_supervisors(topology.supervisors, running)
    crossing = [] if plan is None else [(places[edge.sender], places[edge.receiver]) for edge in plan.edges]
    if plan is not None:
        yield from _torn_circles(plan, places, copies)
    if any(spec != NodeSpec() for spec in known.values()):
        from .hosts import problems_of_hosts

        read = {name: spec for name, spec in known.items() if name not in unread}
        named = [(name, other) for name, spec in read.items() for other in spec.talks_to or ()]
        pairs = [pair for pair in (*crossing, *named) if pair[0] != pair[1] and {*pair} <= read.keys()]
        yield from problems_of_hosts(read, pairs)


def _torn_supervisors(
    supervisors: Mapping[str, SupervisorSpec], running: Mapping[str, ActorSpec]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, supervisor in supervisors.items():
        nodes = sorted({node for spec in running.values() if spec.supervisor == name for node in spec.places})
        if supervisor.strategy is not Strategy.ONE_FOR_ONE and len(nodes) > 1:
            yield (
                ("supervisors", name, "strategy"),
                f"{supervisor.strategy.value} restarts actors together, so they run on one node; here on {', '.join(nodes)}",
            )


def _torn_circles(
    plan: RoutePlan, places: Mapping[str, str], copies: Mapping[str, Copy]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for circle in plan.cycles:
        nodes = sorted({places[name] for name in circle})
        if len(nodes) > 1:
            problem = (
                f"actors that feed each other in a circle ({', '.join(circle)}) run on one node, so that it is known"
                f" when they have come to an end; here on {', '.join(nodes)}"
            )
            yield ("actors", copies[circle[0]].group, "node"), problem
