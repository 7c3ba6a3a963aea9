"""The picture of a topology: its actors, who sends what to whom, and who restarts whom, as plain data and as Mermaid text.

`mycelium.topology.drawing` makes an SVG of the same `Graph`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mycelium.actor.source import Source
from mycelium.dispatcher import PINNED

from .hosts import kind_between
from .resolved import ResolvedActor, ResolvedTopology
from .supervisors import with_those_above

__all__ = ["Arrow", "Graph", "GraphNode", "GraphSupervisor", "graph_mermaid", "graph_of", "graph_with"]

#: The dispatcher that is not worth a mark.
_USUAL = "default"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One actor: its name, its class, what is to be told about how it runs ("" for a usual one), and its node, if any."""

    name: str
    kind: str
    mark: str = ""
    is_source: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """Everything that one actor sends to another, by the names of the messages, and the link that it goes over, if any."""

    sender: str
    receiver: str
    messages: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class GraphSupervisor:
    """A supervisor of actors that are drawn: its strategy, whom it restarts, and the one above it, if any."""

    name: str
    strategy: str
    actors: tuple[str, ...]
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Actors in declared order, one arrow for each pair that has something to say, and their supervisors."""

    title: str
    nodes: tuple[GraphNode, ...]
    arrows: tuple[Arrow, ...]
    supervisors: tuple[GraphSupervisor, ...] = ()


def graph_of(topology: ResolvedTopology) -> Graph:
    """The graph of a resolved topology."""
    messages: dict[tuple[str, str], list[str]] = {}
    for edge in topology.plan.edges:
        messages.setdefault((edge.sender, edge.receiver), []).append(edge.message.__name__)
    places = {name: actor.node for name, actor in topology.actors.items()}
    chosen = f" (profile {topology.profile})" if topology.profile else ""
    return Graph(
        title=f"{topology.name}{chosen}",
        nodes=tuple(_node_of(actor) for actor in topology.actors.values()),
        arrows=tuple(
            Arrow(*pair, tuple(names), _link_of(topology, *(places[name] for name in pair)))
            for pair, names in messages.items()
        ),
        supervisors=tuple(_supervisors_of(topology)),
    )


def _link_of(topology: ResolvedTopology, here: str, there: str) -> str:
    return "" if here == there else kind_between(topology.nodes, here, there)


def graph_with(graph: Graph, notes: Mapping[tuple[str, str, str], str], title: str) -> Graph:
    """The graph with a note behind each message of an arrow, by sender, receiver and message, and another title."""
    return Graph(title, graph.nodes, tuple(_noted(arrow, notes) for arrow in graph.arrows), graph.supervisors)


def graph_mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flow chart, which Git forges and editors draw where they find it in Markdown."""
    return "\n".join(_mermaid_lines(graph))


def _node_of(actor: ResolvedActor) -> GraphNode:
    kind = actor.actor_class
    runs_on = actor.dispatcher or kind.dispatcher
    is_source = issubclass(kind, Source)
    if is_source:
        mark = "source"
    elif runs_on == PINNED:
        mark = PINNED
    else:
        mark = "" if runs_on == _USUAL else f"on {runs_on}"
    return GraphNode(actor.name, kind.__name__, mark, is_source, actor.node)


def _supervisors_of(topology: ResolvedTopology) -> Iterator[GraphSupervisor]:
    """Those of actors that run, in declared order, and those above them."""
    used = with_those_above({actor.supervisor for actor in topology.actors.values()}, topology.supervisors)
    for name, spec in topology.supervisors.items():
        if name in used:
            actors = tuple(actor.name for actor in topology.actors.values() if actor.supervisor == name)
            yield GraphSupervisor(name, spec.strategy, actors, spec.parent)


def _noted(arrow: Arrow, notes: Mapping[tuple[str, str, str], str]) -> Arrow:
    texts = (f"{name} {notes.get((arrow.sender, arrow.receiver, name), '')}".rstrip() for name in arrow.messages)
    return replace(arrow, messages=tuple(texts))


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    ids = {node.name: f"n{number}_{_as_id(node.name)}" for number, node in enumerate(graph.nodes)}
    yield f"---\ntitle: {graph.title}\n---\nflowchart LR"
    places = tuple(dict.fromkeys(node.node for node in graph.nodes))
    for number, place in enumerate(places):
        if place:
            yield f'    subgraph c{number}_{_as_id(place)}["{place}"]'
        yield from (_mermaid_box(node, ids) for node in graph.nodes if node.node == place)
        if place:
            yield "    end"
    for arrow in graph.arrows:
        line, over = ("==>", (f"<small>{arrow.link}</small>",)) if arrow.link else ("-->", ())
        yield f'    {ids[arrow.sender]} {line}|"{"<br/>".join((*over, *arrow.messages))}"| {ids[arrow.receiver]}'
    above = {one.name: f"s{number}_{_as_id(one.name)}" for number, one in enumerate(graph.supervisors)}
    for one in graph.supervisors:
        yield f'    {above[one.name]}{{{{"{one.name}<br/><small>supervisor, {one.strategy}</small>"}}}}'
    for one in graph.supervisors:
        if one.parent:
            yield f"    {above[one.parent]} -.-> {above[one.name]}"
        yield from (f"    {above[one.name]} -.-> {ids[actor]}" for actor in one.actors)


def _as_id(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _mermaid_box(node: GraphNode, ids: Mapping[str, str]) -> str:
    left, right = ("([", "])") if node.is_source else ("[[", "]]") if node.mark == PINNED else ("[", "]")
    below = f"{node.kind}, {node.mark}" if node.mark else node.kind
    return f'    {ids[node.name]}{left}"{node.name}<br/><small>{below}</small>"{right}'
