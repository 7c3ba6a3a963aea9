"""Looking at all nodes of a topology at once: those that run on this host, each by its own control socket. ::

with attach_all("market-data-cluster") as nodes:
    print([(node.name, node.state) for node in nodes.look().nodes])
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mycelium.errors.observing import (
    ControlAccessError,
    NodeGoneError,
    NodeSilentError,
    NodesRunningError,
    NoNodeError,
    ObservingError,
)
from mycelium.ledger.report import Report
from mycelium.link.choose import is_this_host

from .adding import report_of_all
from .attach import ANSWER_S, Attached
from .places import NodePlace, find_node, nodes_called, running_nodes, runtime_directory
from .snapshot import Snapshot, edge_rates

__all__ = ["NodeLook", "Together", "TopologyLook", "attach_all", "attach_to", "rates_between"]

#: What a node is that was not looked at.
AWAY, SILENT, ELSEWHERE = "away", "silent", "elsewhere"


@dataclass(frozen=True, slots=True)
class NodeLook:
    """One node of a topology, and what it said about itself, if it did.

    ``state`` is that of the node, or ``away`` where nobody listens, ``silent`` where it does not answer in time,
    and ``elsewhere`` on another host.
    """

    name: str
    state: str
    snapshot: Snapshot | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class TopologyLook:
    """What the nodes of a topology said in one look, in the order of the topology."""

    topology: str
    nodes: tuple[NodeLook, ...]

    @property
    def seen(self) -> Mapping[str, Snapshot]:
        """What was said, by node."""
        return {node.name: node.snapshot for node in self.nodes if node.snapshot is not None}

    @property
    def profile(self) -> str:
        """The profile that runs; empty for none."""
        return next((snapshot.profile for snapshot in self.seen.values()), "")

    @property
    def seconds(self) -> float:
        """How long the oldest of the nodes has run."""
        return max((snapshot.seconds for snapshot in self.seen.values()), default=0.0)

    def report(self) -> Report:
        """All nodes that were looked at as one; what is under way between them counts as lost on links."""
        return report_of_all(self.topology, tuple(self.seen.values()))

    def to_dict(self) -> dict[str, Any]:
        """For a machine: `mycelium top --json` prints it. Nodes, and what all of them come to together."""
        report = self.report()
        total = report.total
        said = {node.name: node.snapshot.to_dict() if node.snapshot is not None else {} for node in self.nodes}
        return {
            "name": self.topology,
            "profile": report.profile or "",
            "seconds": report.seconds,
            "balanced": report.balanced,
            "sent": total.sent,
            "handled": total.handled,
            "failed": total.failed,
            "dropped": total.dropped,
            "dead_lettered": total.dead_lettered,
            "in_flight": total.in_flight,
            "on_links": total.lost,
            "resident_bytes": report.resident_bytes,
            "nodes": [
                said[node.name] | {"node": node.name, "state": node.state, "host": node.host} for node in self.nodes
            ],
            "actors": [{"node": name, **one} for name in said for one in said[name].get("actors", ())],
            "messages": [
                {
                    "name": row.message,
                    "type_id": row.type_id,
                    "sent": row.sent,
                    "handled": row.handled,
                    "failed": row.failed,
                    "dropped": row.dropped,
                    "dead_lettered": row.dead_lettered,
                    "in_flight": row.in_flight,
                    "on_links": row.lost,
                }
                for row in report.messages
            ],
            "failures": [{"node": name, **one} for name in said for one in said[name].get("failures", ())],
        }


@dataclass
class Together:
    """Connections to the nodes of a topology that run on this host; a node that goes is found again when it is back."""

    topology: str
    answer_s: float = ANSWER_S
    _open: dict[str, Attached] = field(default_factory=dict)
    #: Where nodes are, by the last who said so.
    _hosts: dict[str, str] = field(default_factory=dict)
    #: Sockets of nodes of other topologies with a name like this one.
    _strange: set[Path] = field(default_factory=set)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Look no longer."""
        for attached in self._open.values():
            attached.close()
        self._open.clear()

    def look(self) -> TopologyLook:
        """The state of all nodes now. Raises `NodesRunningError` where two are the same, and `NoNodeError` where none runs."""
        looks: dict[str, NodeLook] = {}
        for name in tuple(self._open):
            self._look_at(name, self._open[name], looks)
        if not looks or set(looks) < {name for name in self._hosts if not self._is_elsewhere(name)}:
            self._find(looks)
        if not looks:
            raise NoNodeError(
                wanted=f"of {self.topology}",
                running=", ".join(map(str, running_nodes())) or "none",
                directory=str(runtime_directory()),
            )
        for node in looks.values():
            if node.snapshot is not None:
                self._hosts = {str(place.name): str(place.host) for place in node.snapshot.places} or {node.name: ""}
        return TopologyLook(self.topology, tuple(looks.get(name) or self._missing(name) for name in self._hosts))

    def _is_elsewhere(self, name: str) -> bool:
        return not is_this_host(self._hosts.get(name, ""))

    def _missing(self, name: str) -> NodeLook:
        state = ELSEWHERE if self._is_elsewhere(name) else AWAY
        return NodeLook(name, state, host=self._hosts.get(name, ""))

    def _find(self, looks: dict[str, NodeLook]) -> None:
        """Look at those that were not there before."""
        known = {attached.place.path for attached in self._open.values()}
        for place in nodes_called(self.topology):
            if place.path in known or place.path in self._strange:
                continue
            with contextlib.suppress(NodeGoneError, ControlAccessError, NodeSilentError):
                attached = Attached(place, answer_s=self.answer_s)
                self._take_in(place, attached, looks)

    def _take_in(self, place: NodePlace, attached: Attached, looks: dict[str, NodeLook]) -> None:
        try:
            snapshot = attached.look()
        except BaseException:
            attached.close()
            raise
        name = str(snapshot.node.node)
        if snapshot.node.name != self.topology:
            self._strange.add(place.path)
            attached.close()
            return
        if name in self._open:
            attached.close()
            raise NodesRunningError(nodes=f"{self._open[name].place}, {place}")
        self._open[name] = attached
        looks[name] = _look_of(snapshot)

    def _look_at(self, name: str, attached: Attached, looks: dict[str, NodeLook]) -> None:
        try:
            looks[name] = _look_of(attached.look())
        except (NodeGoneError, NodeSilentError) as error:
            # What comes late would be taken for the answer to the next question.
            attached.close()
            del self._open[name]
            if isinstance(error, NodeSilentError):
                looks[name] = NodeLook(name, SILENT, host=self._hosts.get(name, ""))


def _look_of(snapshot: Snapshot) -> NodeLook:
    node = snapshot.node
    host = next((str(place.host) for place in snapshot.places if place.name == node.node), "")
    return NodeLook(str(node.node), str(node.state), snapshot, host)


def rates_between(first: Snapshot | TopologyLook, second: Snapshot | TopologyLook) -> dict[tuple[str, str, str], float]:
    """Messages per second over each edge between two looks; over a stream, as who receives tells, where both ends do."""
    if isinstance(first, Snapshot) or isinstance(second, Snapshot):
        assert isinstance(first, Snapshot)
        assert isinstance(second, Snapshot)
        return edge_rates(first, second)
    rates: dict[tuple[str, str, str], float] = {}
    places = {str(actor.name): name for name, one in second.seen.items() for actor in one.actors}
    for name, snapshot in second.seen.items():
        before = first.seen.get(name)
        if before is None or before.node.pid != snapshot.node.pid:
            continue  # it has begun in between
        for edge, rate in edge_rates(before, snapshot).items():
            if edge not in rates or places.get(edge[1]) == name:
                rates[edge] = rate
    return rates


def attach_all(topology: str, *, answer_s: float = ANSWER_S) -> Together:
    """Attach to all nodes of a topology that run on this host; `Together.look` finds them."""
    return Together(topology, answer_s=answer_s)


def attach_to(wanted: str | None = None) -> Attached | Together:
    """Attach to what is meant: a topology of several nodes, one of those (``TOPOLOGY.NODE``), or one node by its process id.

    Without a name, to the one topology that runs. Raises `NoNodeError`, `NodesRunningError`, `NodeGoneError` and
    `ControlAccessError`.
    """
    found: dict[tuple[str, str], list[NodePlace]] = {}
    for place in nodes_called(wanted):
        with contextlib.suppress(ObservingError), Attached(place) as attached:  # told when it is the one that is meant
            node = attached.look().node
            found.setdefault((str(node.name), str(node.node)), []).append(place)
    of_several = {name for name, node in found if node and wanted in {None, name}}
    if len(of_several) == 1 and all(name in of_several for name, node in found if wanted is None):
        return attach_all(of_several.pop())
    exact = [place for (name, node), places in found.items() if wanted == f"{name}.{node}" for place in places]
    if len(exact) == 1:
        return Attached(exact[0])
    return Attached(find_node(wanted))
