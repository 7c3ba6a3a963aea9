"""`mycelium top` of a topology on several nodes, here in one process: each has a control socket of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from mycelium import ActorSpec, Topology
from mycelium.cli import cli
from mycelium.cli.format import short_name
from mycelium.cli.top_nodes import TopologyView
from mycelium.errors.observing import NodesRunningError, NoNodeError
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.observing import together
from mycelium.observing.control import ControlSocket
from mycelium.observing.messages import Watching
from mycelium.observing.snapshot import Snapshot
from mycelium.observing.together import NodeLook, TopologyLook, attach_all, attach_to
from tests.topology_actors import Board, Paused, Tape
from tests.watched_node import runtime_directory

DEADLINE_S = 30.0
LONG = "a-topology-with-a-name-that-is-much-longer-than-a-socket-may-be-called"


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with runtime_directory(monkeypatch) as made:
        yield made


def topology(name: str = "apart") -> Topology:
    def on(node: str, kind: type[Any]) -> ActorSpec:
        return ActorSpec(actor_class=kind, node=node)

    actors = {"ticker": on("feeds", Paused), "tape": on("books", Tape), "board": on("desk", Board)}
    return Topology(name=name, nodes={"feeds": {}, "books": {}, "desk": {}}, actors=actors)


class Nodes:
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


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with Nodes() as made:
        yield made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


def states(look: TopologyLook) -> dict[str, str]:
    return {node.name: node.state for node in look.nodes}


def test_all_nodes_of_a_topology_are_one_look_and_their_sums_leave_out_what_crossed(nodes: Nodes) -> None:
    with attach_all("apart") as attached:
        look = attached.look()
    assert states(look) == dict.fromkeys(("feeds", "books", "desk"), "running")
    report = look.report()
    assert [(row.message, row.sent, row.handled, row.lost) for row in report.messages] == [
        ("Tick", 1, 1, 0),
        ("Price", 1, 1, 0),
    ]
    assert [row.actor for row in report.actors] == ["ticker", "tape", "board"]
    assert report.balanced
    assert [(row.actor, row.done, row.total) for row in report.sources] == [("ticker", 1, 2)]


def test_a_node_that_is_away_is_shown_as_that_and_comes_back(nodes: Nodes) -> None:
    with attach_all("apart") as attached:
        attached.look()
        nodes.close("books")
        assert states(attached.look()) == {"feeds": "running", "books": "away", "desk": "running"}
        nodes.open("books")
        assert states(attached.look()) == dict.fromkeys(("feeds", "books", "desk"), "running")
        for name in ("feeds", "books", "desk"):
            nodes.close(name)
        with pytest.raises(NoNodeError, match=r"\[OBS-006\] no node of apart runs"):
            attached.look()


def test_a_node_that_nobody_has_seen_is_known_from_the_others(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes.close("books")
    nodes.close("desk")
    nodes.nodes["feeds"].places = {"feeds": "here.example", "books": "", "desk": "far.example"}
    monkeypatch.setattr(together, "is_this_host", lambda host: host != "far.example")
    with attach_all("apart") as attached:
        look = attached.look()
    assert [(node.name, node.state, node.host) for node in look.nodes] == [
        ("feeds", "running", "here.example"),
        ("books", "away", ""),
        ("desk", "elsewhere", "far.example"),
    ]


def test_two_of_one_name_are_told_apart_by_the_user(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: 1)
        another = ControlSocket(nodes.nodes["desk"])
    twice = pytest.raises(NodesRunningError, match=r"apart.desk \(pid \d+\), apart.desk \(pid \d+\)")
    with another, attach_all("apart") as attached, twice:
        attached.look()


@pytest.mark.usefixtures("nodes")
@pytest.mark.parametrize("arguments", [(), ("apart",)])
def test_once_prints_nodes_actors_streams_messages_and_the_ledger(arguments: tuple[str, ...]) -> None:
    result = run("top", *arguments, "--once")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert " ".join(lines[0]).startswith("apart")
    assert "3 of 3 nodes 3 of 3 actors alive" in " ".join(lines[0])
    begins = [tuple(line[:2]) for line in lines]
    for row in (("feeds", "running"), ("tape", "books"), ("board", "desk"), ("ticker", "->")):
        assert row in begins
    assert "Price" in [first[0] for first in begins if first]
    assert result.stdout.splitlines()[-1] == "the ledger balances: 2 sent = 2 handled"


@pytest.mark.usefixtures("nodes")
def test_one_node_is_shown_alone_by_its_name() -> None:
    result = run("top", "apart.books", "--once")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("apart.books  running, ")
    assert "3 nodes" not in result.stdout


@pytest.mark.usefixtures("nodes")
def test_json_has_each_node_and_the_sums() -> None:
    told = json.loads(run("top", "apart", "--json").stdout)
    assert (told["name"], told["sent"], told["handled"], told["on_links"], told["balanced"]) == ("apart", 2, 2, 0, True)
    assert [(one["node"], one["state"], one["pid"]) for one in told["nodes"]] == [
        (name, "running", os.getpid()) for name in ("feeds", "books", "desk")
    ]
    assert {(one["node"], one["name"]) for one in told["actors"]} >= {("feeds", "ticker"), ("books", "tape")}
    assert [one["name"] for one in told["messages"]] == ["Tick", "Price"]


def test_names_longer_than_a_socket_may_be_called_are_found() -> None:
    with Nodes(LONG):
        with attach_all(LONG) as attached:
            assert len(attached.look().seen) == 3
        with attach_to(f"{LONG}.desk") as one:
            seen = one.look()
        assert isinstance(seen, Snapshot)
        assert seen.node.node == "desk"


def test_a_topology_whose_name_begins_alike_is_another_one(nodes: Nodes) -> None:
    with Nodes("apart.too"), attach_all("apart") as attached:
        assert attached.look().topology == "apart"
        assert [str(node.snapshot.node.name) for node in attached.look().nodes if node.snapshot] == ["apart"] * 3
        result = run("top")
    assert result.exit_code == 2
    assert "[OBS-007] several nodes run" in result.stderr


# The picture ------------------------------------------------------------------------------------------------------


def seen(node: str, handled: int, *, seconds: float, pid: int = 7) -> NodeLook:
    counts: dict[str, Any] = {field.name: 0 for field in Watching.NodeState.layout.fields}
    texts = {"name": "demo", "node": node, "profile": "", "state": "running", "tlv": "native"}
    state = Watching.NodeState(**{**counts, **texts, "balanced": True, "seconds": seconds, "pid": pid})
    zeros: dict[str, Any] = {field.name: 0 for field in Watching.ActorState.layout.fields}
    actor = Watching.ActorState(**{**zeros, "alive": True, "name": f"actor_on_{node}"[:40], "handled": handled})
    return NodeLook(node, "running", Snapshot(state, (actor,), (), (), ()))


def drawn(view: TopologyView, *looks: NodeLook, width: int = 160) -> str:
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(view.picture(TopologyLook("demo", looks)))
    return captured.get()


def rate_of(text: str, actor: str) -> str:
    (line,) = (line for line in text.splitlines() if line.split()[:1] == [actor])
    return line.split()[4]


def test_rates_are_by_the_clock_of_each_node_and_begin_anew_with_its_process() -> None:
    view = TopologyView()
    drawn(view, seen("one", 1_000, seconds=2.0), seen("two", 500, seconds=10.0))
    text = drawn(view, seen("one", 1_500, seconds=2.5), seen("two", 600, seconds=12.0))
    assert (rate_of(text, "actor_on_one"), rate_of(text, "actor_on_two")) == ("1,000", "50")
    text = drawn(view, seen("one", 100, seconds=0.5, pid=8), NodeLook("two", "away"))
    assert rate_of(text, "actor_on_one") == "200"
    assert "1 of 2 nodes" in text
    assert ["two", "away"] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_long_names_of_nodes_cut_no_number(width: int) -> None:
    long = "a-node-with-a-name-of-many-letters-in-it"
    text = drawn(TopologyView(), seen(long, 1_234_567, seconds=1.0), width=width)
    assert all(len(line) <= width for line in text.splitlines()), text
    if width >= 80:
        assert "1,234,567" in text
        assert short_name(long) in text


def test_a_short_name_keeps_both_ends() -> None:
    assert short_name("feeds") == "feeds"
    assert short_name("a" * 20 + "z" * 20) == "a" * 12 + "…" + "z" * 11
    assert len(short_name("x" * 100)) == 24
