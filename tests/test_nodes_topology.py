"""Topologies of several nodes: what a file may say of them, what is refused, and how the plan is split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mycelium import Actor, ActorSpec, Bounded, Topology, handles, resolve
from mycelium.errors.cluster import NodeUnknownError
from mycelium.errors.topology import TopologyRefusedError
from mycelium.remote.mismatch import difference_of, differences_of, differing_field, layouts_of
from mycelium.remote.wiring import channel_of
from mycelium.topology.graph import graph_mermaid, graph_of
from mycelium.topology.nodes import part_of
from mycelium.topology.wiring import wiring_text
from tests.topology_actors import Board, Echo, Price, Tape, Tick, Ticker

FILE = """
[topology]
name = "apart"

[nodes.feeds]
[nodes.desk]
memory_mb = 5
restarts = 0
metrics = "127.0.0.1:9101"

[actors.ticker]
class = "tests.topology_actors:Ticker"
node = "feeds"

[actors.tape]
class = "tests.topology_actors:Tape"
node = "desk"

[actors.board]
class = "tests.topology_actors:Board"
node = "desk"
"""


def load(tmp_path: Path, text: str = FILE) -> Topology:
    path = tmp_path / "apart.toml"
    path.write_text(text)
    return Topology.load(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(TopologyRefusedError) as refused:
        resolve(load(tmp_path, text))
    return [str(problem).partition(".toml: ")[2].partition(";")[0] for problem in refused.value.problems]


def placed(nodes: tuple[str, ...], **actors: tuple[str, type[Actor]]) -> Topology:
    return Topology(
        name="placed",
        nodes={name: {} for name in nodes},
        actors={name: ActorSpec(actor_class=kind, node=node) for name, (node, kind) in actors.items()},
    )


def test_a_file_declares_nodes_and_places_actors(tmp_path: Path) -> None:
    resolved = resolve(load(tmp_path))
    assert {name: actor.node for name, actor in resolved.actors.items()} == {
        "ticker": "feeds",
        "tape": "desk",
        "board": "desk",
    }
    assert (resolved.nodes["desk"].memory_mb, resolved.nodes["desk"].restarts) == (5, 0)
    assert (resolved.nodes["feeds"].memory_mb, resolved.nodes["feeds"].restarts) == (None, 3)
    assert resolved.running_nodes == ("feeds", "desk")


def test_each_node_has_its_part_and_all_number_the_streams_alike(tmp_path: Path) -> None:
    resolved = resolve(load(tmp_path))
    feeds, desk = (part_of(resolved, node) for node in ("feeds", "desk"))
    assert feeds.outbound == desk.inbound
    (stream,) = desk.inbound
    assert (str(stream), stream.sender_node, stream.receiver_node) == ("ticker -> tape", "feeds", "desk")
    assert stream.messages == (Tick,)
    assert feeds.inbound == desk.outbound == ()
    assert (feeds.peers, desk.peers) == (("desk",), ("feeds",))
    assert [(edge.sender, edge.receiver) for edge in desk.topology.plan.edges] == [("tape", "board")]
    assert desk.topology.plan.actors == ("tape", "board")
    assert (desk.topology.metrics, feeds.topology.metrics) == ("127.0.0.1:9101", None)


def test_a_node_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(NodeUnknownError, match=r"\[NOD-020\] apart has no node 'desc' that runs an actor"):
        part_of(resolve(load(tmp_path)), "desc")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"feeds"', '"feed"', "[actors.ticker] node: there is no node 'feed'"),
        ('node = "feeds"\n', "", "[actors.ticker] node: it says on no node: write node = and one of desk, feeds"),
        ("[nodes.feeds]", "[nodes.feeds]\n[nodes.more]", "[nodes.more]: no actor runs there"),
        ("[nodes.feeds]", "[nodes.feeds]\nhosts = 1", "[nodes.feeds]: there is no key 'hosts' here"),
        ("[nodes.feeds]", '[nodes."1"]\n[nodes.feeds]', "[nodes.1]: '1' is no name for a node"),
        ("restarts = 0", "restarts = -1", "[nodes.desk] restarts: Input should be greater"),
        ('"apart"', '"apart"\nmetrics = ":9100"', "[topology] metrics: each node has an address of its own"),
        (
            "memory_mb = 5",
            "memory_mb = 1",
            "[nodes.desk] memory_mb: the mailboxes may hold 1.8 MB, and 1 MB are allowed",
        ),
        ("memory_mb = 5", "memory_mb = -5", "[nodes.desk] memory_mb: Input should be greater"),
        ('"127.0.0.1:9101"', '"x"', "[nodes.desk] metrics: "),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, before: str, after: str, problem: str) -> None:
    assert before in FILE
    told = problems(tmp_path, FILE.replace(before, after))
    assert any(one.startswith(problem) for one in told), told


def test_a_node_without_nodes_is_refused(tmp_path: Path) -> None:
    text = '[actors.ticker]\nclass = "tests.topology_actors:Ticker"\nnode = "feeds"\n'
    assert problems(tmp_path, text) == ["[actors.ticker] node: there is no node 'feeds'"]


def test_a_circle_does_not_cross_nodes() -> None:
    topology = placed(("here", "there"), ping=("here", Echo), pong=("there", Echo))
    with pytest.raises(TopologyRefusedError, match=r"in a circle \(ping, pong\) run on one node.*here on here, there"):
        resolve(topology)
    resolve(placed(("here",), ping=("here", Echo), pong=("here", Echo)))


def test_actors_that_are_restarted_together_run_on_one_node(tmp_path: Path) -> None:
    text = FILE + '\n[supervisors.all]\nstrategy = "all-for-one"\n'
    text = text.replace('"feeds"\n', '"feeds"\nsupervisor = "all"\n').replace(
        '"desk"\n', '"desk"\nsupervisor = "all"\n'
    )
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(
        "[supervisors.all] strategy: all-for-one restarts actors together, so they run on one node"
    )
    resolve(load(tmp_path, text.replace("all-for-one", "one-for-one")))


def test_what_waits_for_an_actor_elsewhere_counts_to_the_budget_of_its_sender() -> None:
    class Large(Actor, mailbox=Bounded(100_000)):
        @handles
        def on_tick(self, tick: Tick) -> None: ...

    nodes: Any = {"here": {"memory_mb": 1}, "there": {"memory_mb": 100}}
    topology = Topology(
        name="budget",
        nodes=nodes,
        actors={
            "ticker": ActorSpec(actor_class=Ticker, node="here"),
            "large": ActorSpec(actor_class=Large, node="there"),
        },
    )
    with pytest.raises(TopologyRefusedError, match=r"\[nodes.here\] memory_mb.*most: ticker -> large"):
        resolve(topology)


def test_nodes_compare_how_they_read_what_goes_between_them(tmp_path: Path) -> None:
    streams = part_of(resolve(load(tmp_path)), "desk").inbound
    ours = tuple(layouts_of(streams))
    assert difference_of(ours, tuple(layouts_of(streams))) == ""
    other = tuple(one.replace(digest=one.digest + 1) for one in ours)
    assert difference_of(ours, other) == "", "the stream is the same"
    assert list(differences_of(ours, other).values()) == [("ticker -> tape: Tick", "")]
    assert differences_of(ours, ours) == {}
    assert difference_of(ours, ()) == "ticker -> tape is in the topology of one of them only"


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ("price 0 i64\nsize 8 i64", ""),
        ("price 0 i64\nflags 8 u64\nsize 16 i64", ".size lies at offset 8 here and at 16 there"),
        ("price 0 i64\nsize 8 u64", ".size is i64 here and u64 there"),
        ("price 0 i64", ".size is not there at all"),
        ("price 0 i64\nsize 8 i64\nnote 16 str", ".note is not here at all"),
        ("", ""),
    ],
)
def test_the_field_that_differs_is_named(theirs: str, told: str) -> None:
    assert differing_field("price 0 i64\nsize 8 i64", theirs) == told


def test_channels_are_called_by_topology_and_nodes_whatever_its_name() -> None:
    assert channel_of("a b", "one", "two") != channel_of("a-b", "one", "two")
    assert channel_of("ä" * 200, "one", "two").endswith("/one/two")
    assert len(channel_of("x" * 200, "one", "two")) < 60


def test_pictures_and_descriptions_show_who_runs_where() -> None:
    resolved = resolve(placed(("feeds", "desk"), ticker=("feeds", Ticker), tape=("desk", Tape), board=("desk", Board)))
    drawn = graph_mermaid(graph_of(resolved))
    assert '    subgraph c1_desk["desk"]\n    n1_tape["tape<br/><small>Tape</small>"]\n' in drawn
    assert drawn.count("    end\n") == 2
    assert "tape  tests.topology_actors:Tape, on node desk" in wiring_text(resolved)
    assert Price.__name__ in drawn
