"""Wrong programs with actors, configs, errors and topologies: a type checker refuses each marked line, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from mycelium import (
    Actor,
    ActorRef,
    Bounded,
    Config,
    Domain,
    Node,
    Source,
    Supervisor,
    Topology,
    actor_messages,
    handles,
)
from mycelium.testing import run_actor
from tlv import TLV, DeclaredError, FrameWriter, i64, read_frame, u32


@actor_messages(domain=Domain.USER)
class Market:
    class Trade(TLV, type=1000):
        price: i64

    class Bar(TLV, type=1001):
        high: i64
        count: u32 = 0


class TapeConfig(Config, prefix="TAPE_"):
    length: int = Field(default=5, ge=1)
    path: Path = Path("tape")


class LateError(DeclaredError, code="APP-001", text="{actor} came {seconds} s late", next_step="begin sooner"):
    actor: str
    seconds: float


class Tape(Actor, receives=Market.Trade, emits=Market.Bar):
    def __init__(self, config: TapeConfig) -> None:
        super().__init__()
        self.length = config.length
        self.name_of = config.lenght  # type: ignore[attr-defined]
        self.text: str = config.length  # type: ignore[assignment]

    @handles
    def on_trade(self, trade: Market.Trade) -> None:
        self.emit(trade.price)  # type: ignore[arg-type]
        self.emit("bar")  # type: ignore[arg-type]
        self.emit(Market.Bar(high=trade.prize))  # type: ignore[attr-defined]
        self.emit(Market.Bar(high="7"))  # type: ignore[arg-type]
        self.emit(Market.Bar())  # type: ignore[call-arg]
        self.emit(Market.Bar(trade.price, 1, 2))  # type: ignore[call-arg]
        trade.price = 5  # type: ignore[misc]
        self.emitt(Market.Bar(high=1))  # type: ignore[attr-defined]


class Feed(Source, emits=Market.Trade):
    def produce(self) -> Iterator[TLV]:
        yield 5  # type: ignore[misc]
        yield Market.Trade(price=1.5)  # type: ignore[arg-type]


def references(ref: ActorRef[Tape], node: Node) -> None:
    ref.ask(Market.Trade(price=1), timeout="soon")  # type: ignore[call-overload]
    ref.stop(now=1.5)  # type: ignore[call-overload]
    wrong: str = ref.is_alive()  # type: ignore[assignment]
    node.wait("long")  # type: ignore[arg-type]
    report = node.report()
    report.verdikt  # type: ignore[attr-defined]
    del wrong


def declarations() -> None:
    LateError(actor="tape")  # type: ignore[call-arg]
    LateError(actor="tape", seconds="5")  # type: ignore[arg-type]
    LateError(actor="tape", seconds=5.0, minutes=1)  # type: ignore[call-arg]
    Bounded(capacity="many")  # type: ignore[arg-type]
    Supervisor(strategy="everybody", limit="three")  # type: ignore[arg-type]
    Topology(actors={"tape": Tape})  # type: ignore[call-arg]
    Topology(name="t", actors=[Tape])  # type: ignore[arg-type]
    run_actor("tape", [])  # type: ignore[arg-type]


def frames(writer: FrameWriter) -> None:
    writer.append(b"bytes")  # type: ignore[arg-type]
    writer.emplace("Trade", price=1)  # type: ignore[arg-type]
    read_frame("text")  # type: ignore[arg-type]
    Market.Trade.ref_from("text")  # type: ignore[arg-type]
    Market.Trade.from_bytes(b"")  # type: ignore[attr-defined]
