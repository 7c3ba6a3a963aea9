"""The feed of books, and of the best prices and trades that a capture holds besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from configs.feeds import BooksFeedConfig
from tlv import TLV
from tlv.market_data import DepthUpdateTLV, QuoteTLV, TradeTLV

from .binance_capture import capture_start, read_captures
from .book_stream import Books
from .csv_rows import csv_start
from .depth_files import read_binance_depth, read_tardis_snapshots, read_tardis_updates
from .feed import Feed
from .formats import BINANCE_CAPTURE, BINANCE_DEPTH, TARDIS_SNAPSHOT, Format
from .reading import Policy, Reading

__all__ = ["BooksFeed"]


class BooksFeed(Feed, emits=(DepthUpdateTLV, QuoteTLV, TradeTLV)):
    """Books from Binance captures and depth files and from Tardis files.

    What one exchange recorded in several files (frames and snapshots) is read side by side.
    """

    feed = "books"

    def __init__(self, config: BooksFeedConfig) -> None:
        super().__init__(config)
        self.gaps = config.gaps
        self.books = Books()

    def policy(self) -> Policy:
        return Policy(on_malformed=self.config.on_malformed, gaps=self.gaps)

    def messages(self, readings: Sequence[Reading]) -> Iterator[TLV]:
        """Each part in turn, in the order in which they begin: the readings come sorted."""
        done: set[Format | None] = set()
        for reading in readings:
            known = reading.file.sniffed.format
            together = [other for other in readings if other.file.sniffed.format is known]
            if known is BINANCE_CAPTURE:
                if known not in done:
                    yield from read_captures(together, self.markets, self.books)
            elif known is BINANCE_DEPTH:
                if known not in done:
                    yield from read_binance_depth(together, self.markets, self.books)
            elif known is TARDIS_SNAPSHOT:
                yield from read_tardis_snapshots(reading, self.markets)
            else:
                yield from read_tardis_updates(reading, self.markets)
            done.add(known)
        self.books.finish()

    def first_time(self, reading: Reading) -> int:
        known = reading.file.sniffed.format
        if known is BINANCE_CAPTURE:
            return capture_start(reading)
        return csv_start(reading)

    def summary(self) -> str:
        books = self.books
        text = f"{books.synchronised} of {len(books.streams)} books with update ids synchronised, gaps: {books.gaps}"
        if books.unmet_snapshots:
            text += f", snapshots that no update joins: {books.unmet_snapshots}"
        return f"{text}\n{super().summary()}"
