"""The node at the other end of the contests over streams: ``python -m mycelium.bench.stream_peer DIRECTORY WORK COUNT``.

Two nodes of one topology, joined by shared memory in that directory. ``count`` has the source emit as fast as it
can, and prints the seconds from the first trade that is handled to the last; ``pace`` has it emit
one every millisecond, and prints p50 and p99 of the way to the handler, in seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

from pydantic import Field

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from mycelium.link.ipc import IpcLink
from mycelium.node.joined import JoinedNode
from mycelium.topology import ActorSpec, Topology
from mycelium.topology.node_spec import NodeSpec
from tlv import TLV, u64
from tlv.market_data import TradeTLV

from .asking import quantiles
from .messages import VALUES

__all__ = ["FAR", "NEAR", "run_node"]

NEAR = "near"
FAR = "far"

#: Between two messages that are sent one by one, in seconds.
_PERIOD_S = 0.001


class Mark(TLV, type=1000):
    """Before the first trade, and after the last."""

    number: u64


class StreamConfig(Config, prefix="BENCH_STREAM_"):
    """What a source emits."""

    count: int = Field(1_000, ge=1, description="how many trades")


class Emitting(Source, emits=(Mark, TradeTLV)):
    """Emits as fast as it can."""

    def __init__(self, config: StreamConfig) -> None:
        super().__init__()
        self.count = config.count

    def produce(self) -> Iterator[TLV]:
        """The same trade again and again: to make one is another contest."""
        trade = TradeTLV(*VALUES)
        yield Mark(0)
        for _ in range(self.count):
            yield trade
        yield Mark(1)


class Pacing(Emitting, emits=(Mark, TradeTLV)):
    """Emits one by one, each with the time."""

    def produce(self) -> Iterator[TLV]:
        """At rest between two."""
        price, quantity, _, venue = VALUES
        for _ in range(self.count):
            if self.pause(_PERIOD_S):
                return
            yield TradeTLV(price, quantity, perf_counter_ns(), venue)


class Counting(Actor, receives=(Mark, TradeTLV)):
    """Reads two fields."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.marks: list[float] = []

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """As in the contest over links."""
        self.total += trade.price + trade.quantity

    @handles
    def on_mark(self, mark: Mark) -> None:
        """Note the time."""
        self.marks.append(perf_counter())

    def figures(self) -> tuple[float, ...]:
        """The seconds from the first to the last."""
        return (self.marks[1] - self.marks[0],)


class Timing(Counting, receives=(Mark, TradeTLV)):
    """Notes how long each was on its way: the clock is that of the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Note what it took."""
        self.taken.append((perf_counter_ns() - trade.timestamp) / 1e9)

    def figures(self) -> tuple[float, ...]:
        """p50 and p99."""
        return quantiles(self.taken)


def run_node(name: str, directory: str, work: str, count: int) -> tuple[float, ...]:
    """Run one of the two nodes to its end; what its receiver has to tell."""
    emits, receives = (Emitting, Counting) if work == "count" else (Pacing, Timing)
    topology = Topology(
        name="streams",
        nodes={NEAR: NodeSpec(), FAR: NodeSpec()},
        actors={
            "source": ActorSpec(actor_class=emits, node=NEAR, config=StreamConfig(count=count)),
            "handler": ActorSpec(actor_class=receives, node=FAR),
        },
    )
    with IpcLink(directory=Path(directory)) as link, JoinedNode(topology, name, link) as node:
        receiver: Any = node._actors.get("handler")
        node.wait()
    return receiver.figures() if receiver is not None else ()


if __name__ == "__main__":
    print(*run_node(FAR, sys.argv[1], sys.argv[2], int(sys.argv[3])))  # noqa: T201 - the parent reads it
