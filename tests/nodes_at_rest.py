"""Three nodes of one topology in this process, each with its control socket."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Thread
from typing import Any, Self

from mycelium import ActorSpec, Topology, resolve
from mycelium.cluster.merging import merge_reports
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.observing.control import ControlSocket
from tests.topology_actors import Board, Paused, Tape
from tests.waiting import wait_for

DEADLINE_S = 30.0


def topology(name: str = "apart") -> Topology:
    def on(node: str, kind: type[Any]) -> ActorSpec:
        return ActorSpec(actor_class=kind, node=node)

    actors = {"ticker": on("feeds", Paused), "tape": on("books", Tape), "board": on("desk", Board)}
    # No warning of a slow handler comes between what commands print.
    return Topology(name=name, nodes={"feeds": {}, "books": {}, "desk": {}}, actors=actors, slow_handler_ms=0)


class NodesAtRest:
    """Three nodes at rest: a tick went from the first to the second, and a price of it to the third."""

    def __init__(self, name: str = "apart") -> None:
        self.nodes: dict[str, JoinedNode] = {}
        self.sockets: dict[str, ControlSocket] = {}
        self._topology = topology(name)
        self._whole = resolve(self._topology)
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        link = self._ends.enter_context(LoopbackLink())
        self.nodes = {name: JoinedNode(self._topology, name, link) for name in self._topology.nodes}
        threads = [Thread(target=node.start) for node in self.nodes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert wait_for(self._are_at_rest)
        for name in self.nodes:
            self.open(name)
        return self

    def _are_at_rest(self) -> bool:
        """Both messages have been handled, and that is counted at both ends of every stream."""
        together = merge_reports(self._whole, {name: node.report() for name, node in self.nodes.items()}, seconds=1.0)
        total, sources = together.total, [source.done for source in together.sources]
        return (total.sent, total.handled, total.lost, sources) == (2, 2, 0, [1])

    def open(self, name: str) -> None:
        self.sockets[name] = ControlSocket(self.nodes[name])

    def close(self, name: str) -> None:
        self.sockets.pop(name).close()

    def __exit__(self, *_: object) -> None:
        for name in tuple(self.sockets):
            self.close(name)
        for node in self.nodes.values():
            node.request_stop()
        threads = [Thread(target=node.stop) for node in self.nodes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        self._ends.close()
