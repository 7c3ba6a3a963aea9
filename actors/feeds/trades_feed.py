"""The feed of trades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from configs.feeds import TradesFeedConfig
from tlv.market_data import TradeTLV

from .csv_rows import csv_start
from .feed import Feed
from .reading import Reading
from .trades import read_trades

__all__ = ["TradesFeed"]


class TradesFeed(Feed, emits=(TradeTLV,)):
    """Trades from Binance and Tardis CSV files."""

    feed = "trades"

    def __init__(self, config: TradesFeedConfig) -> None:
        super().__init__(config)
        self.symbol = config.symbol

    def messages(self, readings: Sequence[Reading]) -> Iterator[TradeTLV]:
        for reading in readings:
            for trade in read_trades(reading, self.markets, self.symbol):
                reading.messages += 1
                yield trade

    def first_time(self, reading: Reading) -> int:
        return csv_start(reading)
