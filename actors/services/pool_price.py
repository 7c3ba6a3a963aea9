"""The price of an instrument in a pool, from raw token amounts, in 1e-8 units of the quote currency."""

from __future__ import annotations

from typing import NamedTuple

from mycelium.venues import Venue

__all__ = ["PoolPrice"]

_UNIT = 10**8


class PoolPrice(NamedTuple):
    """Which token of a pool is the quote currency, and how the raw amounts scale.

    A pool says how much raw token1 one raw token0 is worth. The market calls it ETHUSDT whether the
    dollars are token1 or token0: the token whose name ends the symbol is the quote currency.
    """

    scale0: int
    scale1: int
    quoted_in_token0: bool

    @classmethod
    def of(cls, venue: Venue) -> PoolPrice | None:
        """For a venue of the table; ``None`` where it does not tell tokens, decimals and symbol."""
        if venue.tokens is None or venue.decimals is None or not venue.symbol:
            return None
        scale0, scale1 = (10**decimals for decimals in venue.decimals)
        if venue.symbol.endswith(venue.tokens[1]):
            return cls(scale0, scale1, quoted_in_token0=False)
        if venue.symbol.endswith(venue.tokens[0]):
            return cls(scale0, scale1, quoted_in_token0=True)
        return None

    def from_reserves(self, reserve0: int, reserve1: int) -> int:
        """The price at which a V2 pair with these reserves trades, rounded down."""
        if self.quoted_in_token0:
            return _UNIT * reserve0 * self.scale1 // (reserve1 * self.scale0)
        return _UNIT * reserve1 * self.scale0 // (reserve0 * self.scale1)

    def from_sqrt_price(self, sqrt_price_x96: int) -> int:
        """The price that a V3 pool gives as ``sqrt(token1 / token0) * 2**96``, rounded down."""
        return self.from_reserves(1 << 192, sqrt_price_x96 * sqrt_price_x96)

    def raw_ratio(self, price: int) -> tuple[int, int]:
        """Raw token1 per raw token0 at this price, as numerator and denominator."""
        if self.quoted_in_token0:
            return _UNIT * self.scale1, price * self.scale0
        return price * self.scale1, _UNIT * self.scale0

    def amounts(self, price: int, quote: int) -> tuple[int, int]:
        """Raw token0 and token1 that are worth ``quote`` whole quote tokens each at this price."""
        numerator, denominator = self.raw_ratio(price)
        if self.quoted_in_token0:
            return quote * self.scale0, quote * self.scale0 * numerator // denominator
        return quote * self.scale1 * denominator // numerator, quote * self.scale1
