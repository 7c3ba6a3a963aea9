"""Builds the order book of every market and publishes its best levels after each update."""

from __future__ import annotations

from collections import Counter, defaultdict

from actors.services.order_book import OrderBook, Outcome
from actors.services.wording import count_text, venue_text
from configs.services import BookBuilderConfig
from mycelium import Actor, handles
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderBookTLV

__all__ = ["BookBuilder"]


class BookBuilder(Actor, receives=DepthUpdateTLV, emits=OrderBookTLV):
    """A gap or a crossed book is logged and counted, and such a book is not published.

    A book that stays crossed is logged once, when it becomes so.
    """

    def __init__(self, config: BookBuilderConfig) -> None:
        super().__init__()
        self.levels = config.levels
        self.books: dict[int, OrderBook] = defaultdict(OrderBook)
        self.outcomes: Counter[Outcome] = Counter()
        self.crossed = 0
        self._crossed_now: set[int] = set()

    @handles
    def on_depth(self, depth: DepthUpdateTLV) -> None:
        book = self.books[depth.venue_id]
        if depth.kind == DepthKind.SNAPSHOT:
            book.apply_snapshot(depth.last_update_id, depth.bids, depth.asks)
            outcome = Outcome.APPLIED
        else:
            held = book.last_update_id
            outcome = book.apply_update(depth.first_update_id, depth.last_update_id, depth.bids, depth.asks)
            if outcome is Outcome.GAP:
                self.log.warning(
                    "gap in the updates of a book, it waits for a snapshot",
                    venue=venue_text(self.venues, depth.venue_id),
                    held=held,
                    got=depth.first_update_id,
                )
        self.outcomes[outcome] += 1
        if outcome is Outcome.APPLIED:
            self._publish(book, depth)

    def _publish(self, book: OrderBook, depth: DepthUpdateTLV) -> None:
        if book.crossed:
            self.crossed += 1
            if depth.venue_id not in self._crossed_now:
                self._crossed_now.add(depth.venue_id)
                self.log.warning(
                    "crossed book",
                    venue=venue_text(self.venues, depth.venue_id),
                    bid=book.bids.best(),
                    ask=book.asks.best(),
                )
        else:
            self._crossed_now.discard(depth.venue_id)
            self.emit(OrderBookTLV(depth.last_update_id, depth.timestamp, depth.venue_id, *book.top(self.levels)))

    def summary(self) -> str:
        told = ", ".join(f"{self.outcomes[outcome]:,} {outcome.value}" for outcome in Outcome)
        return f"{count_text(len(self.books), 'book')}; updates: {told}; {self.crossed} crossed"
