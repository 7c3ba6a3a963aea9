"""Watches the same instrument on every market and logs when one bids more than another asks."""

from __future__ import annotations

import time

from actors.services.opportunities import Opportunity, OpportunityScanner
from actors.services.pool_price import PoolPrice
from actors.services.wording import count_text, decimal_text, venue_text
from configs.services import ArbitrageConfig
from mycelium import Actor, handles
from tlv.market_data import PoolSwapTLV, PoolSyncTLV, QuoteTLV

__all__ = ["Arbitrage"]

_BPS = 10_000


class Arbitrage(Actor, receives=(QuoteTLV, PoolSwapTLV, PoolSyncTLV)):
    """Emits nothing: opportunities are logged, at a limited rate, and counted.

    Markets are the same instrument where the venue table gives them the same symbol. A pool buys
    and sells at its price less and plus its fee.
    """

    def __init__(self, config: ArbitrageConfig) -> None:
        super().__init__()
        self.v2_fee_bps = config.v2_fee_bps
        self.v3_fee_bps = config.v3_fee_bps
        self.log_every_s = config.log_every_s
        self.scanner = OpportunityScanner(
            threshold_bps=config.threshold_bps, max_age_ns=round(config.max_age_s * 1_000_000_000)
        )
        self.symbols = {venue.id: venue.symbol for venue in self.venues if venue.symbol}
        self.pools = {venue.id: price for venue in self.venues if (price := PoolPrice.of(venue))}
        self.count = 0
        self.best: Opportunity | None = None
        self._logged_at: dict[str, float] = {}

    @handles
    def on_quote(self, quote: QuoteTLV) -> None:
        self._watch(quote.venue_id, quote.bid_price, quote.ask_price, quote.timestamp)

    @handles
    def on_sync(self, sync: PoolSyncTLV) -> None:
        pool = self.pools.get(sync.venue_id)
        if pool and sync.reserve0 and sync.reserve1:
            price = pool.from_reserves(sync.reserve0, sync.reserve1)
            self._watch_pool(sync.venue_id, price, self.v2_fee_bps, sync.timestamp)

    @handles
    def on_swap(self, swap: PoolSwapTLV) -> None:
        pool = self.pools.get(swap.venue_id)
        if pool and swap.sqrt_price_x96:  # V2 tells its price by a sync
            price = pool.from_sqrt_price(swap.sqrt_price_x96)
            self._watch_pool(swap.venue_id, price, self.v3_fee_bps, swap.timestamp)

    def _watch_pool(self, venue_id: int, price: int, fee_bps: float, timestamp: int) -> None:
        fee = round(price * fee_bps / _BPS)
        self._watch(venue_id, price - fee, price + fee, timestamp)

    def _watch(self, venue_id: int, bid: int, ask: int, timestamp: int) -> None:
        symbol = self.symbols.get(venue_id)
        if symbol and timestamp:  # what has no time cannot be compared
            for opportunity in self.scanner.update(symbol, venue_id, bid, ask, timestamp):
                self._tell(symbol, opportunity)

    def _tell(self, symbol: str, opportunity: Opportunity) -> None:
        self.count += 1
        if self.best is None or opportunity.edge_bps > self.best.edge_bps:
            self.best = opportunity
        now = time.monotonic()
        if now - self._logged_at.get(symbol, -self.log_every_s) >= self.log_every_s:
            self._logged_at[symbol] = now
            self.log.info("opportunity", instrument=symbol, trade=self._trade(opportunity), found=self.count)

    def _trade(self, opportunity: Opportunity) -> str:
        buy = f"buy {venue_text(self.venues, opportunity.buy_venue_id)} at {decimal_text(opportunity.ask)}"
        sell = f"sell {venue_text(self.venues, opportunity.sell_venue_id)} at {decimal_text(opportunity.bid)}"
        return f"{buy}, {sell}: {opportunity.edge_bps:.1f} bps"

    def summary(self) -> str:
        if self.best is None:
            return "no opportunity"
        return f"{count_text(self.count, 'opportunity', 'opportunities')}; best: {self._trade(self.best)}"
