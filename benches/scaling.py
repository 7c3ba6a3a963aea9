"""What nodes cost: against their number, the size of messages, how many go into a frame, and the fan-out.

``python -m benches.scaling --into docs/scaling.md`` measures for most of a minute on this machine and renews the tables of that page.
Nodes are real ones: `mycelium run` of topologies that are made here, looked at from outside, as `mycelium top` does it.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from benches.scaling_actors import BLOBS
from mycelium.bench.link_peer import FORTH, open_link
from mycelium.bench.machine import this_machine
from mycelium.bench.messages import VALUES
from mycelium.cli.page import Page
from mycelium.errors.observing import ObservingError
from mycelium.observing.places import VARIABLE
from mycelium.observing.together import Together, TopologyLook, attach_all
from tlv import FrameWriter
from tlv.market_data import TradeTLV

__all__ = ["PAGE", "Cost", "Watched", "reckoned", "topology"]

ROOT = Path(__file__).resolve().parent.parent
PAGE = Page("scaling: written by `python -m benches.scaling --into`", "end of the scaling")

RECEIVERS = (1, 3, 7)
#: Messages of a frame, and how many are sent in all.
BATCHES = {1: 20_000, 10: 200_000, 100: 1_000_000, 1_000: 2_000_000}
#: Of links.
KINDS = {"ipc": "shared memory", "net": "TCP"}
WATCH_S = 1.5
SETTLE_S = 0.5
PATIENCE_S = 60.0
HOSTS = 100
#: Messages that each host sends in a second, and whom it sends to where that is not all, in what is reckoned.
RATE = 1_000
FEW = 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Watched:
    """What nodes did while they were watched: a second of it.

    ``sent`` counts copies: what goes to three nodes counts three times. Processor time is in cores, memory in MB.
    """

    sent: float
    delivered: float
    source_cores: float
    receiver_cores: float
    source_mb: float
    receiver_mb: float
    source_threads: int
    shared_mb: float


@dataclass(frozen=True, slots=True)
class FrameCost:
    """Seconds that a message takes over a bare link: by the clock, and of a core at the sender."""

    passed_s: float
    sender_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What is reckoned with: seconds of a core for a message over the network, by how many are in a frame, and what a peer takes."""

    message_s: dict[int, float]
    node_mb: float
    peer_mb: float
    peer_threads: float
    peer_shared_mb: float


def topology(receivers: int, *, size: int = 0, idle: bool = False) -> str:
    """A source on one node, and receivers on as many others."""
    kind = "Blobs" if size else "Trades"
    config = f"{{ size = {size}, idle = {str(idle).lower()} }}"
    parts = ['[topology]\nname = "scaling"\nslow_handler_ms = 0\nmemory_mb = 100_000', "[nodes.source]"]
    parts += [f'[actors.source]\nclass = "benches.scaling_actors:Flood"\nnode = "source"\nconfig = {config}']
    for number in range(receivers):
        parts += [f"[nodes.n{number}]"]
        parts += [f'[actors.r{number}]\nclass = "benches.scaling_actors:{kind}"\nnode = "n{number}"']
    return "\n".join(parts) + "\n"


def watched(receivers: int, *, size: int = 0, idle: bool = False) -> Watched:
    """Run such a topology, and look at it for a while."""
    with TemporaryDirectory(prefix="scl") as place:
        file = Path(place, "scaling.toml")
        file.write_text(topology(receivers, size=size, idle=idle))
        os.environ[VARIABLE] = f"{place}/run"
        command = [sys.executable, "-m", "mycelium", "run", str(file), "--quiet", "--log-level", "error"]
        silent = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=ROOT, stdout=silent, stderr=silent) as launcher:  # noqa: S603 - this interpreter
            try:
                with attach_all("scaling") as nodes:
                    _await(nodes, receivers + 1, idle=idle)
                    Event().wait(SETTLE_S)
                    return _between(*_two_looks(nodes))
            finally:
                for _ in range(2):  # at once
                    launcher.send_signal(signal.SIGTERM)
                    Event().wait(0.15)
                launcher.wait(PATIENCE_S)


def _await(nodes: Together, count: int, *, idle: bool) -> None:
    """Until all nodes run, and something has come to each."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            look = nodes.look()
        except ObservingError:
            look = TopologyLook("", ())
        actors = [actor for one in look.seen.values() for actor in one.actors if re.fullmatch(r"r\d+", actor.name)]
        running = len(look.seen) == count and all(node.state == "running" for node in look.nodes)
        if running and (idle or all(actor.handled for actor in actors)):
            return
        Event().wait(0.05)
    sys.exit("the nodes did not come to work in time")


def _two_looks(nodes: Together) -> tuple[tuple[TopologyLook, dict[str, float], float], ...]:
    looks = []
    for last in (False, True):
        look = nodes.look()
        looks.append((look, {name: _processor_s(one.node.pid) for name, one in look.seen.items()}, time.monotonic()))
        if not last:
            Event().wait(WATCH_S)
    return tuple(looks)


def _between(
    first: tuple[TopologyLook, dict[str, float], float], second: tuple[TopologyLook, dict[str, float], float]
) -> Watched:
    (before, processor_before, then), (after, processor, now) = first, second
    passed = now - then
    cores = {name: (processor[name] - processor_before[name]) / passed for name in processor}
    others = [name for name in cores if name != "source"]
    mb = {name: one.node.resident_bytes / 1e6 for name, one in after.seen.items()}

    def rate(*, is_sent: bool) -> float:
        counts = [
            sum(stream.count for one in look.seen.values() for stream in one.streams if stream.is_sent == is_sent)
            for look in (before, after)
        ]
        return (counts[1] - counts[0]) / passed

    pids = {name: one.node.pid for name, one in after.seen.items()}
    return Watched(
        sent=rate(is_sent=True),
        delivered=rate(is_sent=False),
        source_cores=cores["source"],
        receiver_cores=sum(cores[name] for name in others) / len(others),
        source_mb=mb["source"],
        receiver_mb=sum(mb[name] for name in others) / len(others),
        source_threads=len(list(Path(f"/proc/{pids['source']}/task").iterdir())),
        shared_mb=sum(_shared_mb(pid) for pid in pids.values()),
    )


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _shared_mb(pid: int) -> float:
    """Its part of the shared memory that it looks at."""
    found = re.search(r"^Pss_Shmem: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def frame_cost(kind: str, batch: int, count: int) -> FrameCost:
    """What a message costs over a bare link from one process to another, in frames of ``batch``."""
    with _place(kind) as place, open_link(kind, place, first=True) as link:
        command = [sys.executable, "-m", "mycelium.bench.link_peer", kind, "count", place, str(count)]
        with (
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as peer,  # noqa: S603
            link.sender(FORTH) as sender,
        ):
            assert peer.stdout is not None
            sender.wait_connected(PATIENCE_S)
            peer.stdout.readline()
            writer = FrameWriter(checksum=False)
            for _ in range(batch):
                writer.append(TradeTLV(*VALUES))
            frame = writer.finish()
            began = time.process_time()
            for _ in range(count // batch):
                sender.send(frame, timeout=PATIENCE_S)
            passed = float(peer.stdout.readline())
            return FrameCost(passed / count, (time.process_time() - began) / count)


@contextmanager
def _place(kind: str) -> Iterator[str]:
    if kind == "net":
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        yield f"tcp/127.0.0.1:{port}"
        return
    with TemporaryDirectory(prefix="scl") as directory:
        yield directory


def cost_of(fan_out: dict[int, Watched], idle: Watched, message_s: dict[int, float]) -> Cost:
    """What a peer costs, from the smallest fan-out to the largest."""
    few, many = min(fan_out), max(fan_out)
    peers = many - few
    return Cost(
        message_s=message_s,
        node_mb=idle.receiver_mb,
        peer_mb=max(0.0, (fan_out[many].source_mb - fan_out[few].source_mb) / peers),
        peer_threads=(fan_out[many].source_threads - fan_out[few].source_threads) / peers,
        peer_shared_mb=fan_out[many].shared_mb / many,
    )


def reckoned(cost: Cost, hosts: int = HOSTS, rate: int = RATE) -> list[tuple[str, str, str]]:
    """What so many hosts need, a node on each that sends ``rate`` messages a second: what, how it is reckoned, what it comes to."""
    peers = hosts - 1

    def cores(receivers: int, batch: int) -> tuple[str, str]:
        each_s = cost.message_s[batch]
        return f"{rate:,} x {receivers} x {each_s * 1e6:.2f} us", f"{rate * receivers * each_s:.3f} cores"

    threads, memory = peers * cost.peer_threads, cost.node_mb + peers * cost.peer_mb
    return [
        ("each message to all, in a frame of its own", *cores(peers, 1)),
        ("each message to all, 10 in a frame", *cores(peers, 10)),
        ("each message to all, 100 in a frame", *cores(peers, 100)),
        (f"each message to {FEW}, in a frame of its own", *cores(FEW, 1)),
        ("each message to one, by its key, in a frame of its own", *cores(1, 1)),
        ("the same, 10 in a frame", *cores(1, 10)),
        ("threads of a node that meets all", f"{peers} x {cost.peer_threads:.1f}", f"{threads:,.0f}"),
        ("its memory", f"{cost.node_mb:.0f} MB + {peers} x {cost.peer_mb:.2f} MB", f"{memory:,.0f} MB"),
        (f"threads of one that meets {FEW}", f"{FEW} x {cost.peer_threads:.1f}", f"{FEW * cost.peer_threads:,.0f}"),
        ("connections, each to each", f"{hosts} x {peers} / 2", f"{hosts * peers // 2:,}"),
        ("connections, where all call a router", f"{hosts}", f"{hosts:,}"),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """As Markdown: the first column to the left, numbers to the right."""
    line = "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"
    return [f"| {' | '.join(head)} |", line, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _both_us(cost: FrameCost) -> tuple[float, float]:
    return cost.passed_s * 1e6, cost.sender_s * 1e6


def page(
    fan_out: dict[int, Watched],
    sizes: dict[int, Watched],
    idle: Watched,
    batches: dict[str, dict[int, FrameCost]],
    load: float,
) -> str:
    """What stands between the marks of the page."""
    takes = [f"{100 * cores:.1f} %" for cores in (idle.source_cores, idle.receiver_cores)]
    resting = f"While nothing is sent, a node with {max(fan_out)} peers takes {takes[0]} of a core, one with one peer {takes[1]}."
    lines = [f"Measured by `python -m benches.scaling` on {this_machine().line}; load before it {load:.1f}.", ""]
    lines += ["### Nodes and fan-out", ""]
    lines += _table(
        ["nodes that receive", "messages/s", "copies/s", "cores of the sender", "of a receiver", "us a copy, sender", "us a copy, receiver", "threads of the sender", "its memory", "shared memory, all"],
        [
            [str(count), f"{one.sent / count:,.0f}", f"{one.sent:,.0f}", f"{one.source_cores:.2f}", f"{one.receiver_cores:.2f}",
             f"{one.source_cores / one.sent * 1e6:.2f}", f"{one.receiver_cores * count / one.delivered * 1e6:.2f}",
             str(one.source_threads), f"{one.source_mb:.0f} MB", f"{one.shared_mb:.0f} MB"]
            for count, one in fan_out.items()
        ],
    )  # fmt: skip
    lines += [
        resting,
        "",
        "### Size of a message",
        "",
    ]
    lines += _table(
        ["bytes", "messages/s", "MB/s", "us of a core, sender", "us of a core, receiver"],
        [
            [f"{size:,}", f"{one.delivered:,.0f}", f"{one.delivered * size / 1e6:,.0f}",
             f"{one.source_cores / one.sent * 1e6:.2f}", f"{one.receiver_cores / one.delivered * 1e6:.2f}"]
            for size, one in sizes.items()
        ],
    )  # fmt: skip
    lines += [
        "### Messages in a frame",
        "",
        "Over a bare link, into a handler that reads two fields of a trade, us a message: by the clock, and of a core of the sender:",
        "",
    ]
    lines += _table(
        ["messages in a frame", *(f"{name}, {of}" for name in KINDS.values() for of in ("clock", "sender"))],
        [
            [f"{batch:,}", *(f"{us:.2f}" for kind in KINDS for us in _both_us(batches[kind][batch]))]
            for batch in BATCHES
        ],
    )
    cost = cost_of(fan_out, idle, {batch: one.sender_s for batch, one in batches["net"].items()})
    lines += [f"### A hundred hosts, a node on each, {RATE:,} messages a second from each", ""]
    lines += ["| what | how | comes to |", "|---|---|---:|", *(f"| {' | '.join(row)} |" for row in reckoned(cost))]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print or renew the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, metavar="FILE", help="renew the tables of this page")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    began = time.monotonic()
    fan_out = {count: watched(count) for count in RECEIVERS}
    idle = watched(max(RECEIVERS), idle=True)
    sizes = {32: fan_out[1]} | {size: watched(1, size=size) for size in BLOBS}
    batches = {
        kind: {batch: frame_cost(kind, batch, count // (1 if kind == "ipc" else 4)) for batch, count in BATCHES.items()}
        for kind in KINDS
    }
    text = page(fan_out, sizes, idle, batches, load)
    if given.into is None:
        print(text)
    else:
        PAGE.renew(given.into, text)
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
