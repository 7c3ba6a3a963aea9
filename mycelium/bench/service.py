"""A small service, for the footprint: a source, an actor that works, one that receives what that emits."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from tlv import TLV
from tlv.market_data import PriceUpdateTLV, TradeTLV

__all__ = ["TOPOLOGY", "Feed", "FeedConfig", "Sink", "Tape"]

TOPOLOGY = """\
[topology]
name = "footprint"

[actors.feed]
class = "mycelium.bench.service:Feed"
[actors.feed.config]
trades = {trades}

[actors.tape]
class = "mycelium.bench.service:Tape"

[actors.sink]
class = "mycelium.bench.service:Sink"
"""


class FeedConfig(Config, prefix="MYCELIUM_BENCH_FEED_"):
    """Settings of the feed."""

    trades: int = Field(100_000, ge=1, description="how many trades it makes")


class Feed(Source, emits=TradeTLV):
    """Makes trades."""

    def __init__(self, config: FeedConfig) -> None:
        super().__init__()
        self.config = config

    def produce(self) -> Iterator[TLV]:
        """Make them."""
        price, quantity, timestamp, venue_id = 3_943_248_000_000, -12_500_000, 1_700_000_000_123_456_789, 101
        self.progress.total = self.config.trades
        for number in range(self.config.trades):
            yield TradeTLV(price + number % 7, quantity, timestamp + number, venue_id)
            self.progress.done += 1


class Tape(Actor, receives=TradeTLV, emits=PriceUpdateTLV):
    """Emits a price when it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.price = 0

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        """Compare with the last one."""
        price = trade.price
        if price != self.price:
            self.price = price
            self.emit(PriceUpdateTLV(price, price, trade.timestamp, trade.venue_id))


class Sink(Actor, receives=PriceUpdateTLV):
    """Keeps the last price."""

    def __init__(self) -> None:
        super().__init__()
        self.price = 0

    @handles
    def on_price(self, update: PriceUpdateTLV) -> None:
        """Keep it."""
        self.price = update.price
