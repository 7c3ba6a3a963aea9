"""Nodes that the network joins, here in one process: what the topology says of hosts and links is what they do."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from mycelium import ActorSpec, Topology, resolve
from mycelium.cluster.merging import merge_reports
from mycelium.ledger.report import Report
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from mycelium.remote.links import NodeLinks
from tests.ports import free_port
from tests.topology_actors import Board, Tape, Ticker

if not all(importlib.util.find_spec(name) for name in ("zenoh", "iceoryx2")):
    pytest.skip("the extras net and ipc are not installed", allow_module_level=True)

DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def _own_place(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(folder))


def apart(**nodes: Any) -> Topology:
    """A ticker, a tape and a board, each on a node of its own."""
    kinds = zip(nodes, (Ticker, Tape, Board), strict=True)
    configs: dict[type[Any], Any] = {Ticker: {"count": 2000}}
    return Topology(
        name="hosts",
        nodes=nodes,
        actors={
            kind.__name__.lower(): ActorSpec(actor_class=kind, node=name, config=configs.get(kind))
            for name, kind in kinds
        },
    )


def run_all(topology: Topology) -> tuple[dict[str, Report], dict[str, set[str]]]:
    """Run all nodes to their end; the report of each, and the kinds of links that it opened."""
    resolved = resolve(topology)
    kinds: dict[str, set[str]] = {}
    reports: dict[str, Report] = {}

    def run(name: str) -> None:
        with NodeLinks(resolved, name) as links, JoinedNode(resolved, name, links) as node:
            assert node.wait(DEADLINE_S)
            kinds[name] = set(links.opened)
        reports[name] = node.report()

    threads = [Thread(target=run, args=(name,)) for name in topology.nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert set(reports) == set(topology.nodes)
    return reports, kinds


def check_as_in_one_process(topology: Topology, reports: dict[str, Report]) -> None:
    report = merge_reports(resolve(topology), reports, seconds=1.0)
    with Node(topology) as node:
        assert node.wait(DEADLINE_S)
    together = node.report()
    assert report.ok, report.failures
    assert (report.messages, report.summaries) == (together.messages, together.summaries)


def test_nodes_over_the_network_and_over_shared_memory_are_as_one_process() -> None:
    """Two share memory; the third calls both, as if it were elsewhere."""
    topology = apart(
        feeds={"listen": f"tcp/127.0.0.1:{free_port()}", "talks_to": []},
        desk={"listen": f"tcp/127.0.0.1:{free_port()}"},
        wall={"link": "net", "talks_to": []},
    )
    reports, kinds = run_all(topology)
    check_as_in_one_process(topology, reports)
    assert kinds == {"feeds": {"ipc"}, "desk": {"ipc", "net"}, "wall": {"net"}}


@pytest.fixture
def router() -> Iterator[str]:
    """Where a router of Zenoh listens."""
    import zenoh

    endpoint = f"tcp/127.0.0.1:{free_port()}"
    config = zenoh.Config()
    for key, value in (
        ("mode", '"router"'),
        ("scouting/multicast/enabled", "false"),
        ("transport/shared_memory/enabled", "false"),
        ("listen/endpoints", f'["{endpoint}"]'),
    ):
        config.insert_json5(key, value)
    with zenoh.open(config):
        yield endpoint


def test_nodes_meet_at_a_router_where_they_have_one(router: str) -> None:
    keys = {"link": "net", "routers": [router]}
    topology = apart(feeds=keys, desk=keys, wall=keys)
    reports, kinds = run_all(topology)
    check_as_in_one_process(topology, reports)
    assert set(map(frozenset, kinds.values())) == {frozenset({"net"})}


def test_what_nodes_elsewhere_got_and_gave_is_left_as_it_is() -> None:
    """A launcher of one host has the reports of its nodes only."""
    topology = apart(feeds={"link": "net", "listen": f"tcp/127.0.0.1:{free_port()}"}, desk={}, wall={})
    reports, _ = run_all(topology)
    here = {name: reports[name] for name in ("desk", "wall")}
    report = merge_reports(resolve(topology), here, seconds=1.0, nodes=tuple(here))
    rows = {row.message: (row.sent, row.handled, row.lost) for row in report.messages}
    assert rows == {"Tick": (2000, 2000, 0), "Price": (1001, 1001, 0)}
    assert report.ok
