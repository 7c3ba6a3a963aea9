"""`mycelium graph`: the picture of a topology as Mermaid and as SVG, and where its parts stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from mycelium import Actor, ActorSpec, Source, Topology, handles, resolve
from mycelium.cli import cli
from mycelium.topology.drawing import graph_svg
from mycelium.topology.graph import (
    Arrow,
    Graph,
    GraphNode,
    GraphSupervisor,
    graph_mermaid,
    graph_of,
    graph_with,
)
from mycelium.topology.layered import place
from tlv import TLV, i64

ROOT = Path(__file__).resolve().parent.parent
SVG = "{http://www.w3.org/2000/svg}"


class Tick(TLV, type=1000):
    number: i64


class Sum(TLV, type=1001):
    number: i64


class Ticks(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        yield Tick(number=1)


class Adder(Actor, receives=Tick, emits=Sum):
    @handles
    def on_tick(self, tick: Tick) -> None: ...


class Board(Actor, receives=(Tick, Sum), dispatcher="pinned"):
    @handles
    def on_any(self, message: TLV) -> None: ...


@pytest.fixture
def graph() -> Graph:
    adder = ActorSpec(actor_class=Adder, dispatcher="fast")
    topology = Topology(
        name="sums", actors={"ticks": Ticks, "adder": adder, "board": Board}, dispatchers={"fast": {"workers": 1}}
    )
    return graph_of(resolve(topology))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["graph", *map(str, arguments)])


def texts_of(svg: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(svg).iter(f"{SVG}text")]


def test_it_has_the_actors_their_marks_and_the_messages_of_each_pair(graph: Graph) -> None:
    assert graph.nodes == (
        GraphNode("ticks", "Ticks", "source", is_source=True),
        GraphNode("adder", "Adder", "on fast"),
        GraphNode("board", "Board", "pinned"),
    )
    assert graph.arrows == (
        Arrow("ticks", "adder", ("Tick",)),
        Arrow("ticks", "board", ("Tick",)),
        Arrow("adder", "board", ("Sum",)),
    )


def test_mermaid_has_a_shape_for_each_kind_and_the_messages_on_the_arrows(graph: Graph) -> None:
    assert graph_mermaid(graph).splitlines() == [
        "---",
        "title: sums",
        "---",
        "flowchart LR",
        '    n0_ticks(["ticks<br/><small>Ticks, source</small>"])',
        '    n1_adder["adder<br/><small>Adder, on fast</small>"]',
        '    n2_board[["board<br/><small>Board, pinned</small>"]]',
        '    n0_ticks -->|"Tick"| n1_adder',
        '    n0_ticks -->|"Tick"| n2_board',
        '    n1_adder -->|"Sum"| n2_board',
    ]


def test_the_picture_shows_every_actor_and_message_and_marks_them(graph: Graph) -> None:
    svg = graph_svg(graph)
    shown = texts_of(svg)
    assert {"sums", "ticks", "adder", "board", "Board", "source", "pinned", "on fast"} <= set(shown)
    assert (shown.count("Tick"), shown.count("Sum")) == (2, 1)
    marked = [one.get("class") for one in ET.fromstring(svg).iter(f"{SVG}rect")]
    assert [kind for kind in marked if kind not in {"paper", "halo"}] == ["source", "elsewhere", "pinned"]


def test_of_many_messages_some_are_shown_and_all_are_told() -> None:
    names = tuple(f"Message{number}" for number in range(9))
    svg = graph_svg(Graph("many", (GraphNode("a", "A"), GraphNode("b", "B")), (Arrow("a", "b", names),)))
    assert "and 6 more" in texts_of(svg)
    assert "Message8" not in texts_of(svg)
    assert f"a to b: {', '.join(names)}" in [one.text for one in ET.fromstring(svg).iter(f"{SVG}title")]


def test_what_could_be_markup_is_text() -> None:
    assert "<b> & co" in texts_of(graph_svg(Graph("<b> & co", (), ())))


def test_nothing_stands_on_anything_else() -> None:
    nodes = {f"n{number}": (80.0 + number, 40.0) for number in range(12)}
    arrows = {(f"n{a}", f"n{b}"): (60.0, 16.0) for a in range(12) for b in range(a + 1, 12) if (a * 7 + b) % 3 == 0}
    spots, paths, (width, height) = place(nodes, arrows)
    everything = [*spots.values(), *(spot for path in paths.values() for spot in path)]
    for one, other in combinations(everything, 2):
        apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2 - 1e-6
        apart_y = abs(one.y - other.y) >= (one.height + other.height) / 2 - 1e-6
        assert apart_x or apart_y
    assert all(spots[a].x < spots[b].x for a, b in arrows), "arrows lead from left to right"
    assert all(0 <= spot.x <= width and 0 <= spot.y <= height for spot in everything)


def test_a_chain_is_a_straight_line() -> None:
    spots, paths, _ = place(dict.fromkeys("abc", (50.0, 30.0)), {("a", "b"): (40.0, 16.0), ("b", "c"): (40.0, 16.0)})
    assert len({spot.y for spot in (*spots.values(), *paths["a", "b"], *paths["b", "c"])}) == 1


def test_circles_and_actors_that_hear_themselves_are_drawn() -> None:
    nodes = tuple(GraphNode(name, name.upper()) for name in "abc")
    pairs = ["aa", "ab", "bc", "ca"]
    svg = graph_svg(Graph("circle", nodes, tuple(Arrow(pair[0], pair[1], (pair,)) for pair in pairs)))
    assert set(pairs) <= set(texts_of(svg))
    assert sum(one.get("class") == "arrow" for one in ET.fromstring(svg).iter(f"{SVG}path")) == len(pairs)


def test_actors_without_messages_are_drawn_too() -> None:
    assert {"a", "b"} <= set(texts_of(graph_svg(Graph("apart", (GraphNode("a", "A"), GraphNode("b", "B")), ()))))


def test_the_command_prints_mermaid_and_writes_svg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = run("configs/market_data.toml", "--profile", "recorded")
    assert printed.exit_code == 0
    assert printed.output.startswith("---\ntitle: market-data (profile recorded)\n---\nflowchart LR\n")
    assert re.search(r"n\d_trades -->\|\"TradeTLV\"\| n\d_tape", printed.output)
    written = run("configs/market_data.toml", "--svg", tmp_path / "picture.svg")
    assert written.output == f"wrote {tmp_path / 'picture.svg'}\n"
    assert "book_builder" in texts_of((tmp_path / "picture.svg").read_text())


@pytest.fixture
def supervised() -> Graph:
    def actor(kind: type[Actor], supervisor: str) -> ActorSpec:
        return ActorSpec(actor_class=kind, supervisor=supervisor)

    topology = Topology(
        name="sums",
        actors={"ticks": actor(Ticks, "feeds"), "adder": actor(Adder, "adder"), "board": Board},
        supervisors={
            "adder": {"parent": "top", "strategy": "all-for-one"},
            "feeds": {"parent": "top"},
            "top": {"strategy": "rest-for-one"},
            "unused": {},
        },
    )
    return graph_of(resolve(topology))


def test_it_has_the_supervisors_of_its_actors_and_those_above_them(supervised: Graph) -> None:
    assert supervised.supervisors == (
        GraphSupervisor("adder", "all-for-one", ("adder",), "top"),
        GraphSupervisor("feeds", "one-for-one", ("ticks",), "top"),
        GraphSupervisor("top", "rest-for-one", ()),
    )
    assert graph_with(supervised, {}, "with rates").supervisors == supervised.supervisors


def test_mermaid_has_an_arrow_of_dots_to_each_whom_a_supervisor_restarts(supervised: Graph) -> None:
    assert graph_mermaid(supervised).splitlines()[-7:] == [
        '    s0_adder{{"adder<br/><small>supervisor, all-for-one</small>"}}',
        '    s1_feeds{{"feeds<br/><small>supervisor, one-for-one</small>"}}',
        '    s2_top{{"top<br/><small>supervisor, rest-for-one</small>"}}',
        "    s2_top -.-> s0_adder",
        "    s0_adder -.-> n1_adder",
        "    s2_top -.-> s1_feeds",
        "    s1_feeds -.-> n0_ticks",
    ]


def test_the_picture_shows_supervisors_below_the_messages(graph: Graph, supervised: Graph) -> None:
    svg = graph_svg(supervised)
    root = ET.fromstring(svg)
    shown = texts_of(svg)
    assert shown[shown.index("who restarts whom") :].count("adder") == 2, "the actor, and the supervisor of that name"
    assert {"top", "rest-for-one", "all-for-one"} <= set(shown)
    assert "unused" not in shown
    assert sum(one.get("class") == "supervisor" for one in root.iter(f"{SVG}rect")) == 3
    assert sum(one.get("class") == "arrow dashed" for one in root.iter(f"{SVG}path")) == 4
    assert float(root.get("height", "0")) > float(ET.fromstring(graph_svg(graph)).get("height", "0"))
    assert "who restarts whom" not in texts_of(graph_svg(graph))


def test_a_topology_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    refused = run(tmp_path / "none.toml")
    assert refused.exit_code == 2
    assert "[TOP-001]" in refused.output


def test_the_picture_in_the_documentation_is_that_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mycelium graph configs/market_data.toml --svg docs/images/market_data.svg` writes it."""
    monkeypatch.chdir(ROOT)
    drawn = graph_svg(graph_of(resolve(Topology.load("configs/market_data.toml"))))
    assert (ROOT / "docs" / "images" / "market_data.svg").read_text() == drawn


def test_the_picture_of_supervisors_is_that_of_the_topology_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Save that block as desk.toml; `mycelium graph desk.toml --svg docs/images/supervisors.svg` writes it."""
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "topologies.md").read_text()
    block = next(block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[supervisors.desk]" in block)
    file = tmp_path / "desk.toml"
    file.write_text(block)
    drawn = graph_svg(graph_of(resolve(Topology.load(file))))
    assert (ROOT / "docs" / "images" / "supervisors.svg").read_text() == drawn


@pytest.fixture
def apart() -> Graph:
    """Two nodes on one host, and one elsewhere."""
    topology = Topology(
        name="apart",
        nodes={
            "feeds": {"host": "one.example"},
            "sums": {"host": "one.example"},
            "wall": {"host": "two.example", "listen": "tls/0.0.0.0:7447"},
        },
        actors={
            "ticks": ActorSpec(actor_class=Ticks, node="feeds"),
            "adder": ActorSpec(actor_class=Adder, node="sums"),
            "near": ActorSpec(actor_class=Board, node="sums"),
            "board": ActorSpec(actor_class=Board, node="wall"),
        },
    )
    return graph_of(resolve(topology))


def test_what_goes_over_a_link_says_over_which(apart: Graph) -> None:
    links = {(arrow.sender, arrow.receiver): arrow.link for arrow in apart.arrows}
    assert links == {
        ("ticks", "adder"): "ipc",
        ("ticks", "near"): "ipc",
        ("ticks", "board"): "net",
        ("adder", "near"): "",
        ("adder", "board"): "net",
    }
    assert {arrow.link for arrow in graph_with(apart, {}, "with rates").arrows} == {"ipc", "net", ""}
    lines = graph_mermaid(apart).splitlines()
    assert '    n0_ticks ==>|"<small>net</small><br/>Tick"| n3_board' in lines
    assert '    n1_adder -->|"Sum"| n2_near' in lines
    assert '    subgraph c1_sums["sums"]' in lines


def test_nodes_are_boxes_around_their_actors_and_around_no_others(apart: Graph) -> None:
    root = ET.fromstring(graph_svg(apart))

    def box(one: ET.Element) -> tuple[float, float, float, float]:
        x, y, width, height = (float(one.get(key, "0")) for key in ("x", "y", "width", "height"))
        return x, y, x + width, y + height

    rects = list(root.iter(f"{SVG}rect"))
    frames = [box(one) for one in rects if one.get("class") == "node"]
    actors = [box(one) for one in rects if one.get("class") in {"source", "actor", "pinned"}]
    inside = [sum(a[0] >= f[0] and a[1] >= f[1] and a[2] <= f[2] and a[3] <= f[3] for a in actors) for f in frames]
    assert inside == [1, 2, 1]
    assert all(one[3] <= other[1] for one, other in combinations(frames, 2)), "one below the other"
    ways = [way for one in root.iter(f"{SVG}path") if (way := one.get("class", "")).startswith("arrow")]
    assert sorted(ways) == ["arrow", *["arrow ipc"] * 3, *["arrow net"] * 3], "and two of the legend"
    assert {"feeds", "sums", "wall", "over the network (net)"} <= set(texts_of(graph_svg(apart)))


def test_arrows_between_bands_turn_between_layers_only() -> None:
    """So that they pass behind no box of another node."""
    spots, paths, _ = place(
        dict.fromkeys("abcd", (80.0, 30.0)),
        {("a", "b"): (40.0, 16.0), ("b", "c"): (40.0, 16.0), ("a", "d"): (40.0, 16.0), ("c", "d"): (40.0, 16.0)},
        {"a": 0, "b": 1, "c": 1, "d": 2},
        20.0,
    )
    assert spots["a"].y < spots["b"].y < spots["d"].y
    (passing,) = [spot for spot in paths["a", "d"] if spot.layer == spots["b"].layer]
    assert passing.through == 80.0
    assert passing.y > spots["b"].y + 15, "it passes below, in the band of who receives"


def test_the_picture_of_the_cluster_is_that_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mycelium graph configs/market_data_cluster.toml --svg docs/images/market_data_cluster.svg` writes it."""
    monkeypatch.chdir(ROOT)
    drawn = graph_svg(graph_of(resolve(Topology.load("configs/market_data_cluster.toml"))))
    assert (ROOT / "docs" / "images" / "market_data_cluster.svg").read_text() == drawn
