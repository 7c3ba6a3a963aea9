"""Looks at the nodes of a launcher while they run, each by its own control socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from mycelium.errors.observing import NodeSilentError, ObservingError
from mycelium.ledger.report import Report
from mycelium.observing.adding import is_stream, report_of
from mycelium.observing.attach import Attached
from mycelium.observing.places import NodePlace, runtime_directory, socket_name
from mycelium.topology import ResolvedTopology

from .merging import merge_reports
from .process import NodeProcess

__all__ = ["NodeStanding", "NodesWatch"]

#: How often they are asked; in seconds.
EVERY_S = 0.5
#: How long a node may take to say how it is; in seconds.
ANSWER_S = 2.0
#: What the whole is doing: the first of these that one of its nodes does.
_STATES = ("draining", "running", "starting", "restarting", "silent", "ended")


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """How one node is: ``starting``, ``restarting`` (it died), ``died`` (for good), ``ended``, ``silent``, or as it says itself.

    ``handled`` counts what its actors handled.
    """

    name: str
    state: str
    deaths: int = 0
    pid: int = 0
    handled: int = 0
    in_flight: int = 0
    resident_bytes: int = 0


class NodesWatch:
    """Asks the nodes of a launcher every ``every_s`` seconds, in a thread of its own, so that a node that is slow to
    answer holds up nobody. `report` and `standings` tell what they said last.
    """

    def __init__(
        self, topology: ResolvedTopology, nodes: Callable[[], Mapping[str, NodeProcess]], *, every_s: float = EVERY_S
    ) -> None:
        self._topology = topology
        self._nodes = nodes
        self._every_s = every_s
        self._began_at = time.monotonic()
        self._open: dict[str, Attached] = {}
        self._said: dict[str, Report] = {}
        self._standings: tuple[NodeStanding, ...] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mycelium-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(ANSWER_S)

    def report(self) -> Report:
        """All nodes as one, as they were when they were asked last; what is under way between them counts as lost."""
        merged = merge_reports(
            self._topology,
            self._said.copy(),
            seconds=time.monotonic() - self._began_at,
            nodes=tuple(self._nodes()),
        )
        states = {node.state for node in self._standings}
        return replace(merged, state=next((state for state in _STATES if state in states), "starting"))

    def standings(self) -> tuple[NodeStanding, ...]:
        """How each node is, in the order of the topology."""
        return self._standings

    def look(self) -> None:
        """Ask all nodes now; for the thread, and for tests."""
        nodes = self._nodes()
        order = [name for name in self._topology.running_nodes if name in nodes]
        self._standings = tuple(self._standing_of(nodes[name]) for name in order)

    def _run(self) -> None:
        while not self._closing.wait(self._every_s):
            self.look()
        for attached in self._open.values():
            attached.close()

    def _standing_of(self, node: NodeProcess) -> NodeStanding:
        process = node.process
        if process is None:
            self._forget(node.name)
            if node.report is not None:
                self._said[node.name] = node.report
            state = (
                "restarting" if node.due_at is not None else "ended" if node.failure is None or node.report else "died"
            )
            return self._told(node, state, 0)
        try:
            self._said[node.name] = report_of(self._attached(node.name, process.pid).look())
        except ObservingError as error:
            self._forget(node.name)
            return NodeStanding(
                node.name, "silent" if isinstance(error, NodeSilentError) else "starting", node.deaths, process.pid
            )
        state = self._said[node.name].state
        return self._told(node, "starting" if state == "new" else state, process.pid)

    def _told(self, node: NodeProcess, state: str, pid: int) -> NodeStanding:
        said = self._said.get(node.name)
        if said is None:
            return NodeStanding(node.name, state, node.deaths, pid)
        handled = sum(actor.handled for actor in said.actors if not is_stream(actor.actor))
        if not pid:
            return NodeStanding(node.name, state, node.deaths, handled=handled)
        return NodeStanding(node.name, state, node.deaths, pid, handled, said.total.in_flight, said.resident_bytes)

    def _attached(self, name: str, pid: int) -> Attached:
        attached = self._open.get(name)
        if attached is None or attached.place.pid != pid:
            self._forget(name)
            full = f"{self._topology.name}.{name}"
            place = NodePlace(full, pid, runtime_directory() / socket_name(full, pid))
            attached = self._open[name] = Attached(place, answer_s=ANSWER_S)
        return attached

    def _forget(self, name: str) -> None:
        attached = self._open.pop(name, None)
        if attached is not None:
            attached.close()
