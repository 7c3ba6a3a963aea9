"""On which hosts the nodes of a topology run, and how each two of them reach each other.

Everything here follows from the file alone, so that each node comes to the same: of two nodes which the network
joins, one listens and the other calls it, or both call the same routers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from mycelium.errors.link import LinkKindError
from mycelium.link.choose import link_kind
from mycelium.link.endpoints import Endpoint, is_open_to_others

from .node_spec import NodeSpec

__all__ = ["NetworkPart", "can_meet", "kind_between", "network_part", "on_loopback", "problems_of_hosts"]

#: Where a node of `on_loopback` listens that listens nowhere by itself.
_PORT = 7447


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """What one node has of the network.

    Attributes:
        peers: The nodes that it meets there.
        listen: Where it listens.
        connect: Whom it calls: those of its peers that it is to, or its routers.
        called: The peers that it calls itself, and where.
        routed: Whether those are routers.
        insecure: Plain TCP beyond this host is allowed for one of these.
    """

    peers: tuple[str, ...]
    listen: tuple[str, ...]
    connect: tuple[str, ...]
    called: Mapping[str, str]
    routed: bool
    insecure: bool


def kind_between(nodes: Mapping[str, NodeSpec], one: str, other: str) -> Literal["ipc", "net"]:
    """The kind of link that joins two nodes. Raises `LinkKindError` where their keys contradict each other."""
    here, there = nodes[one], nodes[other]
    wanted = sorted({here.link, there.link} - {"auto"})
    if len(wanted) > 1:
        reason = f"{one} says {here.link}, and {other} {there.link}"
        raise LinkKindError(wanted="ipc", here=one, there=other, reason=reason)
    return link_kind(_key_of(here.host), _key_of(there.host), wanted=wanted[0] if wanted else "auto")


def can_meet(nodes: Mapping[str, NodeSpec], one: str, other: str) -> bool:
    """Whether two nodes can be joined by what the file says of them."""
    try:
        kind = kind_between(nodes, one, other)
    except LinkKindError:
        return False
    routed = bool(nodes[one].routers), bool(nodes[other].routers)
    return kind == "ipc" or all(routed) or (not any(routed) and _listener_of(nodes, one, other) is not None)


def network_part(nodes: Mapping[str, NodeSpec], node: str, peers: Iterable[str]) -> NetworkPart:
    """Where ``node`` listens and whom it calls, to reach those of its peers that the network joins it to."""
    here = nodes[node]
    met = tuple(peer for peer in peers if kind_between(nodes, node, peer) == "net")
    if here.routers:
        return NetworkPart(met, (), here.routers, {}, routed=True, insecure=here.insecure)
    called = {peer: _called_at(nodes[peer]) for peer in met if _listener_of(nodes, node, peer) == peer}
    return NetworkPart(
        peers=met,
        listen=(here.listen,) if here.listen and len(called) < len(met) else (),
        connect=tuple(called.values()),
        called=called,
        routed=False,
        insecure=here.insecure or any(nodes[peer].insecure for peer in called),
    )


def on_loopback(nodes: Mapping[str, NodeSpec]) -> dict[str, NodeSpec]:
    """The same nodes, all on this host and joined by plain TCP within it, each at an address of its own."""
    return {
        name: spec.model_copy(
            update={
                "host": "",
                "link": "net",
                "routers": (),
                "listen": f"tcp/127.0.0.{number}:{Endpoint.read(spec.listen).port if spec.listen else _PORT}",
            }
        )
        for number, (name, spec) in enumerate(nodes.items(), start=2)
    }


def problems_of_hosts(
    nodes: Mapping[str, NodeSpec], pairs: Iterable[tuple[str, str]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What keeps nodes from reaching each other: its place in the file, and its text. ``pairs`` exchange messages."""
    named = sorted({_key_of(spec.host) for spec in nodes.values()} - {""})
    for name, spec in nodes.items():
        if named and not _key_of(spec.host):
            yield ("nodes", name, "host"), f"others run on {', '.join(named)}, so every node says on which host it runs"
        if spec.routers and spec.listen:
            yield (
                ("nodes", name, "listen"),
                "a node that has routers calls those, and listens nowhere: remove one of both",
            )
        for key, endpoint in (("listen", spec.listen), *(("routers", router) for router in spec.routers)):
            if endpoint and is_open_to_others(endpoint) and not spec.insecure:
                problem = (
                    f"{endpoint} is plain TCP that leaves this host; write tls/HOST:PORT, or insecure = true beside it"
                    " where the network itself is trusted"
                )
                yield ("nodes", name, key), problem
    yield from _doubled_ports(nodes)
    for one, other in sorted({(min(pair), max(pair)) for pair in pairs}):
        yield from _problems_of_pair(nodes, one, other)


def _doubled_ports(nodes: Mapping[str, NodeSpec]) -> Iterator[tuple[tuple[str, ...], str]]:
    for one, other in combinations((name for name, spec in nodes.items() if spec.listen), 2):
        first, second = Endpoint.read(nodes[one].listen), Endpoint.read(nodes[other].listen)
        same_place = first.host == second.host or first.is_wildcard or second.is_wildcard
        if _key_of(nodes[one].host) == _key_of(nodes[other].host) and first.port == second.port and same_place:
            yield ("nodes", other, "listen"), f"{one} listens at port {first.port} of the same host; take another one"


def _problems_of_pair(nodes: Mapping[str, NodeSpec], one: str, other: str) -> Iterator[tuple[tuple[str, ...], str]]:
    try:
        kind = kind_between(nodes, one, other)
    except LinkKindError as error:
        yield ("nodes", one, "link"), str(error)
        return
    here, there = nodes[one], nodes[other]
    if kind == "ipc":
        return
    if bool(here.routers) != bool(there.routers):
        alone = one if there.routers else other
        yield ("nodes", alone, "routers"), f"{one} and {other} reach each other by routers only where both call some"
    elif not here.routers and _listener_of(nodes, one, other) is None:
        problem = (
            f"{one} and {other} are joined by the network, and neither listens where the other one could call it:"
            " write listen = and an endpoint like tls/0.0.0.0:7447 for one of them"
        )
        yield ("nodes", one, "listen"), problem


def _listener_of(nodes: Mapping[str, NodeSpec], one: str, other: str) -> str | None:
    """Which of the two is called by the other: the first by name, of those that can be."""
    same = _key_of(nodes[one].host) == _key_of(nodes[other].host)
    for name in sorted((one, other)):
        endpoint = nodes[name].listen
        if endpoint and (same or not Endpoint.read(endpoint).is_loopback):
            return name
    return None


def _called_at(spec: NodeSpec) -> str:
    """Where others call it: an endpoint that listens at every address is called by that of the host."""
    endpoint = Endpoint.read(spec.listen)
    if not endpoint.is_wildcard:
        return spec.listen
    host = spec.host or "127.0.0.1"
    return f"{endpoint.protocol}/{f'[{host}]' if ':' in host else host}:{endpoint.port}"


def _key_of(host: str) -> str:
    """What names a host for all: nothing for the names by which every host calls itself."""
    if host in {"", "localhost"}:
        return ""
    try:
        return "" if ipaddress.ip_address(host).is_loopback else host
    except ValueError:
        return host
