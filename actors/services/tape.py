"""The tape: last price, mean price and volume of every market."""

from __future__ import annotations

from collections import defaultdict

from actors.services.tally import Tally
from actors.services.wording import venue_text
from configs.services import TapeConfig
from mycelium import Actor, handles
from tlv.market_data import PriceUpdateTLV, TradeTLV, VolumeUpdateTLV

__all__ = ["Tape"]


class Tape(Actor, receives=TradeTLV, emits=(PriceUpdateTLV, VolumeUpdateTLV)):
    """Tells each change of a price at once, and volumes every ``volume_every`` trades and at the end.

    A market whose volume has outgrown the message (92 billion units) is logged and tells prices only.
    """

    def __init__(self, config: TapeConfig) -> None:
        super().__init__()
        self.volume_every = config.volume_every
        self.tallies: dict[int, Tally] = defaultdict(Tally)
        self.outgrown: set[int] = set()

    @handles
    def on_trade(self, trade: TradeTLV) -> None:
        venue_id = trade.venue_id
        tally = self.tallies[venue_id]
        if tally.add(trade.price, trade.quantity, trade.timestamp):
            self.emit(PriceUpdateTLV(tally.price, tally.vwap, tally.timestamp, venue_id))
        if tally.trade_count % self.volume_every == 0:
            self._emit_volume(venue_id, tally)

    def on_stop(self) -> None:
        for venue_id, tally in self.tallies.items():
            if tally.trade_count % self.volume_every:
                self._emit_volume(venue_id, tally)

    def _emit_volume(self, venue_id: int, tally: Tally) -> None:
        if not tally.can_be_told:
            if venue_id not in self.outgrown:
                self.outgrown.add(venue_id)
                self.log.warning(
                    "a volume has outgrown its message, it is told no more",
                    venue=venue_text(self.venues, venue_id),
                    volume=tally.volume,
                )
            return
        self.emit(
            VolumeUpdateTLV(
                tally.notional, tally.volume, tally.buy_volume, tally.trade_count, tally.timestamp, venue_id
            )
        )

    def summary(self) -> str | None:
        names = ", ".join(venue_text(self.venues, venue_id) for venue_id in sorted(self.outgrown))
        return f"volumes that have outgrown their message: {names}" if names else None
