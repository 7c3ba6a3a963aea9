"""One market of a simulated exchange: a book that follows a price, quotes and trades."""

from __future__ import annotations

import random

from actors.simulator.hidden_walk import jitter
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderLevel, QuoteTLV, TradeTLV

__all__ = ["SimulatedMarket"]

_LEVELS = 20


class SimulatedMarket:
    """Levels one tick apart around a centre; the touch is one tick from it.

    Quotes tell each change of the touch at once, as Binance's bookTicker does. Changed levels are
    gathered and told as one depth update with consecutive ids, as its depth stream does.
    """

    def __init__(self, venue_id: int, price: int, generator: random.Random) -> None:
        self._venue_id = venue_id
        self._bits = generator.getrandbits
        self._random = generator
        self._tick: int = 10 ** (len(str(price // 20_000)) - 1)  # a fifth to two basis points of the price
        self._lot: int = 10 ** max(0, 17 - len(str(price)))  # worth some dollars to some tens of them
        self._noise = 0  # how far this venue strays from the fair price, in 1e-7 of it
        self._centre = price // self._tick
        self._quoted = 0  # the centre at the last quote
        self._bids = {self._centre - i: self._size() for i in range(1, _LEVELS + 1)}  # by ticks
        self._asks = {self._centre + i: self._size() for i in range(1, _LEVELS + 1)}
        self._changed_bids: dict[int, int] = {}
        self._changed_asks: dict[int, int] = {}
        self._update_id = generator.getrandbits(32)

    def snapshot(self, timestamp: int) -> DepthUpdateTLV:
        """All levels; what has changed and was not told yet is in them."""
        self._changed_bids.clear()
        self._changed_asks.clear()
        return DepthUpdateTLV(
            self._update_id,
            self._update_id,
            timestamp,
            self._venue_id,
            DepthKind.SNAPSHOT,
            self._levels(self._bids),
            self._levels(self._asks),
        )

    def follow(self, fair_price: int) -> None:
        """Move the book to the fair price and this venue's own noise, which fades."""
        self._noise += 150 * jitter(self._random) - self._noise // 32
        centre = fair_price * (10_000_000 + self._noise) // (10_000_000 * self._tick)
        if centre != self._centre:
            self._centre = centre
            self._shift(self._bids, self._changed_bids, range(centre - _LEVELS, centre))
            self._shift(self._asks, self._changed_asks, range(centre + 1, centre + _LEVELS + 1))

    def event(self, timestamp: int) -> QuoteTLV | TradeTLV:
        """A quote where the touch has moved since the last one, else a quote or a trade."""
        if self._quoted != self._centre or self._bits(1):
            return self._quote(timestamp)
        return self._trade(timestamp)

    def depth_update(self, timestamp: int) -> DepthUpdateTLV | None:
        """What has changed since the last time; ``None`` where nothing has."""
        changes = len(self._changed_bids) + len(self._changed_asks)
        if not changes:
            return None
        first_update_id = self._update_id + 1
        self._update_id += changes
        update = DepthUpdateTLV(
            first_update_id,
            self._update_id,
            timestamp,
            self._venue_id,
            DepthKind.UPDATE,
            self._levels(self._changed_bids),
            self._levels(self._changed_asks),
        )
        self._changed_bids.clear()
        self._changed_asks.clear()
        return update

    def _quote(self, timestamp: int) -> QuoteTLV:
        """One side of the touch changes its size; tell both."""
        self._quoted = self._centre
        bid, ask = self._centre - 1, self._centre + 1
        size = self._size()
        if size & 1:
            self._bids[bid] = self._changed_bids[bid] = size
        else:
            self._asks[ask] = self._changed_asks[ask] = size
        return QuoteTLV(bid * self._tick, self._bids[bid], ask * self._tick, self._asks[ask], timestamp, self._venue_id)

    def _trade(self, timestamp: int) -> TradeTLV:
        """Somebody buys at the ask or sells at the bid."""
        quantity = self._size()
        if self._bits(1):
            return TradeTLV((self._centre + 1) * self._tick, quantity, timestamp, self._venue_id)
        return TradeTLV((self._centre - 1) * self._tick, -quantity, timestamp, self._venue_id)

    def _size(self) -> int:
        return (self._bits(10) + 1) * self._lot

    def _levels(self, side: dict[int, int]) -> list[OrderLevel]:
        tick = self._tick
        return [OrderLevel(ticks * tick, size) for ticks, size in side.items()]

    def _shift(self, side: dict[int, int], changed: dict[int, int], wanted: range) -> None:
        for ticks in [ticks for ticks in side if ticks not in wanted]:
            del side[ticks]
            changed[ticks] = 0
        for ticks in wanted:
            if ticks not in side:
                side[ticks] = changed[ticks] = self._size()
