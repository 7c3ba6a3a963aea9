"""Declare messages, write actors on them, and run these by hand and as a topology.

Run it: ``python examples/actor_messages.py``
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pykka
from pydantic import Field

from mycelium import (
    Actor,
    ActorSpec,
    Batch,
    Config,
    Domain,
    Node,
    Source,
    Topology,
    actor_messages,
    handles,
    message_set,
)
from mycelium.errors import ActorError, MessageSetError
from tlv import TLV, i64, pad, padding, u32


@actor_messages(domain=Domain.USER)
class Market:
    """All that travels between the actors below; each class is also a layout, a wire format and a route."""

    class Trade(TLV, type=1000):
        """A trade."""

        price: i64
        quantity: i64

    class Bar(TLV, type=1001):
        """What happened in some trades."""

        high: i64
        low: i64
        volume: i64
        trades: u32
        _padding: pad[4] = padding()

    class Question(TLV, type=1002):
        """Asks for the bar that is not complete yet."""


class BarsConfig(Config, prefix="BARS_"):
    """How long a bar is."""

    trades: int = Field(100, ge=1, description="trades in a bar")


class Bars(Actor, receives=(Market.Trade, Market.Question), emits=Market.Bar):
    """Makes bars of trades; it keeps its state to itself, so it needs no lock."""

    def __init__(self, config: BarsConfig) -> None:
        super().__init__()
        self.config = config
        self.trades: list[Market.Trade] = []

    @handles
    def on_trade(self, trade: Market.Trade) -> None:
        """Runs for each trade; the annotation says so."""
        self.trades.append(trade)
        if len(self.trades) == self.config.trades:
            self._emit_bar()

    @handles
    def on_question(self, question: Market.Question) -> Market.Bar:
        """What a handler returns is the answer to an ask."""
        return self._bar()

    def on_stop(self) -> None:
        """Still delivered: a topology stops those who send before those who receive."""
        if self.trades:
            self._emit_bar()

    def _bar(self) -> Market.Bar:
        prices = [trade.price for trade in self.trades]
        return Market.Bar(max(prices), min(prices), sum(trade.quantity for trade in self.trades), len(prices))

    def _emit_bar(self) -> None:
        self.emit(self._bar())
        self.trades.clear()


class Exchange(Source, emits=Market.Trade):
    """Makes trades, no faster than they are handled."""

    def produce(self) -> Iterator[TLV]:
        """The framework emits what this yields."""
        random = Random(1)  # noqa: S311 - the same trades in every run
        self.progress.total = 10_050
        for _ in range(10_050):
            yield Market.Trade(price=random.randint(9_900, 10_100), quantity=random.randint(1, 9))
            self.progress.done += 1


class Board(Actor, receives=Market.Bar):
    """Gets its bars in batches: as many as wait, up to 1024."""

    volume = 0

    @handles(batch=True)
    def on_bars(self, bars: Batch[Market.Bar]) -> None:
        """A batch is a sequence; with NumPy installed it also has columns."""
        self.volume += sum(bar.volume for bar in bars)

    def summary(self) -> str:
        """Goes into the report."""
        return f"volume {self.volume:,}"


def show_set() -> None:
    """A message set is closed, and knows its layouts."""
    declared = message_set(Market)
    print(f"{declared}, digest {declared.digest[:16]}")
    try:

        class Forgetful(Actor, receives=Market):
            @handles
            def on_trade(self, trade: Market.Trade) -> None: ...

    except MessageSetError as error:
        print(error)


def show_by_hand() -> None:
    """One actor without a topology: start, tell, ask, stop, as in pykka."""
    ref = Bars.start(BarsConfig(trades=3))
    ref.tell(Market.Trade(price=100, quantity=5))
    ref.tell(Market.Trade(price=98, quantity=2))
    print(ref.ask(Market.Question(), timeout=5))
    print(f"waiting trades, through a pykka proxy: {len(ref.proxy().trades.get(timeout=5))}")
    ref.tell(Market.Trade(price=99, quantity=1))
    try:
        ref.ask(Market.Question(), timeout=5)
    except ValueError as error:
        print(f"the handler's own error: {error}; {error.__notes__[0]}")
    ref.stop()
    try:
        ref.tell(Market.Trade(price=100, quantity=5))
    except pykka.ActorDeadError as error:
        print(f"{error} (it is also an ActorError: {isinstance(error, ActorError)})")


def show_topology() -> None:
    """Nobody is wired by hand: what one class emits goes to all whose classes receive it."""
    topology = Topology(
        name="bars",
        actors={"exchange": Exchange, "bars": ActorSpec(actor_class=Bars, config={"trades": 100}), "board": Board},
    )
    with Node(topology) as node:
        node.wait()
    report = node.report()
    for row in report.messages:
        print(f"{row.message:<9}{row.sent:>7,} sent {row.handled:>7,} handled {row.dead_lettered:>3,} dead letters")
    print(f"board: {report.summaries['board']}")
    print(report.verdict)
    report.check()


def main() -> None:
    """Show each in turn."""
    show_set()
    show_by_hand()
    show_topology()


if __name__ == "__main__":
    main()
