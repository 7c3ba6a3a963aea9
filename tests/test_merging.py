"""Reports of several nodes as one: what went over links is taken out again, message by message."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

from mycelium import Actor, ActorSpec, Source, Topology, handles, resolve
from mycelium.cluster.merging import merge_reports
from mycelium.ledger.report import Report
from mycelium.link.loopback import LoopbackLink
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from tests.topology_actors import Tick
from tlv import TLV, i64

DEADLINE_S = 30.0


class Other:
    class Tick(TLV, type=1500):
        """Of another set, and of the same name."""

        number: i64


class Both(Source, emits=(Tick, Other.Tick)):
    def produce(self) -> Iterator[TLV]:
        for number in range(300):
            yield Tick(number=number)
            if number % 3 == 0:
                yield Other.Tick(number=number)


class Near(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None: ...


class Far(Actor, receives=Other.Tick):
    @handles
    def on_tick(self, tick: Other.Tick) -> None: ...


def test_messages_of_one_name_are_told_apart() -> None:
    """One of them crosses and the other one does not."""
    topology = Topology(
        name="named",
        nodes={"left": {}, "right": {}},
        actors={
            "both": ActorSpec(actor_class=Both, node="left"),
            "near": ActorSpec(actor_class=Near, node="left"),
            "far": ActorSpec(actor_class=Far, node="right"),
        },
    )
    reports: dict[str, Report] = {}
    with LoopbackLink() as link:

        def run(name: str) -> None:
            with JoinedNode(topology, name, link) as node:
                assert node.wait(DEADLINE_S)
            reports[name] = node.report()

        threads = [Thread(target=run, args=(name,)) for name in topology.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
    with Node(topology) as together:
        assert together.wait(DEADLINE_S)
    merged = merge_reports(resolve(topology), reports, seconds=1.0)
    assert merged.messages == together.report().messages
    assert [(row.type_id, row.message, row.sent, row.handled) for row in merged.messages] == [
        (1000, "Tick", 300, 300),
        (1500, "Tick", 100, 100),
    ]
