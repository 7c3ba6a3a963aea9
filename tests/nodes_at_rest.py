"""Three nodes of one topology in this process, each with its control socket."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event, Thread
from typing import Any, Self

from mycelium import ActorSpec, Topology
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.observing.control import ControlSocket
from tests.topology_actors import Board, Paused, Tape

DEADLINE_S = 30.0


def topology(name: str = "apart") -> Topology:
    def on(node: str, kind: type[Any]) -> ActorSpec:
        return ActorSpec(actor_class=kind, node=node)

    actors = {"ticker": on("feeds", Paused), "tape": on("books", Tape), "board": on("desk", Board)}
    return Topology(name=name, nodes={"feeds": {}, "books": {}, "desk": {}}, actors=actors)


class NodesAtRest:
    """Three nodes at rest: a tick went from the first to the second, and a price of it to the third."""

    def __init__(self, name: str = "apart") -> None:
        self.nodes: dict[str, JoinedNode] = {}
        self.sockets: dict[str, ControlSocket] = {}
        self._topology = topology(name)
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        link = self._ends.enter_context(LoopbackLink())
        self.nodes = {name: JoinedNode(self._topology, name, link) for name in self._topology.nodes}
        threads = [Thread(target=node.start) for node in self.nodes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        board: Any = self.nodes["desk"]._actors["board"]
        nap = Event()
        for _ in range(int(DEADLINE_S / 0.005)):
            if board.prices:
                break
            nap.wait(0.005)
        assert board.prices == [1]
        for name in self.nodes:
            self.open(name)
        return self

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
