"""Traces on several nodes: each follows what is its own, and keeps nothing of what has left."""

from __future__ import annotations

from threading import Thread
from typing import Any

from structlog.testing import capture_logs

from mycelium import ActorSpec, Topology
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from tests.topology_actors import Board, Tape, Ticker

DEADLINE_S = 30.0


def test_a_trace_ends_where_its_message_leaves_and_one_begins_where_it_comes() -> None:
    topology = Topology(
        name="apart",
        nodes={"one": {}, "two": {}},
        actors={
            "ticker": ActorSpec(actor_class=Ticker, node="one", config={"count": 40}),
            "tape": ActorSpec(actor_class=Tape, node="two"),
            "board": ActorSpec(actor_class=Board, node="two"),
        },
    )
    nodes: dict[str, JoinedNode] = {}
    with LoopbackLink() as link, capture_logs() as logged:

        def run(name: str) -> None:
            nodes[name] = JoinedNode(topology, name, link, trace_every=5)
            with nodes[name]:
                assert nodes[name].wait(DEADLINE_S)

        threads = [Thread(target=run, args=(name,)) for name in topology.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)

    def lines(event: str, actor: str) -> list[tuple[Any, ...]]:
        found = [one for one in logged if one["event"] == event and one.get("actor") == actor]
        return [(one["hop"], one["message"], *one.get("to", ())) for one in found]

    numbers = [str(number) for number in range(1, 9)]
    assert lines("emitted", "ticker") == [(number, "Tick", "ticker -> tape") for number in numbers]
    assert lines("arrived", "tape") == [(number, "Tick") for number in numbers]
    assert lines("handled", "tape") == [(number, "Tick") for number in numbers]
    prices = [(f"{number}.1", "Price") for number in numbers[1::2]]
    assert [line[:2] for line in lines("emitted", "tape")] == prices
    assert lines("handled", "board") == prices
    for node in nodes.values():
        assert node.report().ok
        tracer: Any = node._tracer
        assert len(tracer._hops) == 0, "nobody waits for what has left"
