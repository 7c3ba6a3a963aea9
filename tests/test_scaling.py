"""The bench of nodes: its topologies can run, and what it reckons is what its figures say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches.scaling import BATCHES, PAGE, RECEIVERS, Cost, FrameCost, Watched, cost_of, page, reckoned, topology
from benches.scaling_actors import BLOBS
from mycelium import Topology, resolve

ROOT = Path(__file__).resolve().parent.parent


def watched(receivers: int) -> Watched:
    """As if every copy cost a microsecond at either end."""
    return Watched(
        sent=200_000.0 * receivers,
        delivered=200_000.0 * receivers,
        source_cores=0.2 * receivers,
        receiver_cores=0.2,
        source_mb=50.0 + receivers,
        receiver_mb=51.0,
        source_threads=5 + 2 * receivers,
        shared_mb=4.0 * receivers,
    )


FAN_OUT = {receivers: watched(receivers) for receivers in RECEIVERS}
MESSAGE_S = {1: 50e-6, 10: 6e-6, 100: 1e-6, 1_000: 5e-7}


@pytest.mark.parametrize("size", [0, *BLOBS])
def test_its_topologies_can_run(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "scaling.toml"
    file.write_text(topology(2, size=size))
    resolved = resolve(Topology.load(file))
    assert resolved.running_nodes == ("source", "n0", "n1")
    sent = {edge.message for edge in resolved.plan.edges}
    assert {kind.layout.size for kind in sent} >= {size or 32}


def test_what_a_hundred_hosts_need_follows_from_the_figures() -> None:
    cost = cost_of(FAN_OUT, watched(1), MESSAGE_S)
    assert cost == Cost(MESSAGE_S, node_mb=51.0, peer_mb=1.0, peer_threads=2.0, peer_shared_mb=4.0)
    rows = {what: (how, amount) for what, how, amount in reckoned(cost)}
    assert rows["each message to all, in a frame of its own"] == ("1,000 x 99 x 50.00 us", "4.950 cores")
    assert rows["each message to one, by its key, in a frame of its own"][1] == "0.050 cores"
    assert rows["threads of a node that meets all"] == ("99 x 2.0", "198")
    assert rows["its memory"] == ("51 MB + 99 x 1.00 MB", "150 MB")
    assert rows["connections, each to each"][1] == "4,950"


def test_the_page_has_the_tables_that_the_bench_writes() -> None:
    costs = {batch: FrameCost(2 * each_s, each_s) for batch, each_s in MESSAGE_S.items()}
    batches = {"ipc": costs, "net": costs}
    made = page(FAN_OUT, {32: watched(1)}, watched(1), batches, 0.5)
    there = PAGE.written(ROOT / "docs" / "scaling.md")
    heads = [line for line in made.splitlines() if line.startswith(("### ", "|---"))]
    assert heads == [line for line in there.splitlines() if line.startswith(("### ", "|---"))]
    assert "| 7 | 200,000 | 1,400,000 | 1.40 | 0.20 | 1.00 | 1.00 | 19 | 57 MB | 28 MB |" in made
    assert "| 10 | 12.00 | 6.00 | 12.00 | 6.00 |" in made
    assert "| each message to all, 10 in a frame | 1,000 x 99 x 6.00 us | 0.594 cores |" in made
    assert set(BATCHES) == set(MESSAGE_S)
