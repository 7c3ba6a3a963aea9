"""Finds moments when one market bids more than another asks for the same instrument."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

__all__ = ["Opportunity", "OpportunityScanner"]

_BPS = 10_000


class Opportunity(NamedTuple):
    """Buy at one venue, sell at another; prices in 1e-8 units."""

    buy_venue_id: int
    ask: int
    sell_venue_id: int
    bid: int
    timestamp: int

    @property
    def edge_bps(self) -> float:
        """What the round trip earns, in hundredths of a percent."""
        return (self.bid - self.ask) * _BPS / self.ask


class _Touch(NamedTuple):
    bid: int
    ask: int
    timestamp: int


class OpportunityScanner:
    """Compares the best prices of every market with the others of its instrument.

    An opportunity is reported once, when it opens; it can be reported again after it has closed.
    Prices whose times lie further apart than ``max_age_ns`` are not compared: one of them is old news.
    """

    def __init__(self, *, threshold_bps: float, max_age_ns: int) -> None:
        self._threshold = round(threshold_bps * 100)  # in millionths
        self._max_age_ns = max_age_ns
        self._markets: dict[str, dict[int, _Touch]] = defaultdict(dict)
        self._open: set[tuple[int, int]] = set()

    def update(self, instrument: str, venue_id: int, bid: int, ask: int, timestamp: int) -> list[Opportunity]:
        """Take a market's new best prices (0: no such side); returns the opportunities that this opens."""
        touches = self._markets[instrument]
        touches[venue_id] = _Touch(bid, ask, timestamp)
        opened: list[Opportunity] = []
        for other_id, other in touches.items():
            if other_id == venue_id or abs(timestamp - other.timestamp) > self._max_age_ns:
                continue
            for buy_id, price, sell_id, sale in (
                (venue_id, ask, other_id, other.bid),
                (other_id, other.ask, venue_id, bid),
            ):
                pair = buy_id, sell_id
                if not price or (sale - price) * 1_000_000 < price * self._threshold:
                    self._open.discard(pair)
                elif pair not in self._open:
                    self._open.add(pair)
                    opened.append(Opportunity(buy_id, price, sell_id, sale, timestamp))
        return opened
