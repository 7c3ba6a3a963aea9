"""The feed of quotes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from configs.feeds import QuotesFeedConfig
from tlv.market_data import QuoteTLV

from .csv_rows import csv_start
from .feed import Feed
from .quotes import read_quotes
from .reading import Reading

__all__ = ["QuotesFeed"]


class QuotesFeed(Feed, emits=(QuoteTLV,)):
    """Best bids and asks from Binance, Tardis and TrueFX CSV files."""

    feed = "quotes"

    def __init__(self, config: QuotesFeedConfig) -> None:
        super().__init__(config)
        self.symbol = config.symbol

    def messages(self, readings: Sequence[Reading]) -> Iterator[QuoteTLV]:
        for reading in readings:
            for quote in read_quotes(reading, self.markets, self.symbol):
                reading.messages += 1
                yield quote

    def first_time(self, reading: Reading) -> int:
        return csv_start(reading)
