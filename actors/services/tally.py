"""Running totals of the trades of one market, in whole numbers."""

from __future__ import annotations

__all__ = ["Tally"]


class Tally:
    """What was traded so far.

    Price and size are both in 1e-8 units, so ``notional`` is in 1e-16 of the quote currency and the
    mean price, ``notional / volume``, is exact until ``vwap`` rounds it down to 1e-8.
    """

    __slots__ = ("buy_volume", "notional", "price", "timestamp", "trade_count", "volume")

    def __init__(self) -> None:
        self.price = 0
        self.notional = 0
        self.volume = 0
        self.buy_volume = 0
        self.trade_count = 0
        self.timestamp = 0

    def add(self, price: int, quantity: int, timestamp: int) -> bool:
        """Count a trade (a negative quantity: the seller was the aggressor); tell whether the price changed."""
        if quantity > 0:
            self.buy_volume += quantity
        else:
            quantity = -quantity
        self.volume += quantity
        self.notional += price * quantity
        self.trade_count += 1
        self.timestamp = timestamp
        if price == self.price:
            return False
        self.price = price
        return True

    @property
    def can_be_told(self) -> bool:
        """Whether the totals fit their fields: volumes of 64 bits, a notional of 128."""
        return self.volume < 1 << 63 and self.notional < 1 << 127

    @property
    def vwap(self) -> int:
        """Volume-weighted mean price, rounded down. Raises ``ZeroDivisionError`` before the first trade."""
        return self.notional // self.volume
