"""Contests over the nodes of a topology: how long their start takes, and what one costs that has nothing to do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .contest import Contest, Contestant, Figure
from .footprint import output_of
from .units import LATENCY, SHARE

__all__ = ["AN_IDLE_NODE", "EIGHT_NODES", "OF_A_CORE", "STARTED", "idle_nodes", "starting_nodes"]

TEN_WAITS = "python, ten waits a second"
EIGHT_NODES = "mycelium run, 8 nodes"
AN_IDLE_NODE = "a node of two, shared memory"
STARTED = Figure("to the first message", LATENCY)
OF_A_CORE = Figure("of a core", SHARE)

_RUN = "from mycelium.cli import main\nmain()"

# The least that a process takes which looks ten times a second whether it is still needed.
_WAITS = """
import sys, threading, time
event = threading.Event()
began = time.process_time()
for _ in range(10 * int(sys.argv[1])):
    event.wait(0.1)
print((time.process_time() - began) / int(sys.argv[1]))
"""

_FEED = """\
[topology]
name = "nodes"

[nodes.feed]

[actors.feed]
class = "mycelium.bench.node_actors:Rests"
node = "feed"
[actors.feed.config]
seconds = {seconds}
"""

_RECEIVER = """
[nodes.{name}]

[actors.{name}]
class = "mycelium.bench.node_actors:Arrival"
node = "{name}"
[actors.{name}.config]
path = "{name}.seen"
"""


def starting_nodes() -> Contest:
    """One node feeds seven."""
    return Contest(
        name="start_nodes",
        question="How long does a topology take from its start until every node has its first message?",
        contestants=(
            Contestant(EIGHT_NODES, lambda: lambda count: _started(8, count), ours=True, needs="iceoryx2"),
            Contestant("mycelium run, 2 nodes", lambda: lambda count: _started(2, count), ours=True, needs="iceoryx2"),
        ),
        references=("mycelium run, 2 nodes",),
        figures=(STARTED,),
        count=1,
        rounds=2,
        note="from the start of `mycelium run` to the last of the first messages, over shared memory",
    )


def idle_nodes() -> Contest:
    """Two nodes that are joined, and between which nothing goes."""
    return Contest(
        name="idle",
        question="How much of a core does a node use that has nothing to do?",
        contestants=(
            Contestant(AN_IDLE_NODE, lambda: _rested, ours=True, needs="iceoryx2"),
            Contestant(TEN_WAITS, lambda: _waited),
        ),
        references=(TEN_WAITS,),
        figures=(OF_A_CORE,),
        count=4,
        rounds=1,
        note="the processor time of its process over 4 seconds without a message",
    )


def _started(nodes: int, count: int) -> tuple[float]:
    taken = 0.0
    for _ in range(count):
        began = time.monotonic()
        taken += max(clock for clock, _ in _ran(nodes, 0.0)) - began
    return (taken / count,)


def _rested(count: int) -> tuple[float]:
    (began, used), (ended, used_then) = _ran(2, float(count))
    return ((used_then - used) / (ended - began),)


def _waited(count: int) -> tuple[float]:
    return (float(output_of(_WAITS, str(count))),)


def _ran(nodes: int, seconds: float) -> list[tuple[float, float]]:
    """Run a node that feeds the others; for each message what its receiver wrote down."""
    names = [f"node_{number}" for number in range(1, nodes)]
    with tempfile.TemporaryDirectory(prefix="mycn") as directory:
        topology = Path(directory, "nodes.toml")
        sections = (_RECEIVER.format(name=name) for name in names)
        topology.write_text(_FEED.format(seconds=seconds) + "".join(sections), encoding="utf-8")
        output_of(
            _RUN,
            *("run", str(topology), "--json"),
            directory=directory,
            settings={"MYCELIUM_RUNTIME_DIR": str(Path(directory, "run"))},
        )
        return [line for name in names for line in _lines_of(Path(directory, f"{name}.seen"))]


def _lines_of(seen: Path) -> Iterator[tuple[float, float]]:
    for line in seen.read_text(encoding="utf-8").splitlines():
        clock, used = line.split()
        yield float(clock), float(used)
