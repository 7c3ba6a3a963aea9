"""Keeps the last prices and spreads and draws them at the end."""

from __future__ import annotations

from collections import defaultdict

from actors.services.series import Series
from actors.services.wording import decimal_text, venue_text
from configs.services import MonitorConfig
from mycelium import Actor, handles
from tlv.market_data import PriceUpdateTLV, SpreadUpdateTLV, VolumeUpdateTLV

__all__ = ["Monitor"]


class Monitor(Actor, receives=(PriceUpdateTLV, SpreadUpdateTLV, VolumeUpdateTLV)):
    """What a person looks at: the busiest markets, one line each."""

    def __init__(self, config: MonitorConfig) -> None:
        super().__init__()
        self.width = config.width
        self.markets = config.markets
        self.prices: dict[int, Series] = defaultdict(Series)
        self.spreads: dict[int, int] = {}
        self.volumes: dict[int, int] = {}

    @handles
    def on_price(self, update: PriceUpdateTLV) -> None:
        self.prices[update.venue_id].add(update.price)

    @handles
    def on_spread(self, update: SpreadUpdateTLV) -> None:
        self.spreads[update.venue_id] = update.spread

    @handles
    def on_volume(self, update: VolumeUpdateTLV) -> None:
        self.volumes[update.venue_id] = update.volume

    def summary(self) -> str | None:
        busiest = sorted(self.prices.items(), key=lambda item: -item[1].count)[: self.markets]
        return "\n".join(self._line(venue_id, prices) for venue_id, prices in busiest) or None

    def _line(self, venue_id: int, prices: Series) -> str:
        spread = self.spreads.get(venue_id)
        return (
            f"{venue_text(self.venues, venue_id):<20}  {prices.sparkline(self.width):<{self.width}}"
            f"  {decimal_text(prices.low)} to {decimal_text(prices.high)}, last {decimal_text(prices.last)}"
            f", spread {'-' if spread is None else decimal_text(spread)}"
            f", volume {decimal_text(self.volumes.get(venue_id, 0))}"
        )
