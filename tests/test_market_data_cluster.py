"""The example topology on four nodes: the same actors and markets, and the same messages, as in one process."""

from __future__ import annotations

import tomllib
from pathlib import Path
from threading import Thread
from typing import Any

from mycelium import resolve
from mycelium.cluster.merging import merge_reports
from mycelium.ledger.report import Report
from mycelium.link.loopback import LoopbackLink
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from mycelium.topology import ResolvedTopology, Topology
from tlv import read_frames

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
ONE, FOUR = CONFIGS / "market_data.toml", CONFIGS / "market_data_cluster.toml"
DEADLINE_S = 120.0


def resolved(file: Path, recording: Path) -> ResolvedTopology:
    settings = ("simulated_venues.messages=1500", "simulated_pools.messages=700", "arbitrage.log_every_s=3600")
    return resolve(Topology.load(file), overrides=(*settings, f"recorder.path={recording}"), strict=True)


def messages_in(recording: Path) -> list[bytes]:
    """Sorted: the order between actors is the threads'."""
    return sorted(bytes(one.as_bytes()) for frame in read_frames(recording.read_bytes()) for one in frame)


def run_apart(topology: ResolvedTopology) -> Report:
    with LoopbackLink() as link:
        nodes = [JoinedNode(topology, name, link) for name in topology.running_nodes]

        def run(node: JoinedNode) -> None:
            with node:
                node.wait()

        threads = [Thread(target=run, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
    return merge_reports(topology, {node.node: node.report() for node in nodes}, seconds=1.0)


def test_both_files_have_the_same_actors_settings_and_markets() -> None:
    one, four = (tomllib.loads(file.read_text()) for file in (ONE, FOUR))
    nodes: dict[str, Any] = four.pop("nodes")
    places = {name: spec.pop("node") for name, spec in four["actors"].items()}
    assert set(places.values()) == set(nodes) == {"feeds", "books", "strategy", "recorder"}
    for document in (one, four):
        del document["topology"]["name"], document["actors"]["recorder"]["config"]["path"]
    assert four == one


def test_four_nodes_report_what_one_process_does_message_for_message(tmp_path: Path) -> None:
    with Node(resolved(ONE, tmp_path / "one.frames")) as node:
        assert node.wait(DEADLINE_S)
    one = node.report()
    four = run_apart(resolved(FOUR, tmp_path / "four.frames"))
    assert one.ok
    assert four.ok
    assert four.messages == one.messages
    assert four.verdict == one.verdict
    assert [(row.actor, row.handled) for row in four.actors] == [(row.actor, row.handled) for row in one.actors]
    assert [(row.actor, row.done, row.total) for row in four.sources] == [
        (row.actor, row.done, row.total) for row in one.sources
    ]
    assert messages_in(tmp_path / "four.frames") == messages_in(tmp_path / "one.frames")
