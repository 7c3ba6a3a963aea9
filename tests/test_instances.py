"""Several copies of an actor: what a topology may say of them, and who gets which message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import pytest

from mycelium import Actor, ActorSpec, Source, Topology, handles, resolve
from mycelium.cluster.merging import merge_reports
from mycelium.errors.actor import MailboxFullError
from mycelium.errors.topology import TopologyRefusedError
from mycelium.link.loopback import LoopbackLink
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from mycelium.routing.shards import shard_of
from mycelium.testing import Simulation
from mycelium.topology.graph import graph_of
from mycelium.topology.nodes import part_of
from mycelium.topology.wiring import wiring_dict, wiring_text
from tests.topology_actors import Tape, Ticker
from tests.waiting import check_nothing_runs
from tlv import TLV, Size, f64, i64

DEADLINE_S = 30.0


class Order(TLV, type=1020):
    account: i64
    number: i64
    ratio: f64 = 0.0


class Fill(TLV, type=1021):
    account: i64
    number: i64


class Orders(Source, emits=Order):
    accounts = 20
    count = 2_000

    def produce(self) -> Iterator[TLV]:
        for number in range(self.count):
            yield Order(account=number % self.accounts, number=number)


class Desk(Actor, receives=Order, emits=Fill):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[int, int]] = []

    @handles
    def on_order(self, order: Order) -> None:
        self.taken.append((order.account, order.number))
        self.emit(Fill(account=order.account, number=order.number))


class Fills(Actor, receives=Fill):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[int, int]] = []

    @handles
    def on_fill(self, fill: Fill) -> None:
        self.taken.append((fill.account, fill.number))


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


def desks(**keys: Any) -> Topology:
    return Topology(
        name="desks",
        actors={"orders": Orders, "desk": ActorSpec(actor_class=Desk, **keys), "fills": Fills},
    )


def run(topology: Topology) -> tuple[Node, dict[str, Any]]:
    with Node(topology) as node:
        assert node.wait(DEADLINE_S)
    node.report().check()
    return node, dict(node._actors)


def expected(count: int, keys: int = Orders.accounts) -> dict[str, list[tuple[int, int]]]:
    """What each desk gets, and in which order."""
    found: dict[str, list[tuple[int, int]]] = {f"desk-{number}": [] for number in range(1, count + 1)}
    for number in range(Orders.count):
        account = number % keys
        found[f"desk-{shard_of(account, count) + 1}"].append((account, number))
    return found


def test_every_key_goes_to_one_copy_in_order() -> None:
    node, actors = run(desks(instances=3, shard_by="account"))
    assert {name: actor.taken for name, actor in actors.items() if name.startswith("desk")} == expected(3)
    assert sorted(actors["fills"].taken) == sorted((number % 20, number) for number in range(2_000))
    sums = {row.message: (row.sent, row.handled) for row in node.report().messages}
    assert sums == {"Order": (2_000, 2_000), "Fill": (2_000, 2_000)}
    assert {(edge.sender, edge.receiver): count for edge, count in node.read_edges()} == {
        **{("orders", name): len(taken) for name, taken in expected(3).items()},
        **{(name, "fills"): len(taken) for name, taken in expected(3).items()},
    }


def test_in_turn_each_copy_gets_the_next_message() -> None:
    _, actors = run(desks(instances=3, spread="round-robin"))
    for first in range(3):
        assert [number for _, number in actors[f"desk-{first + 1}"].taken] == list(range(first, 2_000, 3))


def test_broadcast_goes_to_each_copy() -> None:
    node, actors = run(desks(instances=3, spread="broadcast"))
    assert all(len(actors[f"desk-{number}"].taken) == 2_000 for number in (1, 2, 3))
    assert {row.message: row.sent for row in node.report().messages} == {"Order": 6_000, "Fill": 6_000}


def test_copies_feed_copies_by_the_same_key() -> None:
    topology = Topology(
        name="both",
        actors={
            "orders": Orders,
            "desk": ActorSpec(actor_class=Desk, instances=3, shard_by="account"),
            "fills": ActorSpec(actor_class=Fills, instances=3, shard_by="account"),
        },
    )
    _, actors = run(topology)
    for number, taken in enumerate(expected(3).values(), 1):
        assert actors[f"fills-{number}"].taken == taken


def test_a_copy_knows_its_number() -> None:
    _, actors = run(desks(instances=2, spread="round-robin"))
    assert [actors[name].instance for name in ("desk-1", "desk-2", "fills")] == [(1, 2), (2, 2), (1, 1)]


def test_a_simulation_runs_copies() -> None:
    with Simulation(seed=7) as simulation, Node(desks(instances=3, shard_by="account")) as node:
        simulation.run()
        taken = {name: actor.taken for name, actor in node._actors.items() if isinstance(actor, Desk)}
    assert taken == expected(3)


class Slow(Actor, receives=Order):
    """Takes nothing before the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = Event(), Event()
        self.taken: list[int] = []

    @handles
    def on_order(self, order: Order) -> None:
        self.entered.set()
        assert self.go_on.wait(DEADLINE_S)
        self.taken.append(order.number)


class Hand(Actor, receives=Fill, emits=Order):
    """Emits what the test tells it to, and keeps what is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[int] = []

    @handles
    def on_fill(self, fill: Fill) -> None:
        try:
            self.emit(Order(account=fill.account, number=fill.number))
        except MailboxFullError:
            self.refused.append(fill.number)


@pytest.mark.parametrize(
    ("policy", "taken", "refused"),
    [
        ("reject", [0, 1, 2], [3, 4, 5]),
        ("drop_newest", [0, 1, 2], []),
        ("drop_oldest", [0, 4, 5], []),
        ("conflate", [0, 4, 5], []),
    ],
)
def test_the_policy_of_a_full_copy_holds_and_touches_no_other(
    policy: str, taken: list[int], refused: list[int]
) -> None:
    mailbox: Any = {"capacity": 2, "overflow": policy} | ({"key": "account"} if policy == "conflate" else {})
    topology = Topology(
        name="full",
        actors={
            "hand": Hand,
            "slow": ActorSpec(actor_class=Slow, instances=2, shard_by="account", mailbox=mailbox, dispatcher="pinned"),
        },
    )
    with Node(topology) as node:
        hand, one, other = (node._actors[name] for name in ("hand", "slow-1", "slow-2"))
        assert isinstance(hand, Hand)
        assert isinstance(one, Slow)
        assert isinstance(other, Slow)
        mine, others = (next(key for key in range(20) if shard_of(key, 2) == at) for at in (0, 1))
        node.refs["hand"].tell(Fill(account=mine, number=0))
        assert one.entered.wait(DEADLINE_S)
        for number in range(1, 6):
            node.refs["hand"].tell(Fill(account=mine, number=number))
        node.refs["hand"].tell(Fill(account=others, number=9))
        assert other.entered.wait(DEADLINE_S)
        one.go_on.set()
        other.go_on.set()
    node.report().check()
    assert (one.taken, other.taken, hand.refused) == (taken, [9], refused)


def test_a_full_copy_holds_up_its_sender() -> None:
    """A source pauses as long as one of the copies has no room."""
    topology = Topology(
        name="held",
        actors={
            "orders": Orders,
            "slow": ActorSpec(
                actor_class=Slow,
                instances=2,
                shard_by="account",
                mailbox={"capacity": 10, "deadline_s": 600.0},
                dispatcher="pinned",
            ),
        },
    )
    with Node(topology) as node:
        copies = [node._actors[name] for name in ("slow-1", "slow-2")]
        for copy in copies:
            assert isinstance(copy, Slow)
            assert copy.entered.wait(DEADLINE_S)
            assert len(copy.mailbox) <= 10
            copy.go_on.set()
        assert node.wait(DEADLINE_S)
    node.report().check()
    numbers = sorted(number for copy in copies if isinstance(copy, Slow) for number in copy.taken)
    assert numbers == list(range(Orders.count))


def apart(**keys: Any) -> Topology:
    return Topology(
        name="apart",
        nodes={"left": {}, "right": {}},
        actors={
            "orders": ActorSpec(actor_class=Orders, node="left"),
            "desk": ActorSpec(actor_class=Desk, node=("left", "right"), **keys),
            "fills": ActorSpec(actor_class=Fills, node="right"),
        },
    )


@pytest.mark.parametrize("keys", [{"shard_by": "account"}, {"spread": "round-robin"}, {"spread": "broadcast"}])
def test_copies_on_several_nodes_get_what_they_get_in_one_process(keys: dict[str, Any]) -> None:
    topology = apart(instances=3, **keys)
    with LoopbackLink() as link:
        nodes = {name: JoinedNode(topology, name, link) for name in topology.nodes}
        threads = [Thread(target=lambda node=node: (node.start(), node.wait(), node.stop())) for node in nodes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in threads)
    places = {name: node.node for node in nodes.values() for name in node._actors}
    assert places == {"orders": "left", "desk-1": "left", "desk-2": "right", "desk-3": "left", "fills": "right"}
    across: dict[str, Any] = {name: actor for node in nodes.values() for name, actor in node._actors.items()}
    together, actors = run(topology)
    for name in ("desk-1", "desk-2", "desk-3"):
        assert across[name].taken == actors[name].taken
    merged = merge_reports(resolve(topology), {name: node.report() for name, node in nodes.items()}, seconds=1.0)
    assert merged.verdict == together.report().verdict
    assert merged.exit_code == 0


def test_each_part_knows_all_copies() -> None:
    topology = resolve(apart(instances=2, shard_by="account"))
    part = part_of(topology, "left")
    assert [str(stream) for stream in part.outbound] == ["desk-1 -> fills", "orders -> desk-2"]
    assert part.topology.plan.spreads == topology.plan.spreads


def test_the_wiring_tells_who_gets_what() -> None:
    topology = resolve(apart(instances=3, shard_by="account"))
    assert "  Order -> desk-1 to desk-3 by account" in wiring_text(topology).splitlines()
    assert wiring_dict(topology)["copies"] == [
        {"name": "desk", "actors": ["desk-1", "desk-2", "desk-3"], "way": "shards", "field": "account"}
    ]
    assert [node.name for node in graph_of(topology).nodes] == ["orders", "desk-1", "desk-2", "desk-3", "fills"]


def test_copies_hear_each_other_only_where_their_section_names_itself() -> None:
    class Echoing(Actor, receives=(Order, Fill), emits=Fill):
        @handles
        def on_order(self, order: Order) -> None:
            self.emit(Fill(account=order.account, number=order.number))

        @handles
        def on_fill(self, fill: Fill) -> None:
            pass

    def edges(**keys: Any) -> set[tuple[str, str]]:
        spec = ActorSpec(actor_class=Echoing, instances=2, shard_by="account", **keys)
        plan = resolve(Topology(name="echo", actors={"orders": Orders, "echo": spec})).plan
        return {(edge.sender, edge.receiver) for edge in plan.edges}

    assert edges() == {("orders", "echo-1"), ("orders", "echo-2")}
    assert edges(listens_to=("echo",)) == {(f"echo-{a}", f"echo-{b}") for a in (1, 2) for b in (1, 2)}


FILE = """
[nodes.left]
[nodes.right]

[actors.orders]
class = "tests.test_instances:Orders"
node = "left"

[actors.desk]
class = "tests.test_instances:Desk"
node = ["left", "right"]
instances = 2
shard_by = "account"

[actors.fills]
class = "tests.test_instances:Fills"
from = ["desk"]
node = "right"
"""


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        (
            'shard_by = "account"',
            'shard_by = "acount"',
            "shard_by: Order has no field 'acount'; did you mean 'account'?",
        ),
        (
            'shard_by = "account"',
            'shard_by = "ratio"',
            "shard_by: Order.ratio is of f64; a key is a whole number, a bool, an enum, text or bytes",
        ),
        (
            'shard_by = "account"',
            "",
            (
                "instances: nothing says which of the 2 copies gets a message; write shard_by = and a field of its messages,"
                ' spread = "round-robin" or spread = "broadcast"'
            ),
        ),
        (
            'shard_by = "account"',
            'shard_by = "account"\nspread = "broadcast"',
            "spread: shard_by says already who gets a message, got 'broadcast' besides",
        ),
        ("instances = 2", "instances = 0", "instances: Input should be greater than or equal to 1, got 0"),
        ("instances = 2", "", "node: 2 nodes for instances = 1: nothing would run on right"),
        ('["left", "right"]', '["left", "rigth"]', "node: there is no node 'rigth'; did you mean 'right'?"),
        (
            '"account"\n',
            '"account"\n[actors.desk-2]\nclass = "tests.test_instances:Fills"\nnode = "left"\n',
            "instances: its copy 'desk-2' would have the name of another actor; rename one",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, was: str, becomes: str, problem: str) -> None:
    path = tmp_path / "desks.toml"
    path.write_text(FILE)
    assert resolve(Topology.load(path)).warnings == ()
    path.write_text(FILE.replace(was, becomes))
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(Topology.load(path))
    assert f"{path}: [actors.desk] {problem}" in [
        str(one).partition("] ")[2].removesuffix("; correct this key in the file") for one in refused.value.problems
    ]


def test_settings_and_warnings_are_those_of_the_section() -> None:
    topology = Topology(
        name="settings",
        actors={"ticker": Ticker, "tape": ActorSpec(actor_class=Tape, instances=2, shard_by="number")},
    )
    resolved = resolve(topology, overrides=["tape.window_s=2.5"])
    assert [resolved.actors[name].config.window_s for name in ("tape-1", "tape-2")] == [2.5, 2.5]  # type: ignore[union-attr]
    assert [str(warning).count("[actors.tape]") for warning in resolved.warnings] == [1]


class Named(TLV, type=1022):
    code: Annotated[str, Size(4)]


class Views(Source, emits=Named):
    def produce(self) -> Iterator[TLV]:
        for _ in range(10):
            yield Named.ref_from(b"\xff\xfe\xfd\xfc")


class Unread(Actor, receives=Named):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @handles
    def on_named(self, named: Named) -> None:
        self.count += 1


def test_a_message_whose_key_cannot_be_read_goes_to_the_first_copy() -> None:
    """Its handler is to meet the error, as that of a plain receiver would."""
    unread = ActorSpec(actor_class=Unread, instances=2, shard_by="code")
    _, actors = run(Topology(name="views", actors={"views": Views, "unread": unread}))
    assert [actors["unread-1"].count, actors["unread-2"].count] == [10, 0]
