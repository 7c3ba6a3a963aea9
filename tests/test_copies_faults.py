"""Copies of an actor over shared memory, over restarts, and with a dead one among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest

from mycelium import Actor, ActorSpec, Source, Topology, handles, resolve
from mycelium.cluster.merging import merge_reports
from mycelium.link.link import Link
from mycelium.link.loopback import LoopbackLink
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from mycelium.routing.shards import shard_of
from tests.test_instances import DEADLINE_S, Fill, Hand, Order
from tests.test_joined_nodes import Keeper, Stepwise, join, running, until, wait_for_actors
from tlv import TLV

COUNT, KEYS = 600, 20
#: The order that a desk fails of, and whose it is.
POISON, FAILING = 301, 2


class Many(Source, emits=Order):
    """Says in each order which copy of it made it."""

    def produce(self) -> Iterator[TLV]:
        for number in range(COUNT):
            yield Order(account=number % KEYS, number=number, ratio=self.instance[0])


class Fragile(Actor, receives=Order):
    """Fails of one order; what it has taken outlives it."""

    taken: ClassVar[dict[str, list[tuple[float, int]]]]

    @handles
    def on_order(self, order: Order) -> None:
        if order.number == POISON and order.ratio == FAILING:
            raise ValueError(POISON)
        self.taken[self.name].append((order.ratio, order.number))


@pytest.fixture(params=["loopback", "ipc"])
def links(request: pytest.FixtureRequest) -> Iterator[tuple[Link, Link]]:
    """What each of two nodes has."""
    if request.param == "ipc":
        pytest.importorskip("iceoryx2", reason="the extra ipc is not installed")
        from mycelium.link.ipc import IpcLink

        with TemporaryDirectory(prefix="lnk") as directory:  # sockets have short paths
            place = Path(directory)
            with IpcLink(directory=place) as one, IpcLink(directory=place) as other:
                yield one, other
        return
    with LoopbackLink() as one:
        yield one, one


def test_senders_in_threads_of_their_own_keep_the_order_of_each_key_over_a_restart_of_a_copy(
    links: tuple[Link, Link],
) -> None:
    Fragile.taken = {f"desk-{number}": [] for number in (1, 2, 3)}
    topology = Topology(
        name="threads",
        nodes={"left": {}, "right": {}},
        supervisors={"guard": {"strategy": "one-for-one", "backoff": {"first_s": 0.01}}},
        actors={
            "many": ActorSpec(actor_class=Many, instances=4, spread="broadcast", node=("left", "right")),
            "desk": ActorSpec(
                actor_class=Fragile, instances=3, shard_by="account", node=("left", "right"), supervisor="guard"
            ),
        },
    )
    nodes = {name: JoinedNode(topology, name, link) for name, link in zip(topology.nodes, links, strict=True)}
    join(*(running(node) for node in nodes.values()))
    reports = {name: node.report() for name, node in nodes.items()}
    whole = merge_reports(resolve(topology), reports, seconds=1.0)
    assert whole.balanced
    assert (whole.total.sent, whole.total.lost) == (4 * COUNT, 0)
    for copy, taken in enumerate(Fragile.taken.values()):
        mine = [number for number in range(COUNT) if shard_of(number % KEYS, 3) == copy]
        for maker in (1, 2, 3, 4):
            got = [number for ratio, number in taken if ratio == maker]
            assert got == [number for number in mine if (number, maker) != (POISON, FAILING)]


def test_over_a_restart_of_its_node_a_copy_keeps_its_keys_and_their_order() -> None:
    """What was on its way is lost; nothing of it goes to another copy, and what comes later comes in order."""
    topology = Topology(
        name="pair",
        nodes={"left": {}, "right": {}},
        actors={
            "sender": ActorSpec(actor_class=Stepwise, node="left"),
            "keeper": ActorSpec(actor_class=Keeper, instances=2, shard_by="number", node=("left", "right")),
        },
    )

    def share(numbers: range, copy: int) -> list[int]:
        return [number for number in numbers if shard_of(number, 2) == copy]

    with LoopbackLink() as link:
        left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
        thread = running(left)
        right.start()
        (stepwise,) = wait_for_actors(left, "sender")
        (mine,) = wait_for_actors(left, "keeper-1")
        (first,) = wait_for_actors(right, "keeper-2")
        stepwise.steps[0].set()
        until(lambda: first.numbers == share(range(10), 1))
        right.abort()
        until(lambda: left._wiring._peers["right"].lost_at is not None)
        stepwise.steps[1].set()
        until(lambda: mine.numbers == share(range(20), 0))
        again = JoinedNode(topology, "right", link)
        other = running(again)
        (second,) = wait_for_actors(again, "keeper-2")
        stepwise.steps[2].set()
        join(thread, other)
    assert mine.numbers == share(range(30), 0)
    assert second.numbers == share(range(10, 30), 1)
    assert left.report().ok


class Takes(Actor, receives=Order):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[int] = []

    @handles
    def on_order(self, order: Order) -> None:
        self.taken.append(order.number)


@pytest.mark.parametrize(
    ("keys", "taken", "dead"),
    [
        ({"spread": "round-robin"}, ([0, 3], [2, 5]), 2),
        ({"spread": "broadcast"}, ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]), 6),
        ({"shard_by": "account"}, ([0, 2, 4], []), 3),
    ],
)
def test_what_is_for_a_dead_copy_is_a_dead_letter_and_the_others_get_theirs(
    keys: dict[str, Any], taken: tuple[list[int], list[int]], dead: int
) -> None:
    mine, others = (next(key for key in range(KEYS) if shard_of(key, 3) == at) for at in (0, 1))
    topology = Topology(name="dead", actors={"hand": Hand, "desk": ActorSpec(actor_class=Takes, instances=3, **keys)})
    with Node(topology) as node:
        copies: Any = [node._actors[f"desk-{number}"] for number in (1, 3)]
        node.refs["desk-2"].stop()
        for number in range(6):
            node.refs["hand"].ask(Fill(account=others if number % 2 else mine, number=number), timeout=DEADLINE_S)
    report = node.report()
    assert tuple(copy.taken for copy in copies) == taken
    assert {row.message: row.dead_lettered for row in report.messages}["Order"] == dead
    assert report.balanced


def test_with_one_copy_more_keys_move_only_to_it() -> None:
    """About one of four."""

    def owners(copies: int) -> dict[int, str]:
        Fragile.taken = {f"desk-{number}": [] for number in range(1, copies + 1)}
        desk = ActorSpec(actor_class=Fragile, instances=copies, shard_by="account")
        with Node(Topology(name="more", actors={"many": Many, "desk": desk})) as node:
            assert node.wait(DEADLINE_S)
        return {number % KEYS: name for name, taken in Fragile.taken.items() for _, number in taken}

    before, after = owners(3), owners(4)
    moved = {key for key in before if before[key] != after[key]}
    assert moved == {key for key, name in after.items() if name == "desk-4"}
    assert 0 < len(moved) < KEYS / 2
