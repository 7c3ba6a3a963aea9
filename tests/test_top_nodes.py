"""`mycelium top` of a topology on several nodes, here in one process: each has a control socket of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from mycelium.cli import cli
from mycelium.cli.format import short_name
from mycelium.cli.top_nodes import TopologyView
from mycelium.errors.observing import NodesRunningError, NoNodeError
from mycelium.observing import together
from mycelium.observing.control import ControlSocket
from mycelium.observing.messages import Watching
from mycelium.observing.snapshot import Snapshot
from mycelium.observing.together import NodeLook, TopologyLook, attach_all, attach_to
from tests.nodes_at_rest import NodesAtRest
from tests.watched_node import runtime_directory

LONG = "a-topology-with-a-name-that-is-much-longer-than-a-socket-may-be-called"


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with runtime_directory(monkeypatch) as made:
        yield made


@pytest.fixture
def nodes() -> Iterator[NodesAtRest]:
    with NodesAtRest() as made:
        yield made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


def states(look: TopologyLook) -> dict[str, str]:
    return {node.name: node.state for node in look.nodes}


def test_all_nodes_of_a_topology_are_one_look_and_their_sums_leave_out_what_crossed(nodes: NodesAtRest) -> None:
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


def test_a_node_that_is_away_is_shown_as_that_and_comes_back(nodes: NodesAtRest) -> None:
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


def test_a_node_that_nobody_has_seen_is_known_from_the_others(
    nodes: NodesAtRest, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_two_of_one_name_are_told_apart_by_the_user(nodes: NodesAtRest, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with NodesAtRest(LONG):
        with attach_all(LONG) as attached:
            assert len(attached.look().seen) == 3
        with attach_to(f"{LONG}.desk") as one:
            seen = one.look()
        assert isinstance(seen, Snapshot)
        assert seen.node.node == "desk"


def test_a_topology_whose_name_begins_alike_is_another_one(nodes: NodesAtRest) -> None:
    with NodesAtRest("apart.too"), attach_all("apart") as attached:
        assert attached.look().topology == "apart"
        assert [str(node.snapshot.node.name) for node in attached.look().nodes if node.snapshot] == ["apart"] * 3
        result = run("top")
    assert result.exit_code == 2
    assert "[OBS-007] several nodes run" in result.stderr


@pytest.mark.usefixtures("nodes")
def test_a_live_graph_has_rates_on_what_goes_over_links(tmp_path: Path) -> None:
    file = tmp_path / "apart.toml"
    places = {"ticker": ("Paused", "feeds"), "tape": ("Tape", "books"), "board": ("Board", "desk")}
    lines = [f"[nodes.{node}]" for _, node in places.values()]
    for name, (kind, node) in places.items():
        lines += [f"[actors.{name}]", f'class = "tests.topology_actors:{kind}"', f'node = "{node}"']
    file.write_text("\n".join(lines))
    told = run("graph", file, "--live", "--over", "0.15")
    assert told.exit_code == 0, told.output
    assert '==>|"<small>ipc</small><br/>Tick 0/s"|' in told.stdout
    assert '==>|"<small>ipc</small><br/>Price 0/s"|' in told.stdout


def test_rates_over_a_stream_are_those_of_who_receives_where_it_was_seen_twice() -> None:
    def look(number: int, *, pid: int) -> TopologyLook:
        ends = []
        for node, is_sent in (("one", True), ("two", False)):
            it = seen(node, 0, seconds=number, pid=pid if node == "two" else 7)
            assert it.snapshot is not None
            count = number * (100 if is_sent else 90)
            stream = Watching.StreamState(
                count=count, kind=1, is_sent=is_sent, sender="tick", receiver="actor_on_two", message="Tick"
            )
            ends.append(NodeLook(node, "running", replace(it.snapshot, streams=(stream,))))
        return TopologyLook("demo", tuple(ends))

    edge = ("tick", "actor_on_two", "Tick")
    assert together.rates_between(look(1, pid=7), look(3, pid=7)) == {edge: 90.0}
    assert together.rates_between(look(1, pid=7), look(3, pid=8)) == {edge: 100.0}


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
