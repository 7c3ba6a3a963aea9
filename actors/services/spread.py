"""The spread of every market, from its quotes and from its book."""

from __future__ import annotations

from actors.services.touch import SpreadTracker
from mycelium import Actor, handles
from tlv.market_data import OrderBookTLV, QuoteTLV, SpreadUpdateTLV

__all__ = ["Spread"]


class Spread(Actor, receives=(QuoteTLV, OrderBookTLV), emits=SpreadUpdateTLV):
    """Quotes and books of one market come by different ways, so each is compared with its own past."""

    def __init__(self) -> None:
        super().__init__()
        self.quotes = SpreadTracker()
        self.books = SpreadTracker()

    @handles
    def on_quote(self, quote: QuoteTLV) -> None:
        width = self.quotes.update(quote.venue_id, quote.bid_price, quote.ask_price)
        if width:
            self.emit(SpreadUpdateTLV(*width, quote.timestamp, quote.venue_id))

    @handles
    def on_book(self, book: OrderBookTLV) -> None:
        if book.bids and book.asks:
            width = self.books.update(book.venue_id, book.bids[0].price, book.asks[0].price)
            if width:
                self.emit(SpreadUpdateTLV(*width, book.timestamp, book.venue_id))
